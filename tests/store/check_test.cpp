#include "store/check.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "tests/store/recording.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreChecked : public test::Recording {
 protected:
  StoreChecked() { add_protocol(); }

  void run_with(const std::vector<double>& values) {
    const RowId run = begin_run(begin_batch());
    for (std::size_t i = 0; i < values.size(); ++i) {
      StageRecorder stage = recorder.begin_stage(run, "stage " + std::to_string(i));
      stage.add_score(score("a", values[i]));
      stage.commit();
    }
  }
  void execute(const std::string& sql) const { store.database().exec(sql); }
  std::vector<std::string> problems() const { return check_store(store, true).problems; }
};

TEST_F(StoreChecked, IsInOrderAsItWasRecorded) {
  run_with({1, 2, 3});
  run_with({4});
  const StoreCheck result = check_store(store, true);
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.sealed, 4);
  EXPECT_EQ(result.unsealed, 0);
}

TEST_F(StoreChecked, ShowsAScoreThatWasEdited) {
  run_with({1, 2, 3});
  // Each edit, and what undoes it.
  for (const auto& [edit, undo] : std::vector<std::pair<std::string, std::string>>{
           {"value = 1.9999999999999998", "value = 2"},
           {"n = 1", "n = 1000"},
           {"arm = 'b'", "arm = 'a'"},
           {"low = 1, high = 3, level = 0.9", "low = NULL, high = NULL, level = NULL"}}) {
    execute("UPDATE score SET " + edit + " WHERE stage = 'stage 1'");
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("scores of run 1, stage stage 1"))) << edit;
    execute("UPDATE score SET " + undo + " WHERE stage = 'stage 1'");
    EXPECT_THAT(problems(), IsEmpty());
  }
  execute("DELETE FROM score WHERE stage = 'stage 1'");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("stage stage 1")));
}

TEST_F(StoreChecked, ShowsAScoreThatWasAdded) {
  run_with({1, 2, 3});
  execute("INSERT INTO score (run, stage, arm, name, value, n, protocol) VALUES (1, 'stage 0', 'x', 'fd', 0, 1, 1)");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("stage stage 0")));
}

TEST_F(StoreChecked, ShowsAStageThatIsGone) {
  run_with({1, 2, 3});
  execute("DELETE FROM stage WHERE name = 'stage 1'");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("stage stage 2, or the stage before it")));
}

TEST_F(StoreChecked, ShowsRowsThatReferToNone) {
  run_with({1});
  execute("PRAGMA foreign_keys = OFF; DELETE FROM protocol");
  EXPECT_THAT(problems(), ::testing::Contains(HasSubstr("a row of score (rowid 1) refers to a row of protocol")));
}

TEST_F(StoreChecked, ReadsTheFilesOfArtifacts) {
  const RowId run = begin_run(begin_batch());
  std::filesystem::create_directories(folder / "artifacts");
  folder.file("artifacts/a.txt", "as it was");
  StageRecorder stage = recorder.begin_stage(run, "draw");
  ArtifactRow artifact;
  artifact.name = "a";
  artifact.kind = "samples";
  artifact.path = "artifacts/a.txt";
  stage.add_artifact(artifact);
  stage.commit();
  EXPECT_THAT(problems(), IsEmpty());
  folder.file("artifacts/a.txt", "otherwise");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("artifacts/a.txt of run 1 is another file")));
  std::filesystem::remove(folder / "artifacts/a.txt");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("artifacts/a.txt of run 1 is gone")));
  EXPECT_THAT(check_store(store, false).problems, IsEmpty());
}

}  // namespace
}  // namespace assay
