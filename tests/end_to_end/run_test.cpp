#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/file.h"
#include "core/safetensors.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::operator+;
using test::Outcome;
using test::Program;
using test::TemporaryFolder;
using test::Words;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

Words smoke_run(const std::filesystem::path& store) {
  return {"run", "self_guided", "--tier", "smoke", "--json", "--store", store.string(), "--threads", "1"};
}

Outcome assay_command(const Words& arguments) { return test::run_program(ASSAY_BINARY, arguments); }

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& [key, value] : object.items()) names.insert(key);
  return names;
}

bool is_number_or_null(const json& value) { return value.is_number() || value.is_null(); }

/// The names of the finished stages of a run; none where the store has no tables yet.
Words finished_stages(const std::filesystem::path& store, int run) {
  Words names;
  try {
    SQLite::Database database(store.string(), SQLite::OPEN_READONLY, 2000);
    SQLite::Statement query(database, "SELECT name FROM stage WHERE run = ? ORDER BY position");
    query.bind(1, run);
    while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  } catch (const SQLite::Exception&) {
    names.clear();
  }
  return names;
}

std::string one_value(const std::filesystem::path& store, const std::string& sql) {
  SQLite::Database database(store.string(), SQLite::OPEN_READONLY, 2000);
  return database.execAndGet(sql).getString();
}

void expect_sound(const std::filesystem::path& store) {
  SQLite::Database database(store.string(), SQLite::OPEN_READWRITE, 2000);
  EXPECT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok");
  EXPECT_FALSE(SQLite::Statement(database, "PRAGMA foreign_key_check").executeStep());
}

/// One smoke run that the tests look at, and copies of its folder.
class SmokeRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    outcome_ = assay_command(smoke_run(store()));
    result_ = json::parse(outcome_.out, nullptr, false);
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override { ASSERT_EQ(outcome_.exit_code, 0) << outcome_.err; }

  static std::filesystem::path store() { return *folder_ / "assay.db"; }
  static const Outcome& outcome() { return outcome_; }
  static const json& result() { return result_; }
  static void copy_to(const TemporaryFolder& other) {
    std::filesystem::copy(folder_->path(), other.path(), std::filesystem::copy_options::recursive);
  }

 private:
  static inline std::unique_ptr<TemporaryFolder> folder_;
  static inline Outcome outcome_;
  static inline json result_;
};

TEST_F(SmokeRun, PrintsOneJsonObjectOfTheDocumentedShapeAndNothingElse) {
  ASSERT_EQ(std::count(outcome().out.begin(), outcome().out.end(), '\n'), 1);
  ASSERT_EQ(outcome().out.back(), '\n');
  const json& all = result();
  EXPECT_EQ(keys(all), (std::set<std::string>{"batch", "comparisons", "runs"}));
  ASSERT_EQ(all.at("runs").size(), 1U);
  const json& run = all.at("runs").at(0);
  EXPECT_EQ(keys(run), (std::set<std::string>{"id", "method", "tier", "dataset", "seed", "status", "reason", "scores",
                                              "claims", "artifacts", "notes"}));
  EXPECT_EQ(run.at("method"), "self_guided");
  EXPECT_EQ(run.at("tier"), "smoke");
  EXPECT_EQ(run.at("dataset"), "shapes");
  EXPECT_EQ(run.at("seed"), 0);
  EXPECT_EQ(run.at("status"), "done");
  EXPECT_EQ(run.at("reason"), "");

  ASSERT_THAT(run.at("scores"), ::testing::Not(IsEmpty()));
  std::set<std::string> arms;
  for (const json& score : run.at("scores")) {
    SCOPED_TRACE(score.dump());
    EXPECT_EQ(keys(score),
              (std::set<std::string>{"arm", "name", "value", "unit", "n", "low", "high", "protocol", "params"}));
    EXPECT_TRUE(score.at("value").is_number());
    EXPECT_GT(score.at("n").get<int>(), 0);
    EXPECT_FALSE(score.at("protocol").get<std::string>().empty());
    EXPECT_TRUE(is_number_or_null(score.at("low")) && is_number_or_null(score.at("high")));
    if (score.at("name") == "fd-small") {
      EXPECT_EQ(score.at("protocol"), "fd-small");
      EXPECT_LE(score.at("low").get<double>(), score.at("high").get<double>());
      arms.insert(score.at("arm"));
    }
  }
  EXPECT_THAT(arms, IsSupersetOf({"uncond_w0", "uncond_model", "label", "self_label_k4", "self_label_k8",
                                  "self_label_pca_k4", "random_label", "self_box", "self_mask", "real_validation"}));

  ASSERT_THAT(run.at("claims"), ::testing::Not(IsEmpty()));
  for (const json& claim : run.at("claims")) {
    EXPECT_EQ(keys(claim), (std::set<std::string>{"id", "method", "statement", "origin", "verdict", "statistic", "low",
                                                  "high", "threshold", "seeds"}));
    EXPECT_THAT((std::set<std::string>{"supported", "contradicted", "inconclusive", "not run"}),
                ::testing::Contains(claim.at("verdict").get<std::string>()));
  }
  for (const json& artifact : run.at("artifacts")) {
    EXPECT_EQ(keys(artifact), (std::set<std::string>{"name", "kind", "path", "hash"}));
    EXPECT_TRUE(std::filesystem::exists(store().parent_path() / artifact.at("path").get<std::string>())) << artifact;
    EXPECT_EQ(artifact.at("hash").get<std::string>().size(), 32U);
  }
  ASSERT_THAT(all.at("comparisons"), ::testing::Not(IsEmpty()));
  for (const json& row : all.at("comparisons"))
    EXPECT_EQ(keys(row), (std::set<std::string>{"method", "metric", "protocol", "arm_a", "arm_b", "params", "params_b",
                                                "difference", "low", "high", "interval", "p", "p_adjusted", "seeds",
                                                "differences"}));
}

TEST_F(SmokeRun, SaysSomethingOfEveryClaimOfThePaper) {
  // One cluster is not among the smoke tier's K.
  std::set<std::string> judged, not_run;
  for (const json& claim : result().at("runs").at(0).at("claims")) {
    const std::string id = claim.at("id");
    if (claim.at("verdict") == "not run") {
      not_run.insert(id);
      continue;
    }
    judged.insert(id.substr(0, 3));
    EXPECT_TRUE(claim.at("statistic").is_number()) << claim;
  }
  EXPECT_EQ(not_run, (std::set<std::string>{"S-3.one_cluster"}));
  EXPECT_THAT(judged, IsSupersetOf({"S-1", "S-2", "S-3", "S-4", "S-5", "S-6", "S-7", "S-8", "S-9"}));
}

TEST_F(SmokeRun, KnowsTheExactWorld) {
  // Of ten classes on a Gaussian mixture with an exact denoiser: conditional samples are of their class, unconditional
  // ones of a class that chance picks.
  std::set<double> seen;
  for (const json& score : result().at("runs").at(0).at("scores")) {
    if (score.at("name") != "class_accuracy") continue;
    const double w = score.at("params").at("w");
    seen.insert(w);
    if (w == 0)
      EXPECT_LT(score.at("value").get<double>(), 0.2);
    else
      EXPECT_GT(score.at("value").get<double>(), 0.98);
  }
  EXPECT_EQ(seen, (std::set<double>{0, 1, 2}));
}

TEST_F(SmokeRun, TheSameCommandElsewhereGivesTheSameScoresAndArtifacts) {
  const TemporaryFolder other;
  const Outcome again = assay_command(smoke_run(other / "assay.db"));
  ASSERT_EQ(again.exit_code, 0) << again.err;
  // Every number is printed with all its digits, so equal texts are equal bits; artifacts come with their hashes.
  EXPECT_EQ(again.out, outcome().out);
}

TEST_F(SmokeRun, AnotherSeedGivesOtherScores) {
  const TemporaryFolder other;
  copy_to(other);
  const Outcome seeded = assay_command(smoke_run(other / "assay.db") +
                                       Words{"--seeds", "5,9", "--set", "sample.count=20", "--set", "bootstrap=20"});
  ASSERT_EQ(seeded.exit_code, 0) << seeded.err;
  const json all = json::parse(seeded.out);
  ASSERT_EQ(all.at("runs").size(), 2U);
  std::set<double> values;
  for (const json& run : all.at("runs"))
    for (const json& score : run.at("scores"))
      if (score.at("name") == "fd-small" && score.at("arm") == "uncond_w0")
        values.insert(score.at("value").get<double>());
  for (const json& score : result().at("runs").at(0).at("scores"))
    if (score.at("name") == "fd-small" && score.at("arm") == "uncond_w0")
      values.insert(score.at("value").get<double>());
  EXPECT_EQ(values.size(), 3U);
  // Two seeds: the interval is over seeds, with a p-value adjusted over the contrasts of the metric.
  for (const json& row : all.at("comparisons")) {
    EXPECT_EQ(row.at("seeds"), json({5, 9}));
    if (row.at("metric") == "corloc") {  // boxes do not depend on the seed
      EXPECT_THAT(row.at("interval").get<std::string>(), HasSubstr("over images"));
      continue;
    }
    EXPECT_THAT(row.at("interval").get<std::string>(), HasSubstr("over 2 seeds")) << row;
    EXPECT_GE(row.at("p_adjusted").get<double>(), row.at("p").get<double>());
  }
}

TEST_F(SmokeRun, ReportNamesTheArmsInHtmlAndMarkdown) {
  const TemporaryFolder out;
  const Outcome report = assay_command({"report", "--store", store().string(), "--out", out.path().string(), "--json"});
  ASSERT_EQ(report.exit_code, 0) << report.err;
  const json files = json::parse(report.out);
  for (const char* kind : {"html", "markdown"}) {
    const std::string text = read_file(files.at(kind).get<std::string>());
    for (const char* arm : {"uncond_w0", "label", "self_label_k4", "self_label_k8", "random_label", "real_validation"})
      EXPECT_THAT(text, HasSubstr(arm)) << kind;
    EXPECT_THAT(text, HasSubstr("fd-small")) << kind;
  }
}

json without_notes(json batch) {
  for (json& run : batch.at("runs")) run.erase("notes");
  return batch;
}

TEST_F(SmokeRun, KilledAtSeveralMomentsItResumesToTheSameResult) {
  const Words expected = finished_stages(store(), 1);
  ASSERT_GE(expected.size(), 6U);
  const auto at_training =
      static_cast<std::size_t>(std::find(expected.begin(), expected.end(), "train:shared") - expected.begin());
  ASSERT_LT(at_training, expected.size());

  const TemporaryFolder other;
  const auto file = other / "assay.db";
  struct Kill {
    std::size_t stages;  // when this many are finished
    int milliseconds;    // and then this much later
    int signal;
  };
  // In the shared products, in training, among the samples, and asked politely.
  const std::vector<Kill> kills = {
      {0, 150, SIGKILL}, {at_training, 100, SIGKILL}, {at_training + 2, 30, SIGKILL}, {at_training + 3, 0, SIGINT}};
  Words command = smoke_run(file);
  for (const Kill& kill : kills) {
    SCOPED_TRACE(kill.stages);
    Program program(ASSAY_BINARY, command);
    const auto begun = [&] {
      try {
        return one_value(file, "SELECT count(*) FROM run WHERE status = 'running'") == "1";
      } catch (const SQLite::Exception&) {
        return false;
      }
    };
    while (program.running() && (!begun() || finished_stages(file, 1).size() < kill.stages))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(kill.milliseconds));
    program.signal(kill.signal);
    const Outcome stopped = program.wait();
    ASSERT_EQ(stopped.exit_code, kill.signal == SIGKILL ? -SIGKILL : 1) << stopped.err;
    EXPECT_EQ(stopped.out, "");

    expect_sound(file);
    EXPECT_EQ(one_value(file, "SELECT status FROM run"), kill.signal == SIGKILL ? "running" : "interrupted");
    const Words kept = finished_stages(file, 1);
    EXPECT_GE(kept.size(), kill.stages) << "a finished stage is lost";
    EXPECT_LT(kept.size(), expected.size());
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), expected.begin()));
    command = {"run", "--json", "--store", file.string(), "--resume", "1"};
  }
  const Outcome resumed = assay_command(command);
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  // Every number is printed with all its digits; only the notes say which networks were there already.
  EXPECT_EQ(without_notes(json::parse(resumed.out)), without_notes(result()));
  EXPECT_EQ(finished_stages(file, 1), expected);
  expect_sound(file);

  const Outcome again = assay_command(command);
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("done"));
}

/// Hashes of a run's artifacts of one kind, by name; not of their paths, which name the run.
std::map<std::string, std::string> hashes_of(const json& run, const std::string& kind) {
  std::map<std::string, std::string> hashes;
  for (const json& artifact : run.at("artifacts"))
    if (artifact.at("kind") == kind) hashes[artifact.at("name")] = artifact.at("hash");
  return hashes;
}

TEST_F(SmokeRun, BatchSizeAndThreadsDoNotChangeImagesOrScores) {
  const TemporaryFolder other;
  copy_to(other);
  Words command = smoke_run(other / "assay.db");
  command.resize(command.size() - 2);  // without --threads
  const std::vector<Words> variants = {{"--threads", "2", "--set", "sample.batch=16"},
                                       {"--threads", "1", "--set", "sample.batch=24"},
                                       {"--threads", "3", "--set", "sample.batch=1"}};
  const json& first = result().at("runs").at(0);
  ASSERT_THAT(hashes_of(first, "samples"), ::testing::Not(IsEmpty()));
  for (const Words& variant : variants) {
    SCOPED_TRACE(::testing::PrintToString(variant));
    const Outcome outcome = assay_command(command + variant);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const json run = json::parse(outcome.out).at("runs").at(0);
    EXPECT_EQ(hashes_of(run, "checkpoint"), hashes_of(first, "checkpoint")) << "was trained anew";
    // The samples' files hold images and features.
    EXPECT_EQ(hashes_of(run, "samples"), hashes_of(first, "samples"));
    EXPECT_EQ(run.at("scores"), first.at("scores"));
  }
}

TEST_F(SmokeRun, MoreSamplesBeginWithTheSameImages) {
  const TemporaryFolder other;
  copy_to(other);
  const Outcome outcome = assay_command(smoke_run(other / "assay.db") + Words{"--set", "sample.count=31", "--set",
                                                                              "oracle=false", "--set", "bootstrap=20"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  int arms = 0;
  for (const auto& entry : std::filesystem::directory_iterator(other / "artifacts" / "run-1")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("samples-")) continue;
    const SafetensorsFile few(entry.path()), more(other / "artifacts" / "run-2" / name);
    const auto bytes = few.at("images").data;
    ASSERT_EQ(more.at("images").shape.front(), 31) << name;
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), more.at("images").data.begin())) << name;
    ++arms;
  }
  EXPECT_GE(arms, 10);
}

TEST_F(SmokeRun, TruncatedCheckpointIsRefusedAndNamed) {
  const TemporaryFolder other;
  copy_to(other);
  std::filesystem::path checkpoint;
  for (const auto& entry : std::filesystem::directory_iterator(other / "cache")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("denoiser-") && name.ends_with(".safetensors")) checkpoint = entry.path();
  }
  ASSERT_FALSE(checkpoint.empty());
  std::filesystem::resize_file(checkpoint, std::filesystem::file_size(checkpoint) / 2);
  const Outcome outcome = assay_command(smoke_run(other / "assay.db") + Words{"--quiet"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(checkpoint.filename().string()));
  EXPECT_EQ(one_value(other / "assay.db", "SELECT status FROM run ORDER BY id DESC LIMIT 1"), "failed");
}

}  // namespace
}  // namespace assay
