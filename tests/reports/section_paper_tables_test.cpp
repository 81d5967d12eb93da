#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/file.h"
#include "reports/report.h"
#include "store/recorder.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// The report's row on a published FID beside a score of ours in a batch of its own.
class PaperTables : public ::testing::Test {
 protected:
  std::string row() {
    {
      Store opened = Store::open_or_create(store);
      Recorder recorder(opened);
      RunRow run_row;
      run_row.batch = recorder.begin_batch({});
      run_row.method = "ed_dpm";
      run_row.tier = tier;
      run_row.dataset = "imagenet";
      const RowId id = recorder.begin_run(run_row);
      recorder.upsert_protocol({0, "fid-tf1", "", "", "", nlohmann::json::object()});
      StageRecorder stage = recorder.begin_stage(id, "score");
      ScoreRow score;
      score.name = "fid";
      score.arm = "uncond/g";
      score.protocol = protocol;
      recorder.upsert_protocol({0, protocol, "", "", "", nlohmann::json::object()});
      score.value = 14.5;
      score.n = n;
      score.interval = interval;
      score.params = {{"gamma", 10}, {"steps", "ddim25"}};
      stage.add_score(score);
      stage.commit();
      recorder.finish_run(id, RunStatus::done);
      PublishedRow cell;
      cell.batch = run_row.batch;
      cell.method = "ed_dpm";
      cell.title = "T";
      cell.label = "UADM-G";
      cell.metric = "FID";
      cell.better = Better::lower;
      cell.printed = "14.22";
      cell.value = 14.22;
      cell.n = 50000;
      cell.trust = "ED";
      if (printed_as_percentage) {
        cell.printed = "1422";
        cell.value = 1422;
      }
      cell.ours = nlohmann::json::parse(R"([{"arm": "uncond/g", "score": "fid", "protocol": "fid-tf1",
                                             "params": {"gamma": 10}, "stand_in": false}])");
      if (printed_as_percentage) cell.ours[0]["scale"] = 100;
      recorder.add_published({cell});
    }
    ReportOptions options;
    options.store = store;
    options.out = folder / "out";
    const std::string text = read_file(write_report(options).markdown);
    const std::size_t at = text.find("| UADM-G | FID |");
    return at == std::string::npos ? text.substr(text.find("| UADM-G |"), 80)
                                   : text.substr(at, text.find('\n', at) - at);
  }

  test::TemporaryFolder folder;
  std::filesystem::path store = folder / "results.sqlite";
  std::string tier = "paper", protocol = "fid-tf1";
  std::int64_t n = 50000;
  bool printed_as_percentage = false;
  std::optional<ScoreInterval> interval = ScoreInterval{14.225, 14.8, 0.95, "t"};
};

TEST_F(PaperTables, AreReproducedWhereTheIntervalMeetsThePrintedNumber) {
  // 14.22 stands for 14.215 to 14.225.
  EXPECT_THAT(row(), HasSubstr("**reproduced**"));
}

TEST_F(PaperTables, AreComparedInTheUnitThatIsPrinted) {
  printed_as_percentage = true;
  EXPECT_THAT(row(), AllOf(HasSubstr("**reproduced**"), HasSubstr("1450"), HasSubstr("1480")));
}

TEST_F(PaperTables, AreNotReproducedOutsideTheInterval) {
  interval->low = 14.2251;
  EXPECT_THAT(row(), HasSubstr("**not reproduced** | ours is worse |"));
}

TEST_F(PaperTables, AreNotComparableInAnotherTier) {
  tier = "mini";
  EXPECT_THAT(row(), HasSubstr("**not comparable** | mini tier |"));
}

TEST_F(PaperTables, AreNotComparableAtAnotherNumberOfSamples) {
  n = 5000;
  EXPECT_THAT(row(), HasSubstr("**not comparable** | 5,000 samples, published 50,000 |"));
}

TEST_F(PaperTables, AreNotComparableWithoutAnInterval) {
  interval = std::nullopt;
  EXPECT_THAT(row(), HasSubstr("**not comparable** | ours has no interval |"));
}

TEST_F(PaperTables, AreNotRunUnderAnotherProtocol) {
  protocol = "fid-clean";
  EXPECT_THAT(row(), HasSubstr("| **not run** |"));
}

}  // namespace
}  // namespace assay
