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

}  // namespace
}  // namespace assay
