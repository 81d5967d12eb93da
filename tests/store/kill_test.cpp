#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "store/query.h"
#include "store/recorder.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

constexpr int scores_a_stage = 20;
constexpr int samples_a_score = 50;

/// Creates the store and records stages without end; writes one byte to `progress` after each.
[[noreturn]] void record_forever(const std::filesystem::path& file, int progress) {
  Store store = Store::open_or_create(file);
  Recorder recorder(store);
  ProtocolRow protocol;
  protocol.name = "fd-small";
  recorder.upsert_protocol(protocol);
  RunRow row;
  row.batch = recorder.begin_batch({});
  row.method = "self_guided";
  const RowId run = recorder.begin_run(row);
  for (int i = 0;; ++i) {
    StageRecorder stage = recorder.begin_stage(run, "stage" + std::to_string(i));
    for (int j = 0; j < scores_a_stage; ++j) {
      ScoreRow score;
      score.name = "score" + std::to_string(j);
      score.protocol = "fd-small";
      stage.add_score(score, std::vector<double>(samples_a_score, 0.5));
    }
    stage.add_note("done");
    stage.commit();
    if (::write(progress, "x", 1) != 1) ::_exit(1);
  }
}

TEST(KillNine, LeavesAReadableStoreOfWholeStages) {
  constexpr int trials_in_creation = 8;
  for (int trial = 0; trial < 24; ++trial) {
    const test::TemporaryFolder folder;
    const std::filesystem::path file = folder / "results.sqlite";
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        record_forever(file, ends[1]);
      } catch (...) {
        ::_exit(1);
      }
    }
    ::close(ends[1]);
    // First in the creation of the file, then at several places within the stage after the first, second, ...
    const int reported = trial < trials_in_creation ? 0 : 1 + (trial - trials_in_creation) / 4;
    char byte = 0;
    for (int i = 0; i < reported; ++i) ASSERT_EQ(::read(ends[0], &byte, 1), 1);
    std::this_thread::sleep_for(std::chrono::microseconds(reported == 0 ? 1500 * trial : 700 * (trial % 4)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ends[0]);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself in trial " << trial;

    Store store = Store::open_or_create(file);
    EXPECT_EQ(store.database().execAndGet("PRAGMA integrity_check").getString(), "ok");
    EXPECT_FALSE(SQLite::Statement(store.database(), "PRAGMA foreign_key_check").executeStep());
    const Query query(store);
    const std::vector<StageRow> stages = query.stages();
    EXPECT_EQ(query.scores().size(), stages.size() * scores_a_stage);
    EXPECT_EQ(query.notes().size(), stages.size());
    EXPECT_EQ(store.database().execAndGet("SELECT count(*) FROM sample").getInt64(),
              static_cast<std::int64_t>(stages.size()) * scores_a_stage * samples_a_score);
    for (std::size_t i = 0; i < stages.size(); ++i) EXPECT_EQ(stages[i].name, "stage" + std::to_string(i));
    EXPECT_GE(stages.size(), static_cast<std::size_t>(reported)) << "a stage reported as done is lost";

    if (query.runs().empty()) continue;
    Recorder recorder(store);
    const RunRow run = recorder.resume_run(query.runs()[0].id);
    recorder.begin_stage(run.id, "stage" + std::to_string(stages.size())).commit();
    recorder.finish_run(run.id, RunStatus::done);
    EXPECT_EQ(query.stages().size(), stages.size() + 1);
  }
}

}  // namespace
}  // namespace assay
