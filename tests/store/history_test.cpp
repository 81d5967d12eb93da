#include "store/history.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "tests/store/recording.h"

namespace assay {
namespace {

class HistoryRead : public test::Recording {
 protected:
  HistoryRead() { add_protocol(); }
};

TEST_F(HistoryRead, HoldsWhatScoresAreOfOnce) {
  const RowId batch = begin_batch();
  for (std::int64_t seed = 0; seed < 3; ++seed) {
    const RowId run = begin_run(batch, seed);
    StageRecorder stage = recorder.begin_stage(run, "s");
    stage.add_score(score("a", 1.5 + static_cast<double>(seed)));
    stage.add_score(score("b", 2.5));
    stage.commit();
    recorder.finish_run(run, seed == 2 ? RunStatus::failed : RunStatus::done);
  }
  const History history = read_history(store);
  ASSERT_EQ(history.score_subjects.size(), 2U);
  EXPECT_EQ(history.score_subjects[0].arm, "a");
  EXPECT_EQ(history.score_subjects[1].arm, "b");
  EXPECT_EQ(history.score_subjects[1].protocol, "fd-small");
  ASSERT_EQ(history.scores.size(), 4U) << "a failed run's scores are left out";
  EXPECT_EQ(history.scores[2].subject, 0U);
  EXPECT_EQ(history.scores[2].value, 2.5);
}

TEST_F(HistoryRead, HoldsTimesPerItemAndTheirCode) {
  const RowId batch = begin_batch();
  TimingRow row;
  row.batch = batch;
  row.op = "kernels/a";
  row.device = "cpu";
  row.seconds = 3;
  row.items = 6;
  row.code_version = "v1";
  TimingRow nothing = row;
  nothing.items = 0;
  TimingRow other = row;
  other.threads = 2;
  recorder.add_timings({row, nothing, other, row});
  const History history = read_history(store);
  EXPECT_EQ(history.timing_subjects.size(), 2U);
  ASSERT_EQ(history.timings.size(), 3U) << "no time for nothing";
  EXPECT_EQ(history.timings[0].seconds_per_item, 0.5);
  EXPECT_EQ(history.timings[2].subject, history.timings[0].subject);
  EXPECT_THAT(history.timing_versions, ::testing::ElementsAre(std::pair<RowId, std::string>(batch, "v1")));
}

TEST_F(HistoryRead, LeavesOutScoresThatAreNoNumbers) {
  const RowId run = begin_run(begin_batch());
  StageRecorder stage = recorder.begin_stage(run, "s");
  stage.add_score(score("a", 1));
  stage.commit();
  recorder.finish_run(run, RunStatus::done);
  store.database().exec("UPDATE score SET value = 9e999");
  EXPECT_TRUE(read_history(store).scores.empty());
}

}  // namespace
}  // namespace assay
