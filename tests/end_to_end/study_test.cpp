#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "core/file.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::TemporaryFolder;
using test::Words;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Two arms: neither layouts nor classifiers are trained.
Words study_words(const std::filesystem::path& store, const Words& more = {}) {
  Words words = {"study",   "guidance-imbalance", "--tier",    "smoke", "--arms", "none,label", "--json", "--quiet",
                 "--store", store.string(),       "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Outcome study(const std::filesystem::path& store, const Words& more = {}) {
  return test::run_program(ASSAY_BINARY, study_words(store, more));
}

/// Every score of the units of two arms and more, by what it is of.
std::map<std::string, double> scores_of(const std::filesystem::path& store) {
  const SQLite::Database database(store.string());
  SQLite::Statement rows(database,
                         "SELECT run.dataset || ' ' || run.seed || ' ' || arm || ' ' || score.name || ' ' || params, "
                         "value FROM score JOIN run ON run.id = score.run "
                         "WHERE json_array_length(run.config, '$.arms') > 1 AND stage LIKE 'cell:%'");
  std::map<std::string, double> scores;
  while (rows.executeStep()) scores[rows.getColumn(0).getString()] = rows.getColumn(1).getDouble();
  return scores;
}

int count_of(const std::filesystem::path& store, const std::string& sql) {
  return SQLite::Database(store.string()).execAndGet("SELECT count(*) FROM " + sql).getInt();
}

/// One study serves the tests that read it.
struct Recorded {
  TemporaryFolder folder;
  std::filesystem::path store = folder / "assay.db";
  Outcome outcome = study(store);
};
const Recorded& recorded() {
  static const Recorded kept;
  return kept;
}

TEST(Study, RunsEveryCellAndSaysWhatItFound) {
  const Outcome& outcome = recorded().outcome;
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json found = json::parse(outcome.out);
  ASSERT_EQ(found.at("cells").size(), 4U) << "two imbalances, two arms";
  for (const json& cell : found.at("cells")) EXPECT_EQ(cell.at("status"), "done") << cell;
  EXPECT_EQ(found.at("left_out").size(), 2U) << found.at("left_out");
  ASSERT_EQ(found.at("probes").size(), 1U);
  EXPECT_TRUE(found.at("probes")[0].at("can_be_asked").get<bool>()) << found.at("probes");
  EXPECT_EQ(found.at("budget").at("images"), 40);
  EXPECT_EQ(found.at("ranks").size(), 16U) << "two arms, imbalances, draws and columns";
  for (const json& row : found.at("comparisons")) EXPECT_TRUE(row.at("p").is_null()) << "one seed: " << row;
  EXPECT_FALSE(found.at("comparisons").empty());
  std::map<std::string, std::string> verdicts;
  for (const json& claim : found.at("claims")) verdicts[claim.at("id")] = claim.at("verdict");
  EXPECT_EQ(verdicts.at("tail-loses.shapes"), "supported");
}

TEST(Study, IsRecordedWithProtocolNumberAndInterval) {
  const auto& store = recorded().store;
  EXPECT_EQ(count_of(store,
                     "score WHERE name IN ('fd-small', 'precision', 'recall', 'coverage') AND (n = 0 OR low IS "
                     "NULL OR protocol IS NULL)"),
            0);
  EXPECT_EQ(count_of(store, "run WHERE status <> 'done'"), 0);
  EXPECT_GT(count_of(store, "comparison WHERE method = 'guidance-imbalance'"), 0);
  const TemporaryFolder out;
  const Outcome report =
      test::run_program(ASSAY_BINARY, {"report", "--store", store.string(), "--out", out.path().string()});
  ASSERT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(read_file(out / "report.md"), HasSubstr("Guidance on imbalanced data"));
}

TEST(Study, GivenAgainRunsNothing) {
  const auto& store = recorded().store;
  const int stages = count_of(store, "stage");
  const Outcome again = study(store);
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(count_of(store, "stage"), stages);
  EXPECT_EQ(json::parse(again.out), json::parse(recorded().outcome.out));
}

TEST(Study, GoesOnAfterAKillToTheSameBits) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  {
    test::Program killed(ASSAY_BINARY, study_words(store));
    const auto recorded_cells = [&]() -> int {
      try {
        return std::filesystem::exists(store) ? count_of(store, "stage WHERE name LIKE 'cell:%'") : 0;
      } catch (const std::exception&) {
        return 0;  // the schema is being written
      }
    };
    while (killed.running() && recorded_cells() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    killed.signal(SIGKILL);
    killed.wait();
  }
  const int before = count_of(store, "stage WHERE name LIKE 'cell:%'");
  ASSERT_EQ(study(store).exit_code, 0);
  EXPECT_EQ(count_of(store, "stage WHERE name LIKE 'cell:%'"), 5) << before << " were there: a probe and four cells";
  EXPECT_EQ(count_of(store, "batch"), 1);
  EXPECT_EQ(scores_of(store), scores_of(recorded().store));
}

TEST(Study, OfTwoMachinesIsOneAfterAMerge) {
  const TemporaryFolder folder;
  const auto first = folder / "1.db", second = folder / "two" / "2.db";
  ASSERT_EQ(study(first, {"--shard", "1/2"}).exit_code, 0);
  ASSERT_EQ(study(second, {"--shard", "2/2"}).exit_code, 0);
  EXPECT_EQ(scores_of(first).size() + scores_of(second).size(), scores_of(recorded().store).size());
  ASSERT_EQ(test::run_program(ASSAY_BINARY, {"store", "merge", "--store", first.string(), second.string()}).exit_code,
            0);
  const int runs = count_of(first, "run");
  const Outcome whole = study(first);
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(count_of(first, "run"), runs) << "every cell was there";
  EXPECT_EQ(scores_of(first), scores_of(recorded().store));
  EXPECT_EQ(json::parse(whole.out).at("ranks"), json::parse(recorded().outcome.out).at("ranks"));
}

TEST(Study, ThatCannotAskItsQuestionSaysSo) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  Words words = study_words(store, {"--set", "study.below=0"});  // no recall is
  std::erase(words, "--json");
  const Outcome plain = test::run_program(ASSAY_BINARY, words);
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.out, AllOf(HasSubstr("the question cannot be asked with this budget"), HasSubstr("0 of 4 cells")));
  EXPECT_EQ(count_of(store, "run"), 1) << "the probe";
  EXPECT_EQ(count_of(store, "claim WHERE name = 'tail-loses.shapes' AND verdict = 'contradicted'"), 1);
}

TEST(Study, ListsItsCellsBeforeItRunsThem) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  const Outcome plan = study(store, {"--dry-run", "--seeds", "2"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_EQ(json::parse(plan.out).at("cells").size(), 8U);
  EXPECT_GT(json::parse(plan.out).at("cost").at("seconds").get<double>(), 0.0);
  EXPECT_FALSE(std::filesystem::exists(store));
}

TEST(Study, RefusesBadInputInOneLine) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  const auto refused = [&](const Words& more, const std::string& what) {
    const Outcome outcome = study(store, more);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(what));
    EXPECT_FALSE(std::filesystem::exists(store));
  };
  refused({"--arms", "labels"}, "'labels'");
  refused({"--shard", "0/3"}, "--shard 0/3");
  refused({"--imbalance", "30"}, "1, 10, 100, natural");
  refused({"--dataset", "emojis"}, "emoji");
  refused({"--set", "self_guided.clusters=[4,100000]"}, "more than the");
  refused({"--set", "strengths.weights=[1,2]", "--arms", "label,classifier"}, "unequal budgets");
  refused({"--set", "dataset.folder=nowhere"}, "folder");
  Words paper = study_words(store);
  *(std::find(paper.begin(), paper.end(), "--tier") + 1) = "paper";
  const Outcome outcome = test::run_program(ASSAY_BINARY, paper);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("'paper'"));
}

}  // namespace
}  // namespace assay
