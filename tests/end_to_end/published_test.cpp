// Tier `paper` from end to end at a tiny scale.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "core/safetensors.h"
#include "diffusion/networks/vit/uvit.h"
#include "images/png.h"
#include "tests/end_to_end/program.h"
#include "tests/end_to_end/published_files.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::operator+;
using test::Outcome;
using test::Program;
using test::settings;
using test::TemporaryFolder;
using test::Words;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// The files, and one finished run.
class Published : public test::PublishedFiles {
 protected:
  static void SetUpTestSuite() {
    PublishedFiles::SetUpTestSuite();
    outcome = run(store(), {"--json"});
    result = json::parse(outcome.out, nullptr, false);
  }

  static std::filesystem::path store() { return *data / "store" / "assay.db"; }
  static Outcome run(const std::filesystem::path& file, const Words& more) {
    return test::run_program(ASSAY_BINARY, ed_dpm() + Words{"--store", file.string()} + more);
  }

  static inline Outcome outcome;
  static inline json result;
};

/// Scores by arm, name and parameters.
std::map<std::tuple<std::string, std::string, std::string>, double> scores_of(const json& batch) {
  std::map<std::tuple<std::string, std::string, std::string>, double> found;
  for (const json& score : batch.at("runs").at(0).at("scores"))
    found[{score.at("arm"), score.at("name"), score.at("params").dump()}] = score.at("value");
  return found;
}

TEST_F(Published, TheRowsAreSampledAndScoredUnderTheirProtocols) {
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json& run = result.at("runs").at(0);
  EXPECT_TRUE(run.at("dataset").is_null());
  EXPECT_EQ(run.at("status"), "done");
  const auto scores = scores_of(result);
  // A network of another size is not the published one, and says so.
  for (const auto& [arm, params] : {std::pair("cond/g_eds (altered)", R"({"gamma":1.5,"steps":"ddim2"})"),
                                    {"uncond/g (altered)", R"({"gamma":10.0,"steps":"2"})"}})
    for (const char* name : {"fid", "sfid", "is_mean", "precision", "recall", "non_finite", "largest_k"})
      EXPECT_TRUE(scores.contains({arm, name, params})) << arm << " " << name;
  std::map<std::string, std::string> protocols;
  for (const json& score : run.at("scores")) {
    protocols[score.at("name")] = score.at("protocol");
    if (score.at("protocol") != "guidance-events") {
      EXPECT_EQ(score.at("n"), 8);
    }
  }
  EXPECT_EQ(protocols.at("fid"), "fid-tf1");
  EXPECT_EQ(protocols.at("sfid"), "sfid-oai");
  EXPECT_EQ(protocols.at("is_mean"), "is-oai5000");
  EXPECT_EQ(protocols.at("precision"), "pr-oai");
}

/// Compares the scores of an arm with those that `assay metric` gives the images in the shards of its row, to the bit,
/// and returns how many there are.
int expect_those_of_metric(const json& batch, const std::string& arm, const Words& shards,
                           const std::filesystem::path& reference, const std::filesystem::path& weights,
                           const std::string& protocols) {
  const TemporaryFolder images;
  int number = 0;
  for (const std::string& shard : shards) {
    const SafetensorsFile file(shard);
    const TensorView& view = file.at("images");
    const auto side = static_cast<std::size_t>(view.shape[3]), plane = side * side;
    for (std::int64_t i = 0; i < view.shape[0]; ++i) {
      Image image(static_cast<int>(side), static_cast<int>(side), 3);
      for (std::size_t p = 0; p < plane; ++p)
        for (std::size_t c = 0; c < 3; ++c)
          image.pixels[3 * p + c] =
              static_cast<std::uint8_t>(view.data[(static_cast<std::size_t>(i) * 3 + c) * plane + p]);
      write_png(images / (std::to_string(number++) + ".png"), image);
    }
  }
  const Outcome metric =
      test::run_program(ASSAY_BINARY, {"metric", "generative", "--reference", reference.string(), "--generated",
                                       shards.size() == 1 ? shards[0] : images.path().string(), "--protocol", protocols,
                                       "--bootstrap", "20", "--weights", weights.string(), "--json"});
  EXPECT_EQ(metric.exit_code, 0) << metric.err;
  int compared = 0;
  const json metrics = json::parse(metric.out);
  for (const json& row : metrics.at("results"))
    for (const json& score : batch.at("runs").at(0).at("scores")) {
      if (score.at("arm") != arm || score.at("name") != row.at("metric") || score.at("protocol") != row.at("protocol"))
        continue;
      for (const char* key : {"value", "low", "high"}) EXPECT_EQ(score.at(key), row.at(key)) << key << " of " << row;
      EXPECT_EQ(score.at("n"), number);
      ++compared;
    }
  return compared;
}

TEST_F(Published, ScoresAreThoseOfTheMetricCommandOnTheSameImages) {
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  Words shards;
  for (const char* first : {"000000", "000003", "000006"})
    shards.push_back(store().parent_path() / "artifacts" / "run-1" /
                     (std::string("samples-CADM-25-G-EDS-") + first + ".safetensors"));
  EXPECT_EQ(expect_those_of_metric(result, "cond/g_eds (altered)", shards, *data / "reference.npz",
                                   *data / "inception.safetensors", "fid-tf1,sfid-oai,is-oai5000,pr-oai"),
            5);
}

/// Signals a run once so many of its stages are done, resumes it to its end, and compares with the undisturbed run.
void expect_same_after(int signal, int stages, const Words& command, const json& undisturbed) {
  SCOPED_TRACE("signal " + std::to_string(signal) + " after " + std::to_string(stages) + " stages");
  const TemporaryFolder folder;
  const auto file = folder / "assay.db";
  const auto value = [&](const char* sql) -> std::string {
    try {
      SQLite::Database database(file.string(), SQLite::OPEN_READONLY, 2000);
      return database.execAndGet(sql).getString();
    } catch (const SQLite::Exception&) {
      return "0";
    }
  };
  const auto done = [&] { return std::stoi(value("SELECT count(*) FROM stage")); };
  {
    Program program(ASSAY_BINARY, command + Words{"--store", file.string()});
    while (program.running() && (value("SELECT count(*) FROM run") == "0" || done() < stages))
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    program.signal(signal);
    const Outcome stopped = program.wait();
    EXPECT_EQ(stopped.out, "");
    if (signal == SIGKILL) {
      ASSERT_EQ(stopped.exit_code, -SIGKILL);
    } else {
      ASSERT_EQ(stopped.exit_code, 1) << stopped.err;
      EXPECT_EQ(stopped.err, "assay: interrupted; what is done is kept: assay run --store " + file.string() +
                                 " --resume 1 goes on\n");
      EXPECT_EQ(value("SELECT status FROM run"), "interrupted");
    }
  }
  EXPECT_GE(done(), stages);
  EXPECT_EQ(value("PRAGMA integrity_check"), "ok");
  const Outcome resumed =
      test::run_program(ASSAY_BINARY, {"run", "--quiet", "--json", "--store", file.string(), "--resume", "1"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  const json after = json::parse(resumed.out);
  EXPECT_EQ(scores_of(after), scores_of(undisturbed));
  // Artifacts carry their hashes: the same images to the byte.
  EXPECT_EQ(after.at("runs").at(0).at("artifacts"), undisturbed.at("runs").at(0).at("artifacts"));
}

TEST_F(Published, AKilledRunGoesOnToTheSameScores) {
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_same_after(SIGKILL, 2, ed_dpm(), result);
}

TEST_F(Published, ARunThatIsInterruptedWhileARowIsDrawnIsMarkedSoAndGoesOnToTheSameScores) {
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  // The first images, images of the first row, and images of the second.
  for (const auto& [signal, stages] : {std::pair(SIGINT, 0), {SIGTERM, 1}, {SIGINT, 5}})
    expect_same_after(signal, stages, ed_dpm(), result);
}

TEST_F(Published, AnotherShardAndBatchGiveTheSameScores) {
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const TemporaryFolder folder;
  const Outcome other = run(folder / "assay.db",
                            Words{"--json"} + settings({"sampling.shard=8", "sampling.batch=5", R"(rows=["UADM-G"])"}));
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_EQ(expect_those_of_metric(json::parse(other.out), "uncond/g (altered)",
                                   {folder / "artifacts" / "run-1" / "samples-UADM-G-000000.safetensors"},
                                   *data / "reference.npz", *data / "inception.safetensors", "fid-tf1,is-oai5000"),
            2);
  const auto wanted = scores_of(result);
  int compared = 0;
  for (const auto& [key, value] : scores_of(json::parse(other.out))) {
    EXPECT_EQ(value, wanted.at(key)) << std::get<0>(key) << " " << std::get<1>(key);
    ++compared;
  }
  EXPECT_GE(compared, 5);
}

TEST_F(Published, ClustersAndMasksGuideTheNetworksOfSelfGuidedDiffusion) {
  const TemporaryFolder folder;
  const Outcome run =
      test::run_program(ASSAY_BINARY, self_guided() + Words{"--json", "--store", (folder / "assay.db").string()});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_same_after(SIGINT, 1, self_guided(), json::parse(run.out));
  const auto scores = scores_of(json::parse(run.out));
  const std::string params = R"({"steps":2,"w":2.0,"w_cfg":1.0})";
  for (const char* arm : {"in64/self_label_k5000 (altered)", "voc64/self_mask (altered)"})
    EXPECT_TRUE(scores.contains({arm, "fid", params})) << arm;
  // Against images without statistics, whose features are kept in the cache.
  Words shards;
  for (const char* first : {"000000", "000004"})
    shards.push_back(folder / "artifacts" / "run-1" /
                     (std::string("samples-ImageNet64-self-labelled-K-5000-") + first + ".safetensors"));
  EXPECT_EQ(expect_those_of_metric(json::parse(run.out), "in64/self_label_k5000 (altered)", shards,
                                   *data / "images.npz", *data / "inception.safetensors", "fid-tf1,fid-clean"),
            2);
}

TEST_F(Published, ARowOfMaskDmGoesOnFromTheRowBeforeIt) {
  const TemporaryFolder folder;
  const Outcome trained = test::run_program(ASSAY_BINARY, maskdm(R"(["celebahq_dwt_70p","celebahq_dwt"])") +
                                                              Words{"--store", (folder / "a.db").string(), "--json"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  int found = 0;
  const json batch = json::parse(trained.out);
  for (const json& score : batch.at("runs").at(0).at("scores")) {
    if (score.at("name") != "fid") continue;
    EXPECT_EQ(score.at("protocol"), "fid-torch");
    EXPECT_EQ(score.at("n"), 5);
    EXPECT_EQ(score.at("arm"), found == 0 ? "celebahq_dwt_70p (altered)" : "celebahq_dwt (altered)");
    ++found;
  }
  EXPECT_EQ(found, 2);
  const std::string note = (*data / "faces").string() + ": passed over 1 entry (1 .txt; the first is list.txt)";
  EXPECT_THAT(batch.at("runs").at(0).at("notes").get<Words>(), ::testing::Contains(note));
  EXPECT_THAT(trained.err, HasSubstr(note));
  // Bands of 8 x 8 come back as images of 16 x 16.
  const SafetensorsFile shard(folder / "artifacts" / "run-1" / "samples-celebahq-dwt-000000.safetensors");
  EXPECT_EQ(shard.at("images").shape, (std::vector<std::int64_t>{3, 3, 16, 16}));
  expect_same_after(SIGINT, 1, maskdm(R"(["celebahq_dwt_70p","celebahq_dwt"])"), batch);
}

TEST_F(Published, ACheckpointWithAFinalLayerIsRefusedUntilItIsToBeDropped) {
  const TemporaryFolder folder;
  UVitConfig config;
  config.img_size = 64;
  config.embed_dim = 16;
  config.depth = 2;
  config.num_heads = 2;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
  const UVit network(config);
  for (const Parameter& parameter : network.parameters().all()) shapes.emplace_back(parameter.name, parameter.shape);
  const auto file = *data / "celeba_small.safetensors";
  test::write_random_weights(file, shapes);
  const Words words = maskdm(R"(["celeba_small"])") + Words{"--store", (folder / "a.db").string()};
  EXPECT_THAT(refused(words),
              AllOf(HasSubstr(file.string()), HasSubstr("has a final layer"), HasSubstr("final_layer=drop")));
  EXPECT_EQ(test::run_program(ASSAY_BINARY, words + Words{"--set", "final_layer=drop"}).exit_code, 0);
}

}  // namespace
}  // namespace assay
