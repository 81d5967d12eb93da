#include "reproductions/guidance_imbalance/tail_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "reproductions/guidance_imbalance/block.h"
#include "tests/reproductions/memory_run.h"

namespace assay::guidance_imbalance {
namespace {

using Labels = std::vector<std::int64_t>;
using ::testing::ElementsAre;
using ::testing::SizeIs;

Labels repeated(const std::map<std::int64_t, std::int64_t>& counts) {
  Labels labels;
  for (const auto& [label, count] : counts) labels.insert(labels.end(), static_cast<std::size_t>(count), label);
  return labels;
}

TEST(BalancedReference, HoldsAsManyImagesOfEachClassThatHasEnough) {
  const Labels labels = repeated({{0, 9}, {1, 2}, {2, 5}, {4, 7}, {7, 3}});
  const BalancedReference found = balanced_reference(labels, 5);
  EXPECT_THAT(found.classes, ElementsAre(0, 2, 4));
  EXPECT_EQ(found.each, 5);
  std::map<std::int64_t, std::int64_t> counts;
  for (const std::int64_t image : found.images) ++counts[labels[static_cast<std::size_t>(image)]];
  EXPECT_EQ(counts, (std::map<std::int64_t, std::int64_t>{{0, 5}, {2, 5}, {4, 5}}));
  EXPECT_EQ(std::set(found.images.begin(), found.images.end()).size(), found.images.size());
  EXPECT_THROW(balanced_reference(labels, 6), InputError) << "two classes have no head, medium and tail";
}

/// Thirds by hand: of the classes sorted by falling count, each third takes what is left over three.
std::vector<std::set<std::int64_t>> thirds_of(const std::map<std::int64_t, std::int64_t>& counts) {
  std::vector<std::pair<std::int64_t, std::int64_t>> order;
  for (const auto& [label, count] : counts) order.emplace_back(-count, label);
  std::sort(order.begin(), order.end());
  std::vector<std::set<std::int64_t>> thirds(3);
  std::size_t sizes[3] = {0, 0, 0};
  for (std::size_t i = 0; i < order.size(); ++i) ++sizes[i % 3];
  std::size_t next = 0;
  for (std::size_t third = 0; third < 3; ++third)
    for (std::size_t i = 0; i < sizes[third]; ++i) thirds[third].insert(order[next++].second);
  return thirds;
}

TEST(StudyStrata, AreThirdsByTheLongestTailAndEachClass) {
  std::map<std::int64_t, std::int64_t> counts;
  for (std::int64_t label = 0; label < 11; ++label) {
    counts[label] = 1 + (7 * label) % 11;
    if (counts.size() < 3) continue;
    std::map<std::int64_t, std::int64_t> with_another = counts;
    with_another[90] = 1000;  // not scored
    Labels classes;
    for (const auto& [known, count] : counts) classes.push_back(known);
    const auto strata = study_strata(classes, repeated(with_another), {});
    ASSERT_THAT(strata, SizeIs(4 + counts.size()));
    EXPECT_EQ(strata[0].classes, classes);
    const auto expected = thirds_of(counts);
    for (std::size_t third = 0; third < 3; ++third)
      EXPECT_EQ(std::set(strata[third + 1].classes.begin(), strata[third + 1].classes.end()), expected[third])
          << counts.size() << " classes, " << strata[third + 1].name;
    for (std::size_t i = 0; i < classes.size(); ++i) EXPECT_THAT(strata[i + 4].classes, ElementsAre(classes[i]));
  }
}

Config tiny() {
  return read_config(nlohmann::json::parse(R"({
    "dataset": {"name": "shapes", "size": 16, "count": 300, "group": "colour"}, "least": 12, "replicates": 20,
    "longest_tail": "exp:100",
    "strengths": {"weights": [2], "gammas": [1], "gammas_entropy": [1]},
    "self_guided": {"clusters": [4], "fd_small": {"width": 8, "features": 8, "steps": 1, "batch": 8},
      "unet": {"image_size": 16}, "layouts": {"unet": {"image_size": 16}}, "train": {"steps": 1},
      "sample": {"count": 24, "steps": 2}},
    "classifier": {"image_size": 16}})"));
}

TEST(TailJudge, ScoresEveryPartAgainstItsReferenceAlone) {
  const Config config = tiny();
  const nlohmann::json data = {{"dataset", {{"name", "shapes"}, {"size", 16}, {"count", 300}, {"group", "colour"}}}};
  test::MemoryRun run(data);
  const LabelledImages whole = load_images(run.dataset(), Split::train);
  const TailJudge judge(run, whole, whole.groups, config);
  // The reference itself, but for its rarest third: what is missing shows there and nowhere else.
  const std::vector<std::int64_t>& images = judge.reference().images;
  StageOutput out;
  judge.name_protocols(out);
  judge.add_scores("copy", judge.features(rows_of(whole.images, images)), {{"conditions", "marginal"}}, out);
  std::map<std::string, double> recall, distance;
  for (const Score& score : out.scores) {
    const auto of = score.params.at("of").get<std::string>();
    if (score.name == "recall") recall[of] = score.value;
    if (score.name == "fd-small" && of == "all") distance[of] = score.value;
    EXPECT_TRUE(score.interval) << score.name << " " << of;
  }
  EXPECT_THAT(recall, SizeIs(4 + judge.reference().classes.size()));
  for (const auto& [of, value] : recall) EXPECT_EQ(value, 1.0) << of << ": a copy recalls all";
  EXPECT_NEAR(distance.at("all"), 0.0, 1e-6);
  EXPECT_EQ(out.protocols.size(), 2U);
}

}  // namespace
}  // namespace assay::guidance_imbalance
