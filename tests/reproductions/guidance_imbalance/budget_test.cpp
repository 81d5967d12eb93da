#include "reproductions/guidance_imbalance/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace assay::guidance_imbalance {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

CellBudget none() { return {.cell = "none", .training_images = 320, .images = 40, .sampler = "ddim, 3 steps"}; }
CellBudget guided(const std::string& cell) {
  CellBudget budget = none();
  budget.cell = cell;
  budget.strengths = 2;
  budget.tuning_images = 20;
  return budget;
}

std::string refusal(const std::vector<CellBudget>& budgets) {
  try {
    check_equal_budgets(budgets);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(CellBudgets, MayDifferInWhatFollowsFromTheGuidance) {
  CellBudget label = guided("label"), classifier = guided("classifier");
  label.evaluations = 2;
  classifier.classifier_images = 100;
  EXPECT_EQ(refusal({none(), label, classifier}), "");
  EXPECT_EQ(refusal({}), "");
}

TEST(CellBudgets, AreRefusedWhereUnequalWithBothValues) {
  CellBudget more = guided("self_box");
  more.training_images = 321;
  EXPECT_THAT(refusal({none(), guided("label"), more}),
              AllOf(HasSubstr("none"), HasSubstr("320"), HasSubstr("self_box"), HasSubstr("321")));
  more = guided("self_box");
  more.images = 41;
  EXPECT_THAT(refusal({guided("label"), more}), HasSubstr("drawn images"));
  more = guided("self_box");
  more.sampler = "ddim, 4 steps";
  EXPECT_THAT(refusal({guided("label"), more}), HasSubstr("ddim, 4 steps"));
  more = guided("classifier");
  more.strengths = 3;
  EXPECT_THAT(refusal({none(), guided("label"), more}), AllOf(HasSubstr("label"), HasSubstr("strengths")));
  more = guided("classifier");
  more.tuning_images = 30;
  EXPECT_THAT(refusal({none(), guided("label"), more}), HasSubstr("30"));
  CellBudget classifier = guided("classifier"), constrained = guided("classifier_eds_ect");
  classifier.classifier_images = 100;
  constrained.classifier_images = 200;
  EXPECT_THAT(refusal({none(), guided("label"), classifier, constrained}),
              HasSubstr("training images of the classifier"));
}

TEST(CellBudgets, AreReadAsTheyWereWritten) {
  CellBudget budget = guided("x");
  budget.classifier_images = 7;
  budget.evaluations = 2;
  EXPECT_EQ(to_json(read_cell_budget(to_json(budget), "x")), to_json(budget));
}

}  // namespace
}  // namespace assay::guidance_imbalance
