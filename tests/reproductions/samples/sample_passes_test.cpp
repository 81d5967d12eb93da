#include "reproductions/samples/sample_passes.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "kernels/thread_count.h"
#include "reproductions/samples/sample_noise.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::normal;
using test::same_bits;
using ::testing::ElementsAre;
using Ids = std::vector<std::int64_t>;

/// A pass whose images are the numbers of its samples.
at::Tensor numbers(const SamplePass& pass) {
  at::Tensor images = at::empty({pass.rows, 1}, at::kLong);
  for (std::int64_t i = 0; i < pass.rows; ++i) images[i][0] = pass.begin + i;
  return images;
}

void nothing(std::int64_t /*done*/) {}

TEST(SamplePasses, CoverWhatIsAskedForInOrder) {
  for (const bool filled : {true, false})
    for (const std::int64_t at_once : {0, 2}) {
      const ThreadCount set(3);
      const at::Tensor drawn = draw_in_passes(11, {4, filled, at_once}, numbers, nothing);
      ASSERT_EQ(drawn.sizes(), (Ids{11, 1}));
      for (std::int64_t i = 0; i < 11; ++i) EXPECT_EQ(drawn[i].item<std::int64_t>(), i);
    }
}

TEST(SamplePasses, HaveTheSameNumberOfRowsWhereTheyAreFilled) {
  const auto rows = [](bool filled) {
    Ids seen, kept;
    draw_in_passes(
        9, {4, filled},
        [&](const SamplePass& pass) {
          seen.push_back(pass.rows);
          kept.push_back(pass.kept);
          return numbers(pass);
        },
        nothing);
    EXPECT_THAT(kept, ElementsAre(4, 4, 1));
    return seen;
  };
  EXPECT_THAT(rows(true), ElementsAre(4, 4, 4));
  EXPECT_THAT(rows(false), ElementsAre(4, 4, 1));
  EXPECT_EQ((PassShape{4, true}.rows_of(3)), 4);
  EXPECT_EQ((PassShape{4, false}.rows_of(3)), 3);
}

TEST(SamplePasses, RepeatTheLastValueInRowsThatNobodyAskedFor) {
  EXPECT_EQ((SamplePass{1, 2, 4, 3}.of({9, 8, 7, 6, 5})), (Ids{7, 6, 5, 5}));
  EXPECT_EQ((SamplePass{0, 0, 2, 2}.of({9, 8, 7})), (Ids{9, 8}));
}

TEST(SamplePasses, CountTheImagesThatAreDoneWhateverPassEndsFirst) {
  const ThreadCount set(3);
  Ids done;
  draw_in_passes(10, {4, true, 3}, numbers, [&](std::int64_t images) { done.push_back(images); });
  ASSERT_EQ(done.size(), 3U);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), 10);
}

TEST(SamplePasses, RecordNoGradientsOnAnyThread) {
  const ThreadCount set(3);
  std::mutex lock;
  std::vector<bool> recorded;
  draw_in_passes(
      8, {2, true, 4},
      [&](const SamplePass& pass) {
        const std::lock_guard one(lock);
        recorded.push_back(at::GradMode::is_enabled());
        return numbers(pass);
      },
      nothing);
  EXPECT_EQ(recorded, (std::vector<bool>{false, false, false, false}));
}

TEST(SamplePasses, OfSmallNetworksOnACpuDoNotDependOnBatchCountOrThreads) {
  // Products of this shape round otherwise with another number of rows, and over two threads otherwise than over one.
  const at::Tensor weights = normal({96, 96}, 1);
  const auto draw = [&](std::int64_t batch, std::int64_t count, int threads) {
    const ThreadCount set(threads);
    return draw_in_passes(
        count, passes_of_small_network(at::kCPU, batch),
        [&](const SamplePass& pass) { return at::mm(sample_noise(pass.begin, pass.rows, {96}, 7), weights); }, nothing);
  };
  const at::Tensor whole = draw(50, 32, 1);
  for (const std::int64_t batch : {1, 7, 100})
    for (const int threads : {1, 2, 3}) EXPECT_TRUE(same_bits(draw(batch, 32, threads), whole)) << batch;
  for (const std::int64_t count : {1, 3, 10, 21})
    EXPECT_TRUE(same_bits(draw(50, count, 2), whole.narrow(0, 0, count))) << count;
}

TEST(SamplePasses, OfPublishedNetworksOnACpuAreSingleImages) {
  for (const std::int64_t batch : {1, 16}) {
    const PassShape shape = passes_of_published_network(at::kCPU, batch);
    EXPECT_EQ(shape.rows_of(500), 1);
    EXPECT_EQ(shape.side_by_side, 0);
  }
}

TEST(SamplePasses, TakeABatchAsTheyAreToldOnAGpu) {
  for (const auto& shape : {passes_of_small_network(at::kCUDA, 50), passes_of_published_network(at::kCUDA, 50)}) {
    EXPECT_EQ(shape.rows_of(500), 50);
    EXPECT_EQ(shape.rows_of(20), 20);
  }
}

}  // namespace
}  // namespace assay
