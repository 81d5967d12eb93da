#include "bench/harness/recorded_run.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
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
    recorded_batch = recorder.begin_batch(made);
    context.recorder = &recorder;
    context.folder = folder.path();
    context.device_name = "cpu";
    run.emplace(run_of(begin_run()));
  }

  RowId begin_run() {
    RunRow row;
    row.batch = recorded_batch;
    row.method = "self_guided";
    row.tier = "mini";
    row.code_version = "0";
    row.device = "cpu";
    return recorder.begin_run(row);
  }
  /// As a process gets it that starts the run or goes on with it.
  RecordedRun run_of(RowId id) { return {context, id, nlohmann::json::object(), 0}; }

  std::vector<std::string> recorded_stages(RowId of = 1) const {
    std::vector<std::string> names;
    for (const StageRow& row : Query(store).stages())
      if (row.run == of) names.push_back(row.name);
    return names;
  }
  std::vector<std::string> recorded_timings() const {
    std::vector<std::string> names;
    for (const TimingRow& row : Query(store).timings()) names.push_back(row.variant);
    return names;
  }

  test::TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "results.db");
  Recorder recorder{store};
  RowId recorded_batch = 0;
  RunContext context;
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
  run->side_by_side({[&](assay::Run&) {
                       met[0] = meet(first, second);
                       threads[0] = at::get_num_threads();
                     },
                     [&](assay::Run&) {
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
  run->side_by_side({[&](assay::Run&) { order.push_back(0); }, [&](assay::Run&) { order.push_back(1); },
                     [&](assay::Run&) { order.push_back(2); }});
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST_F(Recorded, OnePartKeepsEveryThread) {
  const ThreadCount two(2);
  int threads = 0;
  run->side_by_side({[&](assay::Run&) { threads = at::get_num_threads(); }});
  EXPECT_EQ(threads, 2);
}

TEST_F(Recorded, AFailedPartIsToldWhenTheOthersHaveEnded) {
  const ThreadCount two(2);
  bool ended = false;
  std::promise<void> begun, failed;
  EXPECT_EQ(test::message_of<Error>([&] {
              run->side_by_side({[&](assay::Run&) {
                                   begun.get_future().wait_for(std::chrono::seconds(30));
                                   failed.set_value();
                                   throw Error("no such image");
                                 },
                                 [&](assay::Run&) {
                                   begun.set_value();
                                   failed.get_future().wait_for(std::chrono::seconds(30));
                                   ended = true;
                                 }});
            }),
            "no such image");
  EXPECT_TRUE(ended);
}

/// A stage that records its name, as the variant of a timing.
void record_name(Run& run, const std::string& name) {
  run.stage(name, [&](StageOutput& out) {
    Timing step;
    step.op = "step";
    step.variant = name;
    step.seconds = 0.5;
    out.timings.push_back(step);
  });
}

/// A part with one stage.
std::function<void(Run&)> part(const std::string& name) {
  return [name](assay::Run& run) { record_name(run, name); };
}

TEST_F(Recorded, StagesOfPartsAreAllRecordedWithTheThreadsTheyHad) {
  const ThreadCount two(2);
  run->side_by_side({part("a"), part("b"), part("c")});
  record_name(*run, "after");
  std::vector<std::pair<std::string, std::int64_t>> threads;
  for (const TimingRow& row : Query(store).timings()) threads.emplace_back(row.variant, row.threads);
  EXPECT_THAT(threads,
              UnorderedElementsAre(std::pair("a", 1), std::pair("b", 1), std::pair("c", 1), std::pair("after", 2)));
}

TEST_F(Recorded, RowsKeepTheOrderOfThePartsWhicheverEndsFirst) {
  const ThreadCount two(2);
  std::promise<void> second_ended;
  record_name(*run, "before");
  run->side_by_side({[&](assay::Run& first) {
                       second_ended.get_future().wait_for(std::chrono::seconds(30));
                       first.side_by_side({part("a1"), part("a2")});
                       record_name(first, "a3");
                     },
                     [&](assay::Run& second) {
                       record_name(second, "b1");
                       record_name(second, "b2");
                       second_ended.set_value();
                     }});
  record_name(*run, "after");
  EXPECT_THAT(recorded_stages(), ElementsAre("before", "a1", "a2", "a3", "b1", "b2", "after"));
  EXPECT_EQ(recorded_timings(), recorded_stages());
}

/// A program: stages by name, and parts that are programs themselves.
struct Step {
  std::string stage;  // empty: the parts instead
  std::vector<std::vector<Step>> parts;
};

std::vector<Step> program(int levels, const std::string& name) {
  if (levels == 0) return {{name + "0", {}}, {name + "1", {}}};
  return {{name + "0", {}},
          {"", {program(levels - 1, name + "a"), program(levels - 1, name + "b")}},
          {name + "1", {}},
          {"", {program(levels - 1, name + "c"), program(levels - 1, name + "d")}},
          {name + "2", {}}};
}

/// Performs a program up to the first stage of each part that it may not reach; returns whether that was all of it.
bool perform(Run& run, const std::vector<Step>& steps, const std::function<bool(const std::string&)>& may_reach) {
  for (const Step& step : steps) {
    if (!step.stage.empty()) {
      if (!may_reach(step.stage)) return false;
      record_name(run, step.stage);
      continue;
    }
    bool ended = true;
    std::vector<std::function<void(Run&)>> parts;
    for (const std::vector<Step>& part : step.parts)
      parts.push_back([&](assay::Run& own) { ended = perform(own, part, may_reach) && ended; });
    run.side_by_side(parts);
    if (!ended) return false;
  }
  return true;
}

TEST_F(Recorded, StagesOfThreeLevelsOfPartsKeepTheOrderOfTheProgramWhenTheRunIsResumed) {
  const ThreadCount one(1);
  const std::vector<Step> steps = program(3, "");
  std::vector<std::string> names;
  perform(*run, steps, [&](const std::string& name) {
    names.push_back(name);
    return true;
  });
  EXPECT_EQ(recorded_stages(), names);
  EXPECT_EQ(names.size(), 3U + 4 * (3 + 4 * (3 + 4 * 2)));

  // The same program in another run. Every third stage that is not done yet ends the process for its part, while parts
  // behind it go on; the next process starts over.
  const RowId resumed = begin_run();
  int processes = 0;
  for (bool ended = false; !ended; ++processes) {
    RecordedRun process = run_of(resumed);
    int count = 0;
    ended = perform(process, steps,
                    [&](const std::string& name) { return recorder.stage_done(resumed, name) || ++count % 3 != 0; });
  }
  EXPECT_GT(processes, 5);
  EXPECT_EQ(recorded_stages(resumed), names);
}

TEST_F(Recorded, ARunWhosePartsAreAtWorkRefusesStagesAndPartsOfItsOwn) {
  const std::string wanted = ": the parts of this run are at work; a part uses the run that it is given";
  EXPECT_EQ(test::message_of<Error>([&] { run->side_by_side({[&](assay::Run&) { record_name(*run, "a"); }}); }),
            "stage a" + wanted);
  EXPECT_EQ(test::message_of<Error>([&] { run->side_by_side({[&](assay::Run&) { run->side_by_side({}); }}); }),
            "side_by_side" + wanted);
  record_name(*run, "after");
  EXPECT_THAT(recorded_stages(), ElementsAre("after"));
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
