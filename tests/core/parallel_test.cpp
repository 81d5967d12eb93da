#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace assay {
namespace {

TEST(ParallelFor, RunsEachItemOnceAndNamesItsThread) {
  std::vector<std::atomic<int>> runs(1000);
  parallel_for(1000, 3, [&](std::int64_t i, int worker) {
    EXPECT_TRUE(worker >= 0 && worker < 3);
    ++runs[static_cast<std::size_t>(i)];
  });
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST(ParallelFor, PassesOnAnException) {
  EXPECT_THROW(parallel_for(100, 4,
                            [](std::int64_t i, int) {
                              if (i == 7) throw std::runtime_error("seven");
                            }),
               std::runtime_error);
}

TEST(ParallelFor, DoesNothingForNoItems) {
  parallel_for(0, 4, [](std::int64_t, int) { ADD_FAILURE(); });
  EXPECT_EQ(worker_count(0, 4), 1);
  EXPECT_EQ(worker_count(3, 8), 3);
}

TEST(ThreadsWorth, AreOneForLittleWorkAndNeverMoreThanAskedFor) {
  EXPECT_EQ(threads_worth(0.0, 8), 1);
  EXPECT_EQ(threads_worth(1e4, 0), 1);
  EXPECT_EQ(threads_worth(1e12, 8), 8);
  EXPECT_EQ(threads_worth(1e300, 1), 1);
  EXPECT_EQ(threads_worth(1e12, 0), worker_count(1000000, 0));
  int last = 1;
  for (double nanoseconds = 1.0; nanoseconds < 1e9; nanoseconds *= 2.0) {
    const int threads = threads_worth(nanoseconds, 8);
    EXPECT_GE(threads, last);
    last = threads;
  }
}

}  // namespace
}  // namespace assay
