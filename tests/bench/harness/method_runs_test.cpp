#include "bench/harness/method_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<RunRow> runs_of(const std::string& method, int seeds) {
  std::vector<RunRow> runs(static_cast<std::size_t>(seeds));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].id = static_cast<RowId>(10 + i);
    runs[i].method = method;
    runs[i].seed = static_cast<std::int64_t>(i);
  }
  return runs;
}

std::vector<int> shares(const std::vector<RunRow>& runs, int threads, at::Device device = at::kCPU) {
  std::vector<int> found;
  for (const RunTask& task : unfinished_tasks(runs, "maskdm", device, threads)) found.push_back(task.threads);
  return found;
}

TEST(UnfinishedTasks, ShareTheThreadsAndGiveTheLastRoundAllOfThem) {
  EXPECT_THAT(shares(runs_of("maskdm", 1), 8), ElementsAre(8));
  EXPECT_THAT(shares(runs_of("maskdm", 4), 8), ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(shares(runs_of("maskdm", 5), 2), ElementsAre(1, 1, 1, 1, 2));
  EXPECT_THAT(shares(runs_of("maskdm", 5), 3), ElementsAre(1, 1, 1, 1, 1));
  EXPECT_THAT(shares(runs_of("maskdm", 3), 1), ElementsAre(1, 1, 1));
  EXPECT_THAT(shares(runs_of("maskdm", 3), 8, at::kCUDA), ElementsAre(8, 8, 8)) << "a GPU takes one run at a time";
}

TEST(UnfinishedTasks, KeepTheirShareWhenOthersAreDone) {
  std::vector<RunRow> runs = runs_of("maskdm", 5);
  for (const int done : {0, 1, 3}) runs[static_cast<std::size_t>(done)].status = RunStatus::done;
  runs[2].status = RunStatus::failed;
  runs[4].status = RunStatus::interrupted;
  const auto tasks = unfinished_tasks(runs, "maskdm", at::kCPU, 2);
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(tasks[0].run, 12);
  EXPECT_EQ(tasks[0].seed, 2U);
  EXPECT_EQ(tasks[0].threads, 1);
  EXPECT_EQ(tasks[1].run, 14);
  EXPECT_EQ(tasks[1].threads, 2);
}

TEST(UnfinishedTasks, AreThoseOfOneMethod) {
  std::vector<RunRow> runs = runs_of("ed_dpm", 3);
  EXPECT_THAT(shares(runs, 4), IsEmpty());
  const std::vector<RunRow> others = runs_of("maskdm", 2);
  runs.insert(runs.end(), others.begin(), others.end());
  EXPECT_THAT(shares(runs, 4), ElementsAre(2, 2));
}

}  // namespace
}  // namespace assay
