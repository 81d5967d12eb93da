#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/ed_dpm/config.h"
#include "reproductions/guidance_imbalance/arms.h"
#include "reproductions/guidance_imbalance/budget.h"
#include "reproductions/self_guided/config.h"

namespace assay::guidance_imbalance {

/// One data set at one imbalance, with every arm. Networks, clusters, layouts, sampler and training are those of
/// self_guided, classifiers and their training those of ed_dpm.
struct Config {
  self_guided::Config self;
  ed_dpm::Config classifiers;  // label, schedule, classifier, classifier_train, entropy_constraint; the rest is unused
  std::vector<StudyArm> arms;
  std::string longest_tail;            // imbalance by whose training counts classes are head, medium and tail
  std::int64_t least = 40;             // training images of a class before any thinning, without which it is not scored
  std::int64_t replicates = 100;       // behind each interval over samples
  std::vector<double> weights;         // w of label, self_label, self_box and self_mask, imagen convention
  std::vector<double> gammas;          // of the classifier
  std::vector<double> gammas_entropy;  // of the classifier with EDS, whose gradient is larger
  std::int64_t selection_count = 50;   // images an arm and a strength, behind the choice among several
  double entropy_floor = 1e-6;         // as ed_dpm's
};

/// Reads and checks a complete configuration. Throws InputError.
Config read_config(const nlohmann::json& object);

/// Has an arm of that kind.
bool has(const Config& config, ArmKind kind);

/// The strengths from which an arm's is chosen; none where nothing guides.
const std::vector<double>& strengths_of(const Config& config, const StudyArm& arm);

/// What an arm spends.
CellBudget budget_of(const Config& config, const StudyArm& arm);

}  // namespace assay::guidance_imbalance
