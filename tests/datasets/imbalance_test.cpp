#include "datasets/imbalance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Classes of given training sizes, two validation items each; pixel 0 of an image is its index.
class Labelled final : public Dataset {
 public:
  explicit Labelled(const std::vector<int>& sizes) {
    for (std::size_t c = 0; c < sizes.size(); ++c) {
      groups_.push_back("class " + std::to_string(c));
      for (int k = 0; k < sizes[c] + 2; ++k)
        items_.push_back({"item-" + std::to_string(items_.size()), "", static_cast<int>(c), static_cast<int>(c),
                          k < sizes[c] ? Split::train : Split::validation});
    }
  }
  const std::string& name() const override { return name_; }
  int size() const override { return 8; }
  std::string hash() const override { return "base" + std::to_string(items_.size()); }
  const std::vector<Item>& items() const override { return items_; }
  const std::vector<std::string>& groups() const override { return groups_; }
  const std::vector<std::string>& subgroups() const override { return groups_; }
  const std::vector<Problem>& problems() const override { return problems_; }
  Sample sample(std::int64_t index) const override {
    Sample sample;
    sample.image = Image(1, 1, 3, static_cast<std::uint8_t>(index));
    return sample;
  }

 private:
  std::string name_ = "labelled";
  std::vector<Item> items_;
  std::vector<std::string> groups_;
  std::vector<Problem> problems_{{"x", "base problem"}};
};

std::unique_ptr<Dataset> thinned(const std::vector<int>& sizes, const std::string& text, std::uint64_t seed = 0) {
  return make_imbalanced(std::make_unique<Labelled>(sizes), parse_imbalance(text), seed);
}

std::vector<int> train_counts(const Dataset& dataset) {
  std::vector<int> counts(dataset.groups().size(), 0);
  for (const std::int64_t i : indices(dataset, Split::train))
    ++counts[static_cast<std::size_t>(dataset.items()[static_cast<std::size_t>(i)].group)];
  return counts;
}

TEST(ImbalancedCounts, ExponentialFallsFromOneToOneOverRatio) {
  // 500 * 100^(-c / 9): the counts of long-tailed CIFAR-10 with ratio 100, rounded to nearest.
  EXPECT_THAT(imbalanced_counts(parse_imbalance("exp:100"), 10, 500),
              ElementsAre(500, 300, 180, 108, 65, 39, 23, 14, 8, 5));
}

TEST(ImbalancedCounts, StepCutsTheLastClasses) {
  EXPECT_THAT(imbalanced_counts(parse_imbalance("step:10:0.4"), 5, 80), ElementsAre(80, 80, 80, 8, 8));
  EXPECT_THAT(imbalanced_counts(parse_imbalance("step:10:0"), 3, 80), ElementsAre(80, 80, 80));
  EXPECT_THAT(imbalanced_counts(parse_imbalance("step:10:1"), 3, 80), ElementsAre(8, 8, 8));
}

TEST(ImbalancedCounts, LeaveAtLeastOneAndAllowOneClass) {
  EXPECT_THAT(imbalanced_counts(parse_imbalance("exp:1000"), 2, 20), ElementsAre(20, 1));
  EXPECT_THAT(imbalanced_counts(parse_imbalance("exp:1000"), 1, 20), ElementsAre(20));
}

TEST(Imbalanced, KeepsTheCountsOfTheFormulaInTheTrainingSplitOnly) {
  const auto dataset = thinned({40, 40, 40}, "exp:16");

  EXPECT_THAT(train_counts(*dataset), ElementsAre(40, 10, 3));  // 40, 40 / 4, 40 / 16 = 2.5
  EXPECT_EQ(indices(*dataset, Split::validation).size(), 6u);
}

TEST(Imbalanced, KeepsOrderLabelsAndImagesOfTheItemsThatStay) {
  const auto dataset = thinned({30, 30}, "exp:5");
  int last = -1;
  for (std::size_t i = 0; i < dataset->items().size(); ++i) {
    const int original = dataset->sample(static_cast<std::int64_t>(i)).image.pixels[0];
    EXPECT_GT(original, last);
    EXPECT_EQ(dataset->items()[i].stem, "item-" + std::to_string(original));
    last = original;
  }
  EXPECT_THROW(dataset->sample(static_cast<std::int64_t>(dataset->items().size())), Error);
  EXPECT_THROW(dataset->sample(-1), Error);
}

TEST(Imbalanced, SeedChoosesWhichItemsStay) {
  const auto stems = [](const Dataset& dataset) {
    std::set<std::string> result;
    for (const Item& item : dataset.items()) result.insert(item.stem);
    return result;
  };
  const auto a = thinned({60, 60}, "exp:4", 1), again = thinned({60, 60}, "exp:4", 1),
             b = thinned({60, 60}, "exp:4", 2);
  EXPECT_EQ(stems(*a), stems(*again));
  EXPECT_EQ(a->hash(), again->hash());
  EXPECT_NE(stems(*a), stems(*b));
  EXPECT_NE(a->hash(), b->hash());
}

TEST(Imbalanced, AStrongerRatioKeepsASubset) {
  const auto mild = thinned({50, 50, 50}, "exp:4"), strong = thinned({50, 50, 50}, "exp:20");
  std::set<std::string> stems;
  for (const Item& item : mild->items()) stems.insert(item.stem);
  ASSERT_LT(strong->items().size(), mild->items().size());
  for (const Item& item : strong->items()) EXPECT_TRUE(stems.contains(item.stem)) << item.stem;
}

TEST(Imbalanced, ReportsClassesWithFewerItemsThanAsked) {
  const auto dataset = thinned({100, 20, 100}, "exp:4");

  EXPECT_THAT(train_counts(*dataset), ElementsAre(100, 20, 25));
  ASSERT_EQ(dataset->problems().size(), 2u);
  EXPECT_EQ(dataset->problems()[0].what, "base problem");
  EXPECT_EQ(dataset->problems()[1].item, "class 1");
  EXPECT_THAT(dataset->problems()[1].what, HasSubstr("asks for 50 training items, the set has 20"));
}

TEST(Imbalanced, NaturalGivesTheSetItself) {
  EXPECT_THAT(train_counts(*thinned({7, 9}, "natural")), ElementsAre(7, 9));
  EXPECT_EQ(thinned({7, 9}, "natural")->hash(), Labelled({7, 9}).hash());
}

TEST(ParseImbalance, RefusesOtherFormsAndNamesTheAcceptedOnes) {
  for (const char* text : {"", "exp", "exp:", "exp:0.5", "exp:abc", "exp:10x", "exp:nan", "exp:inf", "exp:-3",
                           "step:10", "step:10:", "step:10:1.5", "step:10:-0.1", "step::0.5", "Natural", "exp:1e7"})
    EXPECT_THAT(input_error([&] { parse_imbalance(text); }), HasSubstr("accepted: natural, exp:RHO")) << text;
}

}  // namespace
}  // namespace assay
