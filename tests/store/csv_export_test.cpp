#include "store/csv_export.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "core/file.h"
#include "tests/store/recording.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

class Csv : public test::Recording {};

TEST_F(Csv, HoldsEveryTableWithNumbersThatReadBack) {
  add_protocol();
  const RowId run = begin_run(begin_batch("assay run 'a,b' \"c\"\nd"));
  StageRecorder stage = recorder.begin_stage(run, "s");
  stage.add_score(score("a", 0.1 + 0.2));
  stage.commit();
  const std::vector<ExportedTable> tables = export_csv(store, folder / "out", std::nullopt);
  EXPECT_EQ(tables.size(), 14U);
  EXPECT_THAT(read_file(folder / "out/batch.csv"), HasSubstr("1,\"assay run 'a,b' \"\"c\"\"\nd\","));
  EXPECT_EQ(read_file(folder / "out/score.csv"),
            "id,run,stage,arm,name,value,unit,better,n,low,high,level,interval,protocol,params\r\n"
            "1,1,s,a,fd,0.30000000000000004,\"\",\"\",1000,,,,\"\",1,{}\r\n");
  EXPECT_THAT(read_file(folder / "out/claim.csv"), HasSubstr("id,batch,name,method"));
}

TEST_F(Csv, HoldsOneTableWhereAsked) {
  EXPECT_EQ(export_csv(store, folder / "out", "score").size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder / "out/batch.csv"));
  EXPECT_THAT(test::failure<InputError>([&] { export_csv(store, folder / "out", "scores"); }),
              HasSubstr("did you mean 'score'?"));
}

TEST_F(Csv, RefusesATableWhoseNameIsNoNameOfAFile) {
  store.database().exec("CREATE TABLE \"../beside\" (a)");
  EXPECT_THAT(test::failure<InputError>([&] { export_csv(store, folder / "out", std::nullopt); }),
              HasSubstr("'../beside', which is none of ours"));
  EXPECT_FALSE(std::filesystem::exists(folder / "beside.csv"));
}

}  // namespace
}  // namespace assay
