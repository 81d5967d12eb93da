#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/method.h"

namespace assay::guidance_imbalance {

/// One data set at one imbalance: a run is one seed of it, and each arm a stage "cell:ARM" of the run, so that a run
/// that was killed goes on at the first arm that is missing. Throws InputError where `config` is not a complete
/// configuration, budgets are unequal, or an arm asks for more clusters than there are training images.
///
/// One network learns people's labels and the clusters of every K, each example showing one of them; another of the
/// same training budget boxes and masks, where an arm asks for them. The classifier arms draw from the null condition
/// of the first. Every arm has one sampler, and sample i the same noise in all of them. Images are drawn twice: with
/// conditions of random training images ("marginal"), and of a random image of a random class or cluster that occurs
/// ("uniform").
std::unique_ptr<Method> make_block(const nlohmann::json& config);

/// "1", "10", "100", "natural": the imbalance of a block, as scores name it by the key `imbalance`.
std::string imbalance_of(const nlohmann::json& config);

/// What to say where a data set has fewer training images than clusters are asked for.
std::string too_many_clusters(std::int64_t clusters, std::int64_t images, const DatasetSpec& dataset);

}  // namespace assay::guidance_imbalance
