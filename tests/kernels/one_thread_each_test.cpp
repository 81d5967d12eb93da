#include "kernels/one_thread_each.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "kernels/thread_count.h"

namespace assay {
namespace {

using ::testing::Each;

TEST(OneThreadEach, RunsEveryItemOnceOnOneThreadAndPutsTheNumberBack) {
  for (const int threads : {1, 3}) {
    const ThreadCount set(threads);
    std::vector<int> runs(7, 0), seen(7, 0);
    one_thread_each(at::kCPU, 7, [&](std::int64_t i) {
      ++runs[static_cast<std::size_t>(i)];
      seen[static_cast<std::size_t>(i)] = at::get_num_threads();
    });
    EXPECT_THAT(runs, Each(1)) << threads;
    EXPECT_THAT(seen, Each(1)) << threads;
    EXPECT_EQ(at::get_num_threads(), threads);
  }
}

TEST(OneThreadEach, RunsNoMoreAtOnceThanAskedFor) {
  const ThreadCount set(4);
  std::atomic<int> now{0}, most{0};
  one_thread_each(
      at::kCPU, 40,
      [&](std::int64_t) {
        int before = most;
        for (const int mine = ++now; mine > before && !most.compare_exchange_weak(before, mine);) continue;
        --now;
      },
      1);
  EXPECT_EQ(most, 1);
}

TEST(OneThreadEach, RecordsGradientsAsTheCallerDoes) {
  const ThreadCount set(3);
  for (const bool wanted : {true, false}) {
    const at::AutoGradMode mode(wanted);
    std::vector<int> recorded(6, -1);
    one_thread_each(at::kCPU, 6, [&](std::int64_t i) {
      recorded[static_cast<std::size_t>(i)] = at::GradMode::is_enabled() ? 1 : 0;
    });
    EXPECT_THAT(recorded, Each(wanted ? 1 : 0));
  }
}

TEST(OneThreadEach, PassesTheFirstExceptionOnAndPutsTheNumberBack) {
  const ThreadCount set(2);
  EXPECT_THROW(one_thread_each(at::kCPU, 5,
                               [](std::int64_t i) {
                                 if (i == 1) throw std::runtime_error("here");
                               }),
               std::runtime_error);
  EXPECT_EQ(at::get_num_threads(), 2);
}

}  // namespace
}  // namespace assay
