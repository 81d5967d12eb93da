#include "metrics/feature_sets/strata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

using Labels = std::vector<std::int64_t>;
using ::testing::ElementsAre;

/// `count` times each label.
Labels labels(const std::vector<std::pair<std::int64_t, int>>& counts) {
  Labels out;
  for (const auto& [label, count] : counts) out.insert(out.end(), static_cast<std::size_t>(count), label);
  return out;
}

TEST(Strata, EveryClassOfEitherSideIsOne) {
  const auto strata = class_strata(labels({{7, 2}, {-1, 1}, {3, 4}}), labels({{4, 1}, {7, 1}}));
  ASSERT_EQ(strata.size(), 4u);
  EXPECT_EQ(strata[0].name, "class -1");
  EXPECT_EQ(strata[2].name, "class 4");
  EXPECT_THAT(strata[3].classes, ElementsAre(7));
  EXPECT_TRUE(strata[3].one_class);
}

TEST(Strata, ClassesGoByTheirNamesWhereTheyHaveSome) {
  const auto strata = class_strata(labels({{2, 1}}), labels({{0, 1}}), {"1", "2", "10"});
  ASSERT_EQ(strata.size(), 2u);
  EXPECT_EQ(strata[0].name, "class 1");
  EXPECT_EQ(strata[1].name, "class 10");
  EXPECT_THAT(strata[1].classes, ElementsAre(2));
}

TEST(Strata, ThirdsCutTheSortedClassesLargestFirst) {
  const auto strata =
      tail_strata(labels({{0, 1}, {1, 9}, {2, 5}, {3, 5}, {4, 7}, {5, 2}, {6, 3}}), parse_tail_rule("thirds"));
  ASSERT_EQ(strata.size(), 3u);
  EXPECT_THAT(strata[0].classes, ElementsAre(1, 4, 2));
  EXPECT_THAT(strata[1].classes, ElementsAre(3, 6));
  EXPECT_THAT(strata[2].classes, ElementsAre(5, 0));
}

TEST(Strata, ManyFewCutsAtItsCounts) {
  const auto strata = tail_strata(labels({{0, 101}, {1, 100}, {2, 20}, {3, 19}}), parse_tail_rule("many-few:100,20"));
  ASSERT_EQ(strata.size(), 3u);
  EXPECT_THAT(strata[0].classes, ElementsAre(0));
  EXPECT_THAT(strata[1].classes, ElementsAre(1, 2));
  EXPECT_THAT(strata[2].classes, ElementsAre(3));
}

TEST(Strata, PartsWithoutClassesStandThereAllTheSame) {
  const auto strata = tail_strata(labels({{0, 5}}), parse_tail_rule("many-few:100,20"));
  ASSERT_EQ(strata.size(), 3u);
  EXPECT_TRUE(strata[0].classes.empty() && strata[1].classes.empty());
  EXPECT_EQ(strata[2].name, "tail");
  EXPECT_THAT(strata[2].classes, ElementsAre(0));
}

TEST(Strata, OtherRulesAreRefused) {
  for (const char* rule :
       {"", "halves", "many-few:", "many-few:20", "many-few:20,100", "many-few:5,0", "many-few:9,3x"})
    EXPECT_THROW(parse_tail_rule(rule), InputError) << rule;
}

TEST(Strata, MatchedRowsHoldEachClassEquallyOftenOnBothSides) {
  const Labels generated = labels({{0, 10}, {1, 3}, {2, 4}}), reference = labels({{2, 4}, {1, 8}, {0, 6}});
  const Stratum stratum{"tail", {0, 1}};
  const MatchedRows rows = draw_matched(stratum, generated, reference, 3, 0);
  Labels left, right;
  for (const auto i : rows.generated) left.push_back(generated[static_cast<std::size_t>(i)]);
  for (const auto i : rows.reference) right.push_back(reference[static_cast<std::size_t>(i)]);
  std::sort(right.begin(), right.end());
  EXPECT_EQ(left, labels({{0, 6}, {1, 3}}));
  EXPECT_EQ(right, left);
  EXPECT_TRUE(std::is_sorted(rows.generated.begin(), rows.generated.end()));
  EXPECT_EQ(std::adjacent_find(rows.generated.begin(), rows.generated.end()), rows.generated.end());
}

TEST(Strata, DrawsDifferAndRepeat) {
  const Labels generated = labels({{0, 5}}), reference = labels({{0, 500}});
  const Stratum stratum{"class 0", {0}};
  const auto first = draw_matched(stratum, generated, reference, 3, 0).reference;
  EXPECT_EQ(draw_matched(stratum, generated, reference, 3, 0).reference, first);
  EXPECT_NE(draw_matched(stratum, generated, reference, 3, 1).reference, first);
  EXPECT_NE(draw_matched(stratum, generated, reference, 4, 0).reference, first);
  EXPECT_TRUE(has_choice(stratum, generated, reference));
  EXPECT_FALSE(has_choice(stratum, generated, generated));
}

}  // namespace
}  // namespace assay
