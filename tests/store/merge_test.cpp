#include "store/merge.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "core/file.h"
#include "store/check.h"
#include "tests/store/recording.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A machine: a store in a folder of its own.
struct Machine {
  test::TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "assay.db");
  Recorder recorder{store};

  Machine() { recorder.upsert_protocol({0, "fd-small", "", "", "", {{"width", 64}}}); }

  /// A batch of one run with a score, its raw values, a timing, a file, a claim and a note.
  RowId night(double value) {
    BatchRow batch;
    batch.command = "assay run self_guided";
    RunRow row;
    row.batch = recorder.begin_batch(batch);
    row.method = "self_guided";
    const RowId run = recorder.begin_run(row);
    StageRecorder stage = recorder.begin_stage(run, "sample");
    ScoreRow score;
    score.arm = "a";
    score.name = "fd";
    score.value = value;
    score.n = 10;
    score.protocol = "fd-small";
    stage.add_score(score, {value - 1, value + 1});
    TimingRow timing;
    timing.op = "sample";
    timing.device = "cpu";
    timing.seconds = value;
    stage.add_timing(timing, {value});
    const std::string path = "artifacts/run-" + std::to_string(run) + "/grid.txt";
    std::filesystem::create_directories((folder / path).parent_path());
    folder.file(path, "grid of " + std::to_string(value));
    ArtifactRow artifact;
    artifact.name = "grid";
    artifact.kind = "image-grid";
    artifact.path = path;
    stage.add_artifact(artifact);
    stage.add_note("said");
    stage.commit();
    recorder.finish_run(run, RunStatus::done);
    ClaimRow claim;
    claim.batch = row.batch;
    claim.name = "S-1";
    claim.method = "self_guided";
    recorder.add_claims({claim});
    return row.batch;
  }

  std::vector<double> values() const {
    std::vector<double> all;
    for (const ScoreRow& score : Query(store).scores()) all.push_back(score.value);
    return all;
  }
};

TEST(Merge, AddsTheBatchesOfAnotherStoreWithAllThatBelongsToThem) {
  Machine here, there;
  here.night(1);
  there.night(2);
  there.night(3);
  there.recorder.accept_baselines({{0, 2, "main", "", ""}});
  const Merged merged = merge_store(here.store, there.folder / "assay.db");
  EXPECT_EQ(merged.batches, 2);
  EXPECT_EQ(merged.runs, 2);
  EXPECT_EQ(merged.scores, 2);
  EXPECT_EQ(merged.timings, 2);
  EXPECT_EQ(merged.files, 2);
  EXPECT_THAT(merged.notes, IsEmpty());
  EXPECT_THAT(here.values(), ElementsAre(1, 2, 3));
  const Query query(here.store);
  const ScoreRow last = query.scores().back();
  EXPECT_EQ(last.protocol, "fd-small");
  EXPECT_EQ(query.protocols().size(), 1U) << "one row for the same choices";
  ASSERT_EQ(query.samples_of_score(last.id).size(), 2U);
  EXPECT_EQ(query.samples_of_score(last.id)[1].value, 4);
  EXPECT_EQ(query.samples_of_timing(query.timings().back().id).at(0).value, 3);
  EXPECT_EQ(query.claims().size(), 3U);
  EXPECT_EQ(query.notes().size(), 3U);
  EXPECT_EQ(query.baselines().at(0).batch, 3);
  EXPECT_EQ(query.artifacts().back().path, "artifacts/run-3/grid.txt");
  EXPECT_THAT(read_file(here.folder / "artifacts/run-3/grid.txt"), HasSubstr("grid of 3"));
  const StoreCheck check = check_store(here.store, true);
  EXPECT_THAT(check.problems, IsEmpty());
  EXPECT_EQ(check.sealed, 3);
}

TEST(Merge, AddsNothingTwice) {
  Machine here, there;
  there.night(2);
  merge_store(here.store, there.folder / "assay.db");
  there.night(3);
  const Merged again = merge_store(here.store, there.folder / "assay.db");
  EXPECT_EQ(again.batches, 1);
  EXPECT_EQ(again.known, 1);
  EXPECT_THAT(here.values(), ElementsAre(2, 3));
  EXPECT_EQ(merge_store(there.store, here.folder / "assay.db").batches, 0) << "and not back either";
  EXPECT_THAT(there.values(), ElementsAre(2, 3));
}

TEST(Merge, SaysWhereACopyWentOn) {
  Machine here, there;
  there.night(2);
  merge_store(here.store, there.folder / "assay.db");
  StageRecorder stage = there.recorder.begin_stage(1, "later");
  stage.commit();
  const Merged again = merge_store(here.store, there.folder / "assay.db");
  EXPECT_THAT(again.notes, ElementsAre(HasSubstr("batch 1 of")));
  EXPECT_EQ(again.batches, 0);
}

TEST(Merge, RefusesItselfWhatIsNoStoreAndEditedScores) {
  Machine here, there;
  there.night(2);
  EXPECT_THAT(test::failure<InputError>([&] { merge_store(here.store, here.folder / "assay.db"); }),
              HasSubstr("is the store that is merged into"));
  EXPECT_THROW(merge_store(here.store, here.folder.file("a.txt", "no database at all")), InputError);
  there.store.database().exec("UPDATE score SET value = 1");
  EXPECT_THAT(test::failure<InputError>([&] { merge_store(here.store, there.folder / "assay.db"); }),
              HasSubstr("scores of run 1, stage sample, were changed"));
  EXPECT_THAT(here.values(), IsEmpty());
}

TEST(Merge, TakesCopiesOfStoresOfOlderVersionsForOneAnother) {
  // Two copies of a store of version 2, brought up to date apart from each other.
  Machine here, there;
  const std::string old_batch =
      "INSERT INTO batch (command, created_at, uid) VALUES ('assay run', '2026-01-01T00:00:00.000Z', "
      "'1 2026-01-01T00:00:00.000Z assay run')";
  here.store.database().exec(old_batch);
  there.store.database().exec(old_batch);
  EXPECT_EQ(merge_store(here.store, there.folder / "assay.db").batches, 0);
}

TEST(Merge, CopiesNothingThatLiesOutsideAStoresFolder) {
  Machine here, there;
  there.night(2);
  const test::TemporaryFolder other;
  other.file("secret.txt", "not of this store");
  const std::string up = "../" + other.path().filename().string() + "/";
  for (const std::string& path :
       {up + "secret.txt", "artifacts/run-1/../../" + up + "secret.txt", (other / "secret.txt").string()}) {
    ASSERT_TRUE(std::filesystem::exists(there.folder / path)) << path;
    there.store.database().exec("UPDATE artifact SET path = '" + path + "'");
    Machine fresh;
    const Merged merged = merge_store(fresh.store, there.folder / "assay.db");
    EXPECT_EQ(merged.files, 0) << path;
    EXPECT_EQ(merged.scores, 1);
    EXPECT_THAT(merged.notes, ElementsAre(HasSubstr("1 file named by")));
    EXPECT_THAT(check_store(fresh.store, true).problems, ElementsAre(HasSubstr("does not lie in the store's folder")));
  }
  // Nor over our own store, which a name with the new run's folder in it would reach.
  here.night(1);
  there.store.database().exec("UPDATE artifact SET path = 'artifacts/run-1/../../assay.db'");
  merge_store(here.store, there.folder / "assay.db");
  EXPECT_THAT(here.values(), ElementsAre(1, 2));
}

}  // namespace
}  // namespace assay
