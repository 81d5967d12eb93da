// Ctrl-C and SIGTERM: what is done is kept, the program says so in one line and ends with code 1, and nobody finds half
// a file. Tier `paper` is in published_test.cpp, tier `smoke` of self_guided in run_test.cpp.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/file.h"
#include "core/safetensors.h"
#include "images/png.h"
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
using ::testing::AllOf;
using ::testing::Each;
using ::testing::IsEmpty;

/// Column values of a query; none where the store has no tables yet.
Words rows(const std::filesystem::path& store, const std::string& sql) {
  Words found;
  try {
    SQLite::Database database(store.string(), SQLite::OPEN_READONLY, 2000);
    SQLite::Statement query(database, sql);
    while (query.executeStep()) found.push_back(query.getColumn(0).getString());
  } catch (const SQLite::Exception&) {
    found.clear();
  }
  return found;
}

void pause(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

/// Waits until a signal no longer ends the program by itself.
void wait_until_it_listens(Program& program) {
  while (program.running() && !program.handles(SIGINT)) pause(2);
}

void expect_one_line(const Outcome& outcome, const std::string& line) {
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, line + "\n");
}

/// Scores and artifacts of the runs of a batch, but for what a clock measured: scores of seconds, and networks of
/// MaskDM, whose files hold the seconds that their training took.
json result_of(const json& batch) {
  json found = json::array();
  for (const json& run : batch.at("runs")) {
    EXPECT_EQ(run.at("status"), "done");
    json scores = json::array(), artifacts = json::array();
    for (const json& score : run.at("scores")) {
      const auto name = score.at("name").get<std::string>();
      if (name.find("seconds") == std::string::npos && name.find("time") == std::string::npos) scores.push_back(score);
    }
    for (const json& artifact : run.at("artifacts"))
      if (run.at("method") != "maskdm" || artifact.at("kind") != "checkpoint") artifacts.push_back(artifact);
    EXPECT_GE(scores.size(), 10U);
    found.push_back({scores, artifacts});
  }
  return found;
}

/// A run made small, of any tier.
struct SmallRun {
  const char* method;
  const char* tier;
  Words settings;
};

Words command_of(const SmallRun& run, const std::filesystem::path& store) {
  return Words{"run", run.method,  "--tier", run.tier,    "--json", "--quiet", "--store",
               store, "--dataset", "shapes", "--threads", "2",      "--seeds", "2"} +
         test::settings(run.settings);
}

class InterruptedRun : public ::testing::TestWithParam<SmallRun> {};

TEST_P(InterruptedRun, IsMarkedSoAndGoesOnToTheSameScores) {
  const TemporaryFolder folder, other;
  const Outcome whole = test::run_program(ASSAY_BINARY, command_of(GetParam(), folder / "assay.db"));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const auto stages = [](const std::filesystem::path& store) { return rows(store, "SELECT name FROM stage").size(); };
  const std::size_t all = stages(folder / "assay.db");
  ASSERT_GE(all, 8U);

  // Among the products that all seeds share, in the first stage of a seed, and later.
  const auto store = other / "assay.db";
  Words command = command_of(GetParam(), store);
  struct Stop {
    std::size_t stages;  // once so many are done
    int signal;
  };
  std::size_t kept = 0;
  for (const Stop& stop : {Stop{0, SIGINT}, Stop{1, SIGTERM}, Stop{all / 2, SIGINT}}) {
    SCOPED_TRACE(stop.stages);
    Program program(ASSAY_BINARY, command);
    while (program.running() &&
           (rows(store, "SELECT 1 FROM run WHERE status = 'running'").size() < 2 || stages(store) < stop.stages))
      pause(2);
    program.signal(stop.signal);
    expect_one_line(program.wait(), "assay: interrupted; what is done is kept: assay run --store " + store.string() +
                                        " --resume 1 goes on");
    EXPECT_THAT(rows(store, "SELECT status FROM run"), AllOf(::testing::SizeIs(2), Each("interrupted")));
    EXPECT_THAT(rows(store, "SELECT reason FROM run"), Each("interrupted by the user"));
    EXPECT_EQ(rows(store, "PRAGMA integrity_check"), Words{"ok"});
    EXPECT_GE(stages(store), std::max(kept, stop.stages));
    EXPECT_LT(stages(store), all);
    kept = stages(store);
    command = {"run", "--json", "--quiet", "--store", store.string(), "--resume", "1"};
  }
  const Outcome resumed = test::run_program(ASSAY_BINARY, command);
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(result_of(json::parse(resumed.out)), result_of(json::parse(whole.out)));
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryMethodAndTier, InterruptedRun,
    ::testing::Values(SmallRun{"class_tokens", "smoke", {"bootstrap=20"}},
                      SmallRun{"ed_dpm", "smoke", {"oracle=false", "bootstrap=20"}},
                      SmallRun{"maskdm", "smoke", {"bootstrap=20"}},
                      SmallRun{"self_guided",
                               "mini",
                               {"dataset.count=320", "parts=[\"guidance\"]", "label=group", "clusters=[4]",
                                "kmeans.fits=1", "encoder.steps=8", "fd_small.steps=8", "train.steps=8",
                                "sample.count=20", "sample.steps=2", "sample.sweep=[0,2]", "bootstrap=20"}},
                      SmallRun{"ed_dpm",
                               "mini",
                               {"dataset.count=320", "fd_small.steps=8", "train.steps=8", "classifier_train.steps=8",
                                "diagnosed_images=8", "sample.count=20", "sample.selection_count=20", "sample.batch=10",
                                "sample.respacing=ddim2", "sample.gammas_unconditional=[1]",
                                "sample.gammas_conditional=[1]", "bootstrap=20"}},
                      SmallRun{"maskdm",
                               "mini",
                               {"dataset.count=320", "fd_small.steps=8", "budget.gflop=12", "sample.count=20",
                                "sample.steps=2", "stability.steps=4", "stability.batches=[8]", "cost.steps=1",
                                "cost.batch=8", "bootstrap=20"}}),
    [](const auto& small) { return std::string(small.param.method) + "_" + small.param.tier; });

TEST(Interrupt, EveryRunOfTheBatchIsMarkedThoseNotBegunToo) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  Program program(ASSAY_BINARY, {"run", "all", "--tier", "smoke", "--seeds", "3", "--threads", "1", "--quiet",
                                 "--store", store.string()});
  while (program.running() && rows(store, "SELECT name FROM stage").empty()) pause(2);
  program.signal(SIGINT);
  expect_one_line(program.wait(), "assay: interrupted; what is done is kept: assay run --store " + store.string() +
                                      " --resume 1 goes on");
  // Three seeds of five methods.
  EXPECT_THAT(rows(store, "SELECT status FROM run"), AllOf(::testing::SizeIs(15), Each("interrupted")));
}

TEST(Interrupt, EndsTheWaitForWhatAnotherProcessMakes) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  const Words words = {"run", "self_guided", "--tier", "smoke", "--quiet", "--threads", "1", "--store", store.string()};
  Words locks;
  {
    Program first(ASSAY_BINARY, words);
    while (first.running() && locks.empty()) {
      pause(2);
      if (std::filesystem::exists(folder / "cache"))
        for (const auto& entry : std::filesystem::directory_iterator(folder / "cache"))
          if (entry.path().extension() == ".lock") locks.push_back(entry.path().string());
    }
    first.signal(SIGKILL);
    first.wait();
  }
  ASSERT_FALSE(locks.empty());
  const int descriptor = ::open(locks.front().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(descriptor, LOCK_EX), 0);
  Program second(ASSAY_BINARY, words);
  while (second.running() && rows(store, "SELECT 1 FROM run WHERE id = 2").empty()) pause(2);
  pause(200);
  EXPECT_TRUE(second.running());
  second.signal(SIGINT);
  EXPECT_EQ(second.wait().exit_code, 1);
  ::close(descriptor);
  EXPECT_EQ(rows(store, "SELECT status FROM run WHERE id = 2"), Words{"interrupted"});
}

/// Work that goes on for minutes, in small files.
class Commands : public ::testing::Test {
 protected:
  static constexpr std::int64_t count = 6000, width = 64;

  void write_features(const std::string& name, std::uint32_t step) {
    std::vector<float> values(static_cast<std::size_t>(count * width));
    std::uint32_t state = step;
    for (float& value : values) value = static_cast<float>((state = state * 1664525U + 1013904223U) >> 8) / (1U << 24);
    SafetensorsWriter writer;
    writer.add("features", {count, width}, std::span<const float>(values));
    writer.write(folder / name);
  }

  /// Starts the command, lets it work, interrupts it.
  void expect_stop(const Words& command, int milliseconds) {
    SCOPED_TRACE(::testing::PrintToString(command));
    for (const int signal : {SIGINT, SIGTERM}) {
      Program program(ASSAY_BINARY, command);
      wait_until_it_listens(program);
      pause(milliseconds);
      program.signal(signal);
      expect_one_line(program.wait(), "assay: interrupted");
    }
  }

  /// Everything below a folder, by name.
  Words files_in(const std::string& name) const {
    Words found;
    if (std::filesystem::exists(folder / name))
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / name))
        if (entry.is_regular_file()) found.push_back(entry.path().filename().string());
    return found;
  }

  TemporaryFolder folder;
};

TEST_F(Commands, ScoresOfFeaturesStopAndLeaveNoRow) {
  write_features("a.safetensors", 1);
  write_features("b.safetensors", 2);
  const std::string a = (folder / "a.safetensors").string(), b = (folder / "b.safetensors").string(),
                    store = (folder / "assay.db").string();
  for (const char* protocol : {"kid-seed2020", "prdc5"})
    expect_stop({"metric", "generative", "--reference", a, "--generated", b, "--protocol", protocol, "--bootstrap",
                 "1000000", "--store", store},
                150);
  expect_stop({"metric", "compare", "--reference", a, "--a", a, "--b", b, "--protocol", "fid-tf1", "--swaps", "1000000",
               "--bootstrap", "1000000", "--store", store},
              150);
  EXPECT_THAT(rows(store, "SELECT name FROM score"), IsEmpty());
}

TEST_F(Commands, ScoresOfMasksAndLabelsStop) {
  for (const char* side : {"prediction", "truth"}) {
    std::filesystem::create_directory(folder / side);
    for (int i = 0; i < 40; ++i) {
      Image map(64, 64, 1);
      for (std::size_t p = 0; p < map.pixels.size(); ++p)
        map.pixels[p] = (p / 7 + static_cast<std::size_t>(i)) % 3 == 0 ? 255 : 0;
      write_png(folder / side / (std::to_string(i) + ".png"), map);
    }
    std::string labels;
    for (int i = 0; i < 5000; ++i) labels += std::to_string(i * 7 % 97) + "\n";
    folder.file(std::string(side) + ".txt", labels);
  }
  expect_stop({"metric", "saliency", "--prediction", (folder / "prediction").string(), "--truth",
               (folder / "truth").string(), "--bootstrap", "1000000"},
              150);
  expect_stop({"metric", "clustering", "--prediction", (folder / "prediction.txt").string(), "--truth",
               (folder / "truth.txt").string(), "--bootstrap", "1000000"},
              100);
}

TEST_F(Commands, AnExportStopsWithWholeFilesAndGoesOn) {
  const std::string out = (folder / "out").string();
  const Words command = {"dataset", "export", "shapes", "--out", out, "--set", "count=20000", "--set", "size=64"};
  Program program(ASSAY_BINARY, command);
  while (program.running() && files_in("out").size() < 20) pause(2);
  program.signal(SIGINT);
  expect_one_line(program.wait(), "assay: interrupted");
  const Words kept = files_in("out");
  EXPECT_LT(kept.size(), 40000U);
  for (const std::string& name : kept)
    EXPECT_THAT(name, ::testing::AnyOf(::testing::EndsWith(".png"), ::testing::EndsWith(".json"))) << name;
}

}  // namespace
}  // namespace assay
