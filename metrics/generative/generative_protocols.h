#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/feature_sets/feature_file.h"
#include "metrics/generative/metric_row.h"

namespace assay {

/// Choices of one call that several protocols share.
struct GenerativeOptions {
  std::int64_t bootstrap = 200;  // replicates behind an interval; 0: no intervals
  double level = 0.95;           // of intervals
  std::uint64_t seed = 0;        // of everything drawn, unless the protocol fixes its own
  std::int64_t kid_subsets = 100, kid_subset_size = 1000;
};

/// Scores `generated` against `reference` under one protocol. The caller fills in protocol, counts and hashes of rows
/// that leave them open. Throws InputError where the sets lack what the protocol needs.
using GenerativeScore = std::vector<MetricRow> (*)(const FeatureSet& reference, const FeatureSet& generated,
                                                   const GenerativeOptions& options);

/// What a protocol takes of its sets.
enum class SampleNeeds {
  statistics,          // features, or statistics of them
  spatial_statistics,  // the same of spatial features, which a public file holds beside the usual ones
  generated_features,  // features of the generated set, statistics of the reference
  features,            // of both
  logits               // of the generated set, without a reference
};

/// One protocol of `assay metric generative`.
struct GenerativeProtocol {
  std::string_view id;  // of metrics/protocols/protocols.h
  GenerativeScore score;
  SampleNeeds needs;
  /// Choices that the user may set otherwise than the protocol's, for the store.
  nlohmann::json (*choices)(const GenerativeOptions& options) = nullptr;

  /// Without: `reference` is an empty set where the user gave none.
  bool needs_reference() const { return needs != SampleNeeds::logits; }
};

/// What these protocols take of a file of features: of the reference, and of the generated set with or without
/// intervals.
KeepOfFeatures kept_of_reference(std::span<const GenerativeProtocol* const> protocols);
KeepOfFeatures kept_of_generated(std::span<const GenerativeProtocol* const> protocols, bool intervals);

/// Throws InputError naming the set where it lacks what the protocol needs of it, before anything is computed.
void check_reference(const GenerativeProtocol& protocol, const FeatureSet& set);
void check_generated(const GenerativeProtocol& protocol, const FeatureSet& set);

/// Fréchet distances: fid-*, sfid-oai, fd-*.
std::vector<GenerativeProtocol> frechet_scores();

/// Kernel distance, neighbour balls and Inception Score: kid-seed2020, prdc5, pr-*, is-*.
std::vector<GenerativeProtocol> kernel_and_ball_scores();

/// All of them, in the order they are listed to the user.
const std::vector<GenerativeProtocol>& generative_protocols();

/// Throws InputError naming the known ids (and the nearest one) when there is no such protocol.
const GenerativeProtocol& find_generative_protocol(const std::string& id);

}  // namespace assay
