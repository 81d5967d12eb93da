#include "reproductions/self_guided/long_tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "reproductions/self_guided/algorithm/long_tailed_set.h"
#include "tests/reproductions/memory_run.h"
#include "tests/reproductions/tiny_study.h"

namespace assay::self_guided {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsSubsetOf;
using ::testing::SizeIs;
using Ids = std::vector<std::int64_t>;

/// Groups 1, 4 and 7 with 12, 9 and 10 images, in turn as far as they go.
Ids three_groups() {
  Ids ids;
  for (int round = 0; round < 12; ++round) {
    ids.push_back(1);
    if (round < 9) ids.push_back(4);
    if (round < 10) ids.push_back(7);
  }
  return ids;
}

TEST(ShuffledGroups, HoldEveryImageOfEveryGroupThatOccursInAnOrderOfTheSeed) {
  const Ids ids = three_groups();
  const auto groups = shuffled_groups(ids, 3);
  ASSERT_THAT(groups, ElementsAre(SizeIs(12), SizeIs(9), SizeIs(10)));
  std::set<std::int64_t> all;
  for (std::size_t c = 0; c < 3; ++c)
    for (const std::int64_t image : groups[c]) {
      EXPECT_EQ(ids[static_cast<std::size_t>(image)], (Ids{1, 4, 7})[c]);
      all.insert(image);
    }
  EXPECT_THAT(all, SizeIs(31));
  for (const Ids& members : groups) EXPECT_FALSE(std::is_sorted(members.begin(), members.end()));
  EXPECT_EQ(shuffled_groups(ids, 3), groups);
  EXPECT_NE(shuffled_groups(ids, 4), groups);
}

TEST(Thinned, LeavesTheGeometricSeriesFromTheSmallestGroupAndIsNested) {
  const Ids ids = three_groups();
  const auto groups = shuffled_groups(ids, 3);
  const auto counts = [&](const Ids& kept) {
    Ids count(3, 0);
    for (const std::int64_t image : kept)
      ++count[static_cast<std::size_t>((ids[static_cast<std::size_t>(image)] - 1) / 3)];
    return count;
  };
  const Ids balanced = thinned(groups, 1), middle = thinned(groups, 2.25), tail = thinned(groups, 9);
  EXPECT_THAT(counts(balanced), ElementsAre(9, 9, 9));
  EXPECT_THAT(counts(middle), ElementsAre(9, 6, 4));
  EXPECT_THAT(counts(tail), ElementsAre(9, 3, 1));
  for (const Ids* kept : {&balanced, &middle, &tail}) EXPECT_TRUE(std::is_sorted(kept->begin(), kept->end()));
  EXPECT_THAT(middle, IsSubsetOf(balanced));
  EXPECT_THAT(tail, IsSubsetOf(middle));
}

TEST(DrawnSources, FollowTheImagesOrTheClassesThatOccur) {
  Ids ids(90, 0);
  ids.insert(ids.end(), 10, 5);
  constexpr std::int64_t n = 2000;
  const auto share_of_rare = [&](ConditionDraw draw) {
    const Ids sources = drawn_sources(ids, draw, n, 7);
    EXPECT_THAT(std::set<std::int64_t>(sources.begin(), sources.end()), SizeIs(100));
    return static_cast<double>(
               std::count_if(sources.begin(), sources.end(), [](std::int64_t image) { return image >= 90; })) /
           n;
  };
  // Five deviations of a binomial share.
  EXPECT_NEAR(share_of_rare(ConditionDraw::marginal), 0.1, 5 * std::sqrt(0.1 * 0.9 / n));
  EXPECT_NEAR(share_of_rare(ConditionDraw::uniform), 0.5, 5 * std::sqrt(0.5 * 0.5 / n));
}

TEST(DrawnSources, OfASampleDependOnSeedAndNumberAlone) {
  const Ids ids = three_groups();
  for (const ConditionDraw draw : {ConditionDraw::marginal, ConditionDraw::uniform}) {
    const Ids all = drawn_sources(ids, draw, 50, 7);
    EXPECT_EQ(drawn_sources(ids, draw, 20, 7), Ids(all.begin(), all.begin() + 20));
    EXPECT_NE(drawn_sources(ids, draw, 50, 8), all);
  }
}

TEST(GainOverLogImbalance, IsTheSlopeOverTheNaturalLogarithm) {
  const std::vector<double> rhos = {1, 10, 100};
  // On a line: 2 + 3 ln rho. Off it: the symmetric middle point has no say.
  EXPECT_NEAR(gain_over_log_imbalance(rhos, std::vector<double>{2, 2 + 3 * std::log(10.0), 2 + 3 * std::log(100.0)}), 3,
              1e-12);
  EXPECT_NEAR(gain_over_log_imbalance(rhos, std::vector<double>{1, 50, 3}), 1 / std::log(10.0), 1e-12);
  EXPECT_THROW(gain_over_log_imbalance(std::vector<double>{5, 5}, std::vector<double>{1, 2}), InputError);
}

TEST(LongTail, RecordsBothArmsUnderBothDrawsAndTheSlopeOfTheirDifference) {
  nlohmann::json config = test::tiny_self_guided();
  config["train"].update({{"steps", 30}, {"learning_rate", 1e-2}, {"warmup_steps", 0}});  // so that conditions tell
  test::MemoryRun run(config, 3);
  Study s(run, read_config(run.config()));
  long_tail(s, FdSmall(run, s.train, s.config.fd_small, s.config.bootstrap));
  for (const char* conditions : {"marginal", "uniform"}) {
    const auto gain = [&](double rho) {
      const auto fd = [&](const std::string& arm) {
        return run.score(rho == 1 ? "sample:tail1" : "sample:tail4", arm, "fd-small",
                         {{"imbalance", rho}, {"conditions", conditions}, {"w", s.config.sample.guidance.weight}});
      };
      return fd("label").value - fd("self_label_k3").value;
    };
    const Score& slope = run.score("tail", "self_label", "gain_over_log_imbalance", {{"conditions", conditions}});
    EXPECT_NEAR(slope.value, (gain(4) - gain(1)) / std::log(4.0), 1e-9 * std::abs(slope.value));
    EXPECT_NE(slope.value, 0);
    EXPECT_EQ(slope.direction, Better::higher);
  }
  const auto groups = shuffled_groups(s.train.groups, 3);
  for (const int rho : {1, 4})
    EXPECT_THAT(run.stages.at(fmt::format("sample:tail{}", rho)).notes,
                Contains(Eq(fmt::format("imbalance {}: {} training images of {} groups, K = 3", rho,
                                        thinned(groups, rho).size(), groups.size()))));
  // Of the images of the last third of the groups, not of all.
  const ProtocolUse& rare = run.stages.at("sample:tail4").protocols.at(1);
  const std::size_t rare_groups = groups.size() / 3;
  EXPECT_EQ(rare.choices.at("n_reference"), rare_groups * thinned(groups, 1).size() / groups.size());
  EXPECT_EQ(rare.name, "prdc5");
  EXPECT_EQ(rare.choices.at("weights"), rare.choices.at("network"));
  for (const char* arm : {"label", "self_label_k3"}) {
    const Score& recall =
        run.score("sample:tail4", arm, "tail_recall",
                  {{"imbalance", 4}, {"conditions", "uniform"}, {"w", s.config.sample.guidance.weight}});
    EXPECT_EQ(recall.protocol, "prdc5");
    EXPECT_GE(recall.value, 0);
    EXPECT_LE(recall.value, 1);
  }
  for (const char* stage : {"sample:tail1", "sample:tail4"})
    for (const Score& score : run.stages.at(stage).scores) {
      if (score.name != "tail_recall") continue;
      const double hit = score.value * rare.choices.at("n_reference").get<double>();
      EXPECT_NEAR(hit, std::round(hit), 1e-9) << "a share of other images than those of the rarest groups";
    }
  // The distance is to the balanced images, which every tail is a part of.
  EXPECT_EQ(run.stages.at("sample:tail4").protocols.at(0).choices.at("n_reference"), thinned(groups, 1).size());
}

}  // namespace
}  // namespace assay::self_guided
