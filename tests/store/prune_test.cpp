#include "store/prune.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "store/check.h"
#include "tests/store/recording.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Prune : public test::Recording {
 protected:
  Prune() {
    add_protocol();
    for (int i = 0; i < 4; ++i) night();
  }

  RowId night() {
    const RowId batch = begin_batch();
    const RowId run = begin_run(batch);
    StageRecorder stage = recorder.begin_stage(run, "sample");
    stage.add_score(score("a", 1.0), {1, 2, 3});
    const std::string path = file_of(run);
    std::filesystem::create_directories((folder / path).parent_path());
    folder.file(path, "12345");
    ArtifactRow artifact;
    artifact.name = "grid";
    artifact.kind = "image-grid";
    artifact.path = path;
    stage.add_artifact(artifact);
    stage.commit();
    return batch;
  }

  static std::string file_of(RowId run) { return "artifacts/run-" + std::to_string(run) + "/grid.txt"; }
  std::int64_t count(const std::string& table) {
    return store.database().execAndGet("SELECT count(*) FROM " + table).getInt64();
  }
};

TEST_F(Prune, TakesRawValuesAndFilesOfOlderBatchesAndKeepsTheirScores) {
  recorder.accept_baselines({{0, 1, "main", "", ""}});
  PruneRequest request;
  request.keep = 2;
  request.dry_run = true;
  const Pruned planned = prune_store(store, request);
  EXPECT_EQ(count("sample"), 12);
  EXPECT_TRUE(std::filesystem::exists(folder / file_of(2)));
  request.dry_run = false;
  const Pruned pruned = prune_store(store, request);
  for (const Pruned& one : {planned, pruned}) {
    EXPECT_EQ(one.batches, 1) << "the first is a baseline, two are kept";
    EXPECT_EQ(one.samples, 3);
    EXPECT_EQ(one.artifacts, 1);
    EXPECT_EQ(one.files, 1);
    EXPECT_EQ(one.bytes, 5);
  }
  EXPECT_EQ(count("score"), 4);
  EXPECT_EQ(count("sample"), 9);
  EXPECT_FALSE(std::filesystem::exists(folder / "artifacts/run-2"));
  EXPECT_TRUE(std::filesystem::exists(folder / file_of(1)));
  EXPECT_TRUE(std::filesystem::exists(folder / file_of(3)));
  EXPECT_THAT(check_store(store, true).problems, IsEmpty());
}

TEST_F(Prune, TakesWholeBatchesWhereAsked) {
  PruneRequest request;
  request.keep = 1;
  request.whole = true;
  EXPECT_EQ(prune_store(store, request).batches, 3);
  EXPECT_EQ(count("batch"), 1);
  EXPECT_EQ(count("score"), 1);
  const StoreCheck check = check_store(store, true);
  EXPECT_THAT(check.problems, IsEmpty()) << "the chain is made anew";
  EXPECT_EQ(check.sealed, 1);
}

TEST_F(Prune, DoesNotHideAnEdit) {
  store.database().exec("UPDATE score SET value = 0 WHERE run = 1");
  PruneRequest request;
  request.whole = true;
  EXPECT_THAT(test::failure<InputError>([&] { prune_store(store, request); }), HasSubstr("changed after"));
  EXPECT_EQ(count("batch"), 4);
}

TEST_F(Prune, LeavesWhatLiesOutsideTheStoresFolder) {
  const test::TemporaryFolder other;
  const std::filesystem::path file = other.file("mine.txt", "not of this store");
  const std::string up = "artifacts/../../" + other.path().filename().string() + "/mine.txt";
  ASSERT_TRUE(std::filesystem::exists(folder / up));
  store.database().exec("UPDATE artifact SET path = '" + up + "' WHERE run = 1");
  prune_store(store, {});
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_FALSE(std::filesystem::exists(folder / file_of(2)));
}

}  // namespace
}  // namespace assay
