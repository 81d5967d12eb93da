#include "reproductions/guidance_imbalance/budget.h"

#include <fmt/format.h>

#include <utility>

#include "core/config.h"
#include "core/error.h"

namespace assay::guidance_imbalance {
namespace {

template <class Value>
void check_equal(const CellBudget& a, const CellBudget& b, Value CellBudget::*field, const char* what) {
  if (a.*field != b.*field)
    throw InputError(fmt::format("unequal budgets: {} of {} are {}, of {} {}; arms are compared at equal ones alone",
                                 what, a.cell, a.*field, b.cell, b.*field));
}

/// The first of `budgets` that is like `of` in what `has` asks for.
template <class Has>
const CellBudget& first_like(const std::vector<CellBudget>& budgets, const CellBudget& of, Has has) {
  for (const CellBudget& budget : budgets)
    if (has(budget) == has(of)) return budget;
  return of;
}

}  // namespace

nlohmann::json to_json(const CellBudget& budget) {
  return {{"training_images", budget.training_images},
          {"images", budget.images},
          {"sampler", budget.sampler},
          {"strengths", budget.strengths},
          {"tuning_images", budget.tuning_images},
          {"classifier_images", budget.classifier_images},
          {"evaluations", budget.evaluations}};
}

CellBudget read_cell_budget(const nlohmann::json& object, std::string cell) {
  ConfigReader reader(object, cell);
  CellBudget budget;
  budget.training_images = reader.integer("training_images", 0, 0);
  budget.images = reader.integer("images", 0, 0);
  budget.sampler = reader.text("sampler", "");
  budget.strengths = reader.integer("strengths", 0, 0);
  budget.tuning_images = reader.integer("tuning_images", 0, 0);
  budget.classifier_images = reader.integer("classifier_images", 0, 0);
  budget.evaluations = reader.integer("evaluations", 0, 0);
  reader.finish();
  budget.cell = std::move(cell);
  return budget;
}

void check_equal_budgets(const std::vector<CellBudget>& budgets) {
  for (const CellBudget& budget : budgets) {
    check_equal(budgets.front(), budget, &CellBudget::training_images, "training images");
    check_equal(budgets.front(), budget, &CellBudget::images, "drawn images");
    check_equal(budgets.front(), budget, &CellBudget::sampler, "samplers");
    const CellBudget& guided = first_like(budgets, budget, [](const CellBudget& b) { return b.strengths > 0; });
    check_equal(guided, budget, &CellBudget::strengths, "strengths of guidance");
    check_equal(guided, budget, &CellBudget::tuning_images, "images for the choice of a strength");
    const CellBudget& judged = first_like(budgets, budget, [](const CellBudget& b) { return b.classifier_images > 0; });
    check_equal(judged, budget, &CellBudget::classifier_images, "training images of the classifier");
  }
}

}  // namespace assay::guidance_imbalance
