#include "reproductions/self_guided/sampling.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "reproductions/samples/sample_noise.h"
#include "reproductions/self_guided/self_guided.h"
#include "tests/reproductions/memory_run.h"
#include "tests/reproductions/tiny_study.h"
#include "tests/support/tensors.h"

namespace assay::self_guided {
namespace {

using test::MemoryRun;
using test::normal;
using test::same_bits;
using test::tiny_self_guided;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Ids = std::vector<std::int64_t>;

/// Remembers what it was called with and predicts a shade by the mean of the condition.
class Witness : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& /*timesteps*/, const Condition& condition) const override {
    seen.push_back({x.clone(), condition});
    at::Tensor eps = 0.5 * x;
    if (condition.layout.defined()) eps = eps + condition.layout.mean({1}, true);
    return eps;
  }
  std::int64_t condition_size() const override { return 3; }
  std::int64_t layout_channels() const override { return 1; }

  struct Call {
    at::Tensor x;
    Condition condition;
  };
  mutable std::vector<Call> seen;
};

/// Five images, a layout and a class each.
Network boxes() {
  ConditionBlock other{"other", 2, {0, 1, 0, 1, 0}};
  ConditionBlock box{"self_box", 3, {0, 1, 2, 1, 0}, {}, normal({5, 1, 8, 8}, 3)};
  return {"layout", true, {other, box}, {}, {}, ""};
}

class Draws : public ::testing::Test {
 protected:
  at::Tensor bytes(double w, std::size_t block = 1) {
    s.config.sample.batch = 1;  // so that one pass follows another
    net.seen.clear();
    progress.clear();
    return draw(s, net, network, block, w, sources, [&](std::int64_t done) { progress.push_back(done); });
  }

  MemoryRun run{tiny_self_guided(), 5};
  Study s{run, read_config(run.config())};
  const Network network = boxes();
  Witness net;
  const Ids sources = {4, 0, 3, 3, 1, 2, 0, 0, 4, 1, 2, 3};  // two more than a pass has
  std::vector<std::int64_t> progress;
};

TEST_F(Draws, ASampleShowsTheConditionOfItsTrainingImage) {
  bytes(1);
  std::size_t row = 0;
  ASSERT_THAT(net.seen, SizeIs(4));  // two passes of two steps
  for (const std::size_t call : {0, 2}) {
    const Condition& shown = net.seen[call].condition;
    ASSERT_EQ(shown.vector.size(0), 10);
    for (std::int64_t i = 0; i < 10; ++i, ++row) {
      // The rows that fill up the second pass show what its last sample shows.
      const std::int64_t source = sources[std::min(row, sources.size() - 1)];
      at::Tensor want = at::full({5}, 0.0);  // two classes of the other block, three of this one
      want[2 + network.blocks[1].ids[static_cast<std::size_t>(source)]] = 1;
      EXPECT_TRUE(at::equal(shown.vector[i], want)) << row;
      EXPECT_TRUE(at::equal(shown.layout[i], network.blocks[1].layout[source])) << row;
    }
  }
  EXPECT_THAT(progress, ::testing::ElementsAre(10, 12));
}

TEST_F(Draws, StartFromTheNoiseOfTheSampleWhateverTheArm) {
  for (const double w : {2.0, 0.0}) {
    EXPECT_EQ(bytes(w).size(0), 12);
    EXPECT_TRUE(same_bits(net.seen.front().x, sample_noise(0, 10, {3, 8, 8}, 5)));
    EXPECT_TRUE(same_bits(net.seen[net.seen.size() / 2].x, sample_noise(10, 10, {3, 8, 8}, 5)));
  }
}

TEST_F(Draws, WithoutWeightTheNullConditionIsShownWhateverTheBlock) {
  const at::Tensor unguided = bytes(0);
  for (const Witness::Call& call : net.seen) EXPECT_FALSE(call.condition.defined());
  EXPECT_TRUE(same_bits(bytes(0, 0), unguided));
  EXPECT_FALSE(same_bits(bytes(2), unguided));
}

TEST_F(Draws, WeightsBesidesNoughtAndOneEvaluateBothBranches) {
  bytes(1);
  EXPECT_THAT(net.seen, SizeIs(4));
  bytes(2);
  EXPECT_THAT(net.seen, SizeIs(8));
}

TEST_F(Draws, AnIntervalGuidesTheStepsOfItsNoiseLevelsAndShowsTheConditionInAllOthers) {
  s.config.sample.guidance.interval = {1, 5};  // the first of two steps
  bytes(2);
  ASSERT_THAT(net.seen, SizeIs(6));
  for (const std::size_t pass : {0, 3}) {
    EXPECT_TRUE(net.seen[pass].condition.defined());
    EXPECT_FALSE(net.seen[pass + 1].condition.defined());
    EXPECT_TRUE(net.seen[pass + 2].condition.defined());
  }
  bytes(0);
  EXPECT_THAT(net.seen, SizeIs(4));
  for (const Witness::Call& call : net.seen) EXPECT_FALSE(call.condition.defined());
}

TEST_F(Draws, AnotherSamplerStartsFromTheSameNoise) {
  const at::Tensor ddim = bytes(2);
  s.config.sample.sampler = SamplerKind::dpmpp_2m;
  EXPECT_FALSE(same_bits(bytes(2), ddim));
  EXPECT_TRUE(same_bits(net.seen.front().x, sample_noise(0, 10, {3, 8, 8}, 5)));
}

TEST(ConditionSources, TakeEveryTrainingImageAsOftenInAnOrderOfTheSeed) {
  MemoryRun run(tiny_self_guided(), 5), again(tiny_self_guided(), 5), other(tiny_self_guided(), 6);
  Study s(run, read_config(run.config())), same(again, read_config(again.config())),
      different(other, read_config(other.config()));
  const std::int64_t n = s.train.images.size(0);
  s.config.sample.count = 2 * n + 1;
  const Ids sources = condition_sources(s);
  ASSERT_THAT(sources, SizeIs(2 * n + 1));
  std::map<std::int64_t, int> times;
  for (std::size_t i = 0; i < static_cast<std::size_t>(2 * n); ++i) ++times[sources[i]];
  EXPECT_THAT(times, SizeIs(n));
  for (const auto& [image, count] : times) EXPECT_EQ(count, 2) << image;
  EXPECT_FALSE(std::is_sorted(sources.begin(), sources.begin() + n));
  const Ids few = condition_sources(same);
  EXPECT_EQ(few, Ids(sources.begin(), sources.begin() + static_cast<std::ptrdiff_t>(few.size())));
  EXPECT_NE(condition_sources(different), few);
}

// The parts of a run together, on networks that have learned nothing.
TEST(LayoutArms, RecordTheirOverlapAndItsDifferencePairedByImage) {
  nlohmann::json config = tiny_self_guided();
  config["parts"] = {"layouts"};
  config["oracle"] = false;
  MemoryRun run(config, 5);
  make_method(run.config())->run(run);
  const auto check = [&](const std::string& arm) {
    const double guided = run.score("sample:" + arm + ":w2", arm, "layout_miou", {{"w", 2}}).value,
                 unguided = run.score("sample:self_box:w0", arm, "layout_miou", {{"w", 0}}).value;
    const Score& difference =
        run.score("paired:layouts", arm + " - " + arm, "layout_miou difference", {{"w", 2}, {"w_cfg", 1}});
    EXPECT_NEAR(difference.value, guided - unguided, 1e-12) << arm;
    EXPECT_EQ(difference.n, 12);
    EXPECT_LE(difference.interval->low, difference.value);
    EXPECT_GE(difference.interval->high, difference.value);
    EXPECT_THAT(difference.interval->method, HasSubstr("paired bootstrap over images, 20"));
  };
  check("self_box");
  check("self_mask");
  // What was kept is what was scored.
  Study s(run, read_config(run.config()));
  EXPECT_EQ(stored_images(s, "self_box", 2).sizes(), (std::vector<std::int64_t>{12, 3, 8, 8}));
  EXPECT_EQ(stored_features(s, "self_box", 2).size(0), 12);
}

}  // namespace
}  // namespace assay::self_guided
