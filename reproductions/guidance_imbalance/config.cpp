#include "reproductions/guidance_imbalance/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/config.h"
#include "core/error.h"
#include "datasets/imbalance.h"

namespace assay::guidance_imbalance {
namespace {

std::vector<double> read_strengths(ConfigReader& reader, const std::string& key) {
  std::vector<double> strengths = reader.reals(key, {}, 0.0, 1e6);
  std::sort(strengths.begin(), strengths.end());
  if (strengths.empty()) throw InputError(fmt::format("strengths.{}: empty; accepted: one or more above 0", key));
  for (std::size_t i = 0; i < strengths.size(); ++i) {
    if (strengths[i] == 0) throw InputError(fmt::format("strengths.{}: 0 is arm `none`; accepted: above 0", key));
    if (i > 0 && strengths[i] == strengths[i - 1])
      throw InputError(fmt::format("strengths.{}: {} is given twice", key, strengths[i]));
  }
  return strengths;
}

}  // namespace

Config read_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  Config c;
  nlohmann::json self = reader.object("self_guided");
  for (const char* key : {"dataset", "label", "parts", "networks", "pretrained", "uncond_model", "encoders"})
    if (self.contains(key)) throw InputError(fmt::format("self_guided.{}: follows from the study; leave it out", key));
  self["dataset"] = reader.object("dataset");
  self["label"] = "group";  // what is thinned
  self["parts"] = {"guidance", "layouts"};
  self["networks"] = "shared";  // one training for all conditions that an image can show
  c.self = self_guided::read_config(self);
  c.arms = study_arms(reader.texts("arms", {none_arm}), c.self.clusters);
  c.longest_tail = reader.text("longest_tail", "natural");
  parse_imbalance(c.longest_tail);
  c.least = reader.integer("least", c.least, 6);  // as many as neighbour balls need
  c.replicates = reader.integer("replicates", c.replicates, 20, 1000000);
  {
    ConfigReader strengths(reader.object("strengths"), "strengths");
    c.weights = read_strengths(strengths, "weights");
    c.gammas = read_strengths(strengths, "gammas");
    c.gammas_entropy = read_strengths(strengths, "gammas_entropy");
    c.selection_count = strengths.integer("selection_count", c.selection_count, 6);
    strengths.finish();
  }
  c.classifiers.label = LabelKind::group;
  c.classifiers.dataset = c.self.dataset;
  c.classifiers.schedule = c.self.schedule;
  c.classifiers.sample.batch = c.self.sample.batch;
  c.classifiers.classifier = read_encoder_unet_config(reader.object("classifier"), "classifier");
  c.classifiers.classifier_train = read_classifier_train_options(reader.object("classifier_train"), "classifier_train");
  c.classifiers.entropy_constraint = reader.real("entropy_constraint", c.classifiers.entropy_constraint, 1e-9, 1000.0);
  c.entropy_floor = reader.real("entropy_floor", c.entropy_floor, 0.0, 1.0);
  reader.finish();
  if (c.classifiers.classifier.image_size != c.self.dataset.size)
    throw InputError(fmt::format("classifier.image_size is {}, dataset.size is {}; they must be equal",
                                 c.classifiers.classifier.image_size, c.self.dataset.size));
  std::vector<CellBudget> budgets;
  budgets.reserve(c.arms.size());
  for (const StudyArm& arm : c.arms) budgets.push_back(budget_of(c, arm));
  check_equal_budgets(budgets);
  return c;
}

bool has(const Config& config, ArmKind kind) {
  return std::any_of(config.arms.begin(), config.arms.end(), [&](const StudyArm& arm) { return arm.kind == kind; });
}

const std::vector<double>& strengths_of(const Config& config, const StudyArm& arm) {
  static const std::vector<double> none;
  if (!arm.guided()) return none;
  if (arm.kind != ArmKind::classifier) return config.weights;
  return arm.entropy_scaling ? config.gammas_entropy : config.gammas;
}

CellBudget budget_of(const Config& config, const StudyArm& arm) {
  const std::vector<double>& strengths = strengths_of(config, arm);
  CellBudget budget{.cell = arm.name,
                    .training_images = config.self.train.steps * config.self.train.batch,
                    .images = config.self.sample.count,
                    .sampler = fmt::format("{}, {} steps", name_of(config.self.sample.sampler, sampler_names),
                                           config.self.sample.ddim.steps),
                    .strengths = static_cast<std::int64_t>(strengths.size()),
                    .evaluations = 1};
  if (strengths.size() > 1) budget.tuning_images = budget.strengths * config.selection_count;
  if (arm.kind == ArmKind::classifier)
    budget.classifier_images = config.classifiers.classifier_train.steps * config.classifiers.classifier_train.batch;
  else if (arm.guided())
    budget.evaluations = 2;
  return budget;
}

}  // namespace assay::guidance_imbalance
