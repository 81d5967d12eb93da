#include "bench/harness/recorded_run.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "core/error.h"
#include "kernels/thread_count.h"
#include "store/query.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

/// A run that records into a store of its own.
class Recorded : public ::testing::Test {
 protected:
  Recorded() {
    BatchRow made;
    made.command = "assay run self_guided";
    RunRow row;
    row.batch = recorder.begin_batch(made);
    row.method = "self_guided";
    row.tier = "mini";
    row.code_version = "0";
    row.device = "cpu";
    batch.recorder = &recorder;
    batch.folder = folder.path();
    batch.device_name = "cpu";
    run.emplace(batch, recorder.begin_run(row), nlohmann::json::object(), 0);
  }

  test::TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "results.db");
  Recorder recorder{store};
  Batch batch;
  std::optional<RecordedRun> run;
};

TEST_F(Recorded, PartsGoSideBySideAndShareTheThreads) {
  const ThreadCount four(4);
  std::promise<void> first, second;
  // Each part waits for the other, which only side by side can both see.
  const auto meet = [](std::promise<void>& mine, std::promise<void>& other) {
    mine.set_value();
    return other.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  };
  bool met[2] = {};
  int threads[2] = {};
  run->side_by_side({[&] {
                       met[0] = meet(first, second);
                       threads[0] = at::get_num_threads();
                     },
                     [&] {
                       met[1] = meet(second, first);
                       threads[1] = at::get_num_threads();
                     }});
  EXPECT_THAT(met, ElementsAre(true, true));
  EXPECT_THAT(threads, ElementsAre(2, 2));
  EXPECT_EQ(at::get_num_threads(), 4);
}

TEST_F(Recorded, PartsOnOneThreadGoInTurn) {
  const ThreadCount one(1);
  std::vector<int> order;
  run->side_by_side({[&] { order.push_back(0); }, [&] { order.push_back(1); }, [&] { order.push_back(2); }});
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST_F(Recorded, OnePartKeepsEveryThread) {
  const ThreadCount two(2);
  int threads = 0;
  run->side_by_side({[&] { threads = at::get_num_threads(); }});
  EXPECT_EQ(threads, 2);
}

TEST_F(Recorded, AFailedPartIsToldWhenTheOthersHaveEnded) {
  const ThreadCount two(2);
  bool ended = false;
  std::promise<void> begun, failed;
  EXPECT_EQ(test::message_of<Error>([&] {
              run->side_by_side({[&] {
                                   begun.get_future().wait_for(std::chrono::seconds(30));
                                   failed.set_value();
                                   throw Error("no such image");
                                 },
                                 [&] {
                                   begun.set_value();
                                   failed.get_future().wait_for(std::chrono::seconds(30));
                                   ended = true;
                                 }});
            }),
            "no such image");
  EXPECT_TRUE(ended);
}

TEST_F(Recorded, StagesOfPartsAreAllRecordedWithTheThreadsTheyHad) {
  const ThreadCount two(2);
  const auto stage = [&](const std::string& name) {
    return [this, name] {
      run->stage(name, [&](StageOutput& out) { out.timings.push_back({"step", name, "1", 0.5, 1, "steps", {}}); });
    };
  };
  run->side_by_side({stage("a"), stage("b"), stage("c")});
  stage("after")();
  std::vector<std::pair<std::string, std::int64_t>> threads;
  for (const TimingRow& row : Query(store).timings()) threads.emplace_back(row.variant, row.threads);
  EXPECT_THAT(threads,
              UnorderedElementsAre(std::pair("a", 1), std::pair("b", 1), std::pair("c", 1), std::pair("after", 2)));
}

TEST_F(Recorded, RowsKeepTheOrderOfThePartsWhicheverEndsFirst) {
  const ThreadCount two(2);
  std::promise<void> second_ended;
  const auto stage = [&](const std::string& name) {
    run->stage(name, [&](StageOutput& out) { out.timings.push_back({"step", name, "1", 0.5, 1, "steps", {}}); });
  };
  stage("before");
  run->side_by_side({[&] {
                       second_ended.get_future().wait_for(std::chrono::seconds(30));
                       run->side_by_side({[&] { stage("a1"); }, [&] { stage("a2"); }});
                       stage("a3");
                     },
                     [&] {
                       stage("b1");
                       stage("b2");
                       second_ended.set_value();
                     }});
  stage("after");
  std::vector<std::string> timings, stages;
  for (const TimingRow& row : Query(store).timings()) timings.push_back(row.variant);
  for (const StageRow& row : Query(store).stages()) stages.push_back(row.name);
  EXPECT_THAT(timings, ElementsAre("before", "a1", "a2", "a3", "b1", "b2", "after"));
  EXPECT_EQ(stages, timings);
}

TEST_F(Recorded, CurvesAreReadBackWithTheirSteps) {
  run->stage("train:shared", [](StageOutput& out) {
    out.curves.push_back({"loss: mse", {10, 20, 25}, {0.5, 0.25, 0.125}});
  });
  run->stage("train:other", [](StageOutput& out) { out.curves.push_back({"loss: mse", {1}, {2.0}}); });
  const std::vector<CurveRow> curves = Query(store).curves();
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_EQ(curves[0].stage, "train:shared");
  EXPECT_EQ(curves[0].name, "loss: mse");
  EXPECT_THAT(curves[0].steps, ElementsAre(10, 20, 25));
  EXPECT_THAT(curves[0].values, ElementsAre(0.5, 0.25, 0.125));
  EXPECT_EQ(curves[1].stage, "train:other");
}

}  // namespace
}  // namespace assay
