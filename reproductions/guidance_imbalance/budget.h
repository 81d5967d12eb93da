#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace assay::guidance_imbalance {

/// What an arm may spend. Arms are compared at equal budgets alone.
struct CellBudget {
  std::string cell = {};               // "shapes, imbalance 10, label"; for messages
  std::int64_t training_images = 0;    // examples that its denoiser is trained on
  std::int64_t images = 0;             // drawn and reported, for each way to draw conditions
  std::string sampler = {};            // with its steps: "ddim, 10 steps"
  std::int64_t strengths = 0;          // of guidance, from which the best is chosen; 0: nothing guides
  std::int64_t tuning_images = 0;      // drawn for that choice
  std::int64_t classifier_images = 0;  // examples that its noisy classifier is trained on, on top: no other arm has one
  std::int64_t evaluations = 0;        // of the denoiser by a step, at most; differs with what guides
};

/// Without the cell's name.
nlohmann::json to_json(const CellBudget& budget);
/// What to_json() wrote. Throws InputError for another object.
CellBudget read_cell_budget(const nlohmann::json& object, std::string cell);

/// Throws InputError, with both values, unless all have one training budget, one sampler and one number of images, and
/// those that guide one number of strengths and of images for their choice, and those with a classifier one training of
/// it. Evaluations may differ: they follow from what guides, and are recorded.
void check_equal_budgets(const std::vector<CellBudget>& budgets);

}  // namespace assay::guidance_imbalance
