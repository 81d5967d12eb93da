// Tier `paper` from end to end at a tiny scale: random checkpoints with official keys of networks of the published
// classes, a reference batch of the published kind, random Inception weights.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "core/safetensors.h"
#include "diffusion/networks/adm/adm_configurations.h"
#include "diffusion/networks/vit/uvit.h"
#include "images/png.h"
#include "metrics/features/inception.h"
#include "reproductions/published/network.h"
#include "tests/end_to_end/program.h"
#include "tests/support/npz_batch.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::Program;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Words = std::vector<std::string>;

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

constexpr std::int64_t classes = 10, reference_images = 6;

const json torso = {
    {"image_size", 16},          {"model_channels", 32},    {"num_res_blocks", 1}, {"attention_resolutions", {4}},
    {"channel_mult", {1, 1, 1}}, {"num_head_channels", 32}, {"use_fp16", false}};

json with(json object, const json& more) {
  object.update(more);
  return object;
}

const json conditional = with(torso, {{"num_classes", classes}});
const json classifier = with(torso, {{"out_channels", classes}});
/// Of Self-Guided Diffusion: one-hot clusters, and cluster maps.
const json clustered = {{"image_size", 16},          {"model_channels", 32}, {"num_res_blocks", 1},
                        {"channel_mult", {1, 1, 1}}, {"num_heads", 1},       {"cond_dim", 4}};
const json segmented =
    with(clustered, {{"num_heads", 4}, {"cond_dim", 3}, {"condition", {{"stegoclusterlayout", {{"layout_dim", 3}}}}}});

/// Of MaskDM: on images of 64 x 64 pixels, and on the Haar bands of 16 x 16.
const json vit = {{"img_size", 64},          {"patch_size", 4},    {"in_chans", 3},
                  {"encoder_embed_dim", 16}, {"encoder_depth", 2}, {"encoder_heads", 2}};
const json wavelets = {{"img_size", 8},           {"patch_size", 2},    {"in_chans", 12},     {"data_chans", 3},
                       {"encoder_embed_dim", 16}, {"encoder_depth", 2}, {"encoder_heads", 2}, {"qkv_bias", true}};

/// Random weights of a configuration with changed flags, read as the program reads what --set gives it.
void write_checkpoint(const std::filesystem::path& file, const char* configuration, const json& changed) {
  const PublishedNetwork network = read_published_network(
      {{"configuration", configuration}, {"override", changed}, {"file", file.filename().string()}}, "networks.changed",
      "");
  const auto shapes = state_shapes(network.configuration);
  test::write_random_weights(file, {shapes.begin(), shapes.end()});
}

/// The words that set a configuration's keys.
Words settings(const Words& assignments) {
  Words words;
  for (const std::string& assignment : assignments) words.insert(words.end(), {"--set", assignment});
  return words;
}

template <class Values>
std::string bytes_of(const Values& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

/// Mean zero and a diagonal covariance, as numpy stores them.
void add_statistics(std::vector<test::NpzMember>& members, const std::string& suffix, std::int64_t width) {
  const auto n = static_cast<std::size_t>(width);
  std::vector<double> mean(n, 0.1), covariance(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) covariance[i * n + i] = 0.05;
  members.push_back({"mu" + suffix, "<f8", {width}, bytes_of(mean)});
  members.push_back({"sigma" + suffix, "<f8", {width, width}, bytes_of(covariance)});
}

/// The files of all tests, and one finished run.
class Published : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    data = std::make_unique<TemporaryFolder>();
    write_checkpoint(*data / "cond.safetensors", "adm_unet_256_cond", conditional);
    write_checkpoint(*data / "uncond.safetensors", "adm_unet_256_uncond", torso);
    write_checkpoint(*data / "classifier.safetensors", "adm_classifier_256", classifier);
    write_checkpoint(*data / "clustered.safetensors", "sgdm_in64_unet_fast_cluster5000", clustered);
    write_checkpoint(*data / "segmented.safetensors", "sgdm_voc64_unetca_fast_segmented", segmented);

    std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
    for (const WeightShape& weight : Inception::state())
      if (!weight.optional) shapes.emplace_back(weight.name, weight.shape);
    test::write_random_weights(*data / "inception.safetensors", shapes);

    const auto pixels = test::fixture_image(20, 20 * reference_images);
    std::vector<test::NpzMember> members = {{"arr_0", "|u1", {reference_images, 20, 20, 3}, bytes_of(pixels)}};
    test::write_npz(*data / "images.npz", members);
    add_statistics(members, "", 2048);
    add_statistics(members, "_s", 2023);
    test::write_npz(*data / "reference.npz", members);

    SafetensorsWriter ids;
    const std::vector<std::int64_t> values = {0, 3, 3, 1, 2};
    ids.add("ids", {5}, std::span<const std::int64_t>(values));
    ids.write(*data / "ids.safetensors");
    std::filesystem::create_directory(data->path() / "masks");
    for (const char* stem : {"a", "b"}) {
      Image map(24, 20, 1);
      for (std::size_t i = 0; i < map.pixels.size(); ++i) map.pixels[i] = static_cast<std::uint8_t>(i / 160);
      write_png(data->path() / "masks" / (std::string(stem) + ".png"), map);
    }
    std::filesystem::create_directory(data->path() / "faces");
    for (int i = 0; i < 4; ++i) {
      Image face(16, 16, 3);
      for (std::size_t p = 0; p < face.pixels.size(); ++p)
        face.pixels[p] = static_cast<std::uint8_t>((p * static_cast<std::size_t>(7 + i)) % 256);
      write_png(data->path() / "faces" / (std::to_string(i) + ".png"), face);
    }
    for (const char* name : {"list.txt", "._0.png"}) data->file(std::string("faces/") + name, "no image");
    data->file("images.csv", "a,20,24\nb,20,24\n");

    outcome = run(store(), {"--json"});
    result = json::parse(outcome.out, nullptr, false);
  }
  static void TearDownTestSuite() { data.reset(); }

  static std::filesystem::path store() { return *data / "store" / "assay.db"; }

  static Words ed_dpm() {
    return Words{"run", "ed_dpm", "--tier", "paper", "--quiet", "--threads", "1"} +
           settings({"files.folder=" + data->path().string(), "files.inception=inception.safetensors",
                     "networks.cond.file=cond.safetensors", "networks.uncond.file=uncond.safetensors",
                     "networks.classifier.file=classifier.safetensors", "networks.cond.override=" + conditional.dump(),
                     "networks.uncond.override=" + torso.dump(), "networks.classifier.override=" + classifier.dump(),
                     "networks.classifier_ect.override=" + classifier.dump(),
                     "references.imagenet256.file=reference.npz", "sampling.samples=8", "sampling.shard=3",
                     "sampling.batch=2", "bootstrap=20", R"(rows=["CADM(25)-G+EDS","UADM-G"])",
                     "published.CADM(25)-G+EDS.respacing=ddim2", "published.UADM-G.respacing=2"});
  }
  static Outcome run(const std::filesystem::path& file, const Words& more) {
    return test::run_program(ASSAY_BINARY, ed_dpm() + Words{"--store", file.string()} + more);
  }
  static Words self_guided() {
    return Words{"run", "self_guided", "--tier", "paper", "--quiet", "--threads", "1"} +
           settings({"files.folder=" + data->path().string(), "files.inception=inception.safetensors",
                     "networks.in64_cluster5000.file=clustered.safetensors",
                     "networks.in64_cluster5000.override=" + clustered.dump(),
                     "networks.voc64_segmented.file=segmented.safetensors",
                     "networks.voc64_segmented.override=" + segmented.dump(),
                     "conditions.in64_clusters.file=ids.safetensors", "conditions.voc64_masks.file=images.csv",
                     "conditions.voc64_masks.masks=masks", "references.in64.file=images.npz",
                     "references.voc64.file=images.npz", "sampling.samples=7", "sampling.shard=4", "sampling.batch=3",
                     "sampling.steps=2", "bootstrap=20", R"(protocols=["fid-tf1","fid-clean"])",
                     R"(rows=["ImageNet64 self-labelled K=5000","VOC64 self-segmented"])"});
  }

  static Words maskdm(const std::string& rows) {
    return Words{"run", "maskdm", "--tier", "paper", "--quiet", "--threads", "1"} +
           settings({"files.folder=" + data->path().string(), "files.inception=inception.safetensors",
                     "networks.small64=" + vit.dump(), "networks.large_dwt=" + wavelets.dump(),
                     "data.celebahq.folder=" + (*data / "faces").string(), "references.celebahq.file=images.npz",
                     "references.celeba64.file=images.npz", "published.celebahq_dwt_70p.steps=3",
                     "published.celebahq_dwt_70p.stage.batch=2", "published.celebahq_dwt_70p.stage.mask.block=2",
                     "published.celebahq_dwt.steps=2", "published.celebahq_dwt.stage.batch=2", "sampling.samples=5",
                     "sampling.shard=3", "sampling.batch=2", "sampling.steps=2", "bootstrap=20", "rows=" + rows});
  }

  /// One line on standard error, exit code 2. Returns the line.
  static std::string refused(const Words& command) {
    const Outcome outcome = test::run_program(ASSAY_BINARY, command);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("assay: "));
    return outcome.err;
  }
  static std::string refused_setting(const std::string& setting) {
    const TemporaryFolder folder;
    return refused(ed_dpm() + Words{"--store", (folder / "a.db").string(), "--set", setting});
  }

  static inline std::unique_ptr<TemporaryFolder> data;
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
  for (const json& row : json::parse(metric.out).at("results"))
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

TEST_F(Published, FeaturesOfImagesStopAtCtrlCAndLeaveNoFile) {
  constexpr std::int64_t many = 400;
  const TemporaryFolder folder, out;
  test::write_npz(folder / "images.npz",
                  {{"arr_0", "|u1", {many, 20, 20, 3}, bytes_of(test::fixture_image(20, 20 * many))}});
  const std::string images = (folder / "images.npz").string(), file = (out / "features.safetensors").string();
  const Words network = {"--batch", "2", "--weights", (*data / "inception.safetensors").string()};
  for (const Words& command : {Words{"metric", "features", "--input", images, "--out", file},
                               Words{"metric", "generative", "--reference", images, "--generated", images, "--protocol",
                                     "fid-tf1", "--store", file, "--cache", out.path().string()},
                               Words{"metric", "explain", "--reference", images, "--generated", images}}) {
    SCOPED_TRACE(::testing::PrintToString(command));
    Program program(ASSAY_BINARY, command + network);
    while (program.running() && !program.handles(SIGINT)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    program.signal(SIGINT);
    const Outcome stopped = program.wait();
    EXPECT_EQ(stopped.exit_code, 1);
    EXPECT_EQ(stopped.out, "");
    EXPECT_EQ(stopped.err, "assay: interrupted\n");
    EXPECT_TRUE(std::filesystem::is_empty(out.path()));
  }
}

TEST_F(Published, AMissingMaskIsNamed) {
  data->file("more.csv", "a,20,24\nb,20,24\nlost,20,24\n");
  const TemporaryFolder folder;
  EXPECT_THAT(refused(self_guided() +
                      Words{"--store", (folder / "a.db").string(), "--set", "conditions.voc64_masks.file=more.csv"}),
              AllOf(HasSubstr("1 of 3 cluster maps are missing"), HasSubstr("lost.png")));
}

TEST_F(Published, WithoutWeightsTheFirstMissingFileIsOneLineThatSaysHowToGetIt) {
  const TemporaryFolder folder;
  const std::string line = refused({"run", "ed_dpm", "--tier", "paper", "--store", (folder / "a.db").string(), "--set",
                                    "files.folder=" + folder.path().string(), "--set", "row=CADM-G+EDS"});
  EXPECT_THAT(line, AllOf(HasSubstr((folder / "256x256_diffusion.safetensors").string()),
                          HasSubstr("256x256_diffusion.pt"), HasSubstr("tools/convert_weights.py")));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.db"));
}

TEST_F(Published, ACheckpointOfAnotherConfigurationIsRefusedBeforeAnythingIsSampled) {
  const TemporaryFolder folder;
  const std::string line = refused(
      ed_dpm() + Words{"--store", (folder / "a.db").string(), "--set", "networks.uncond.file=classifier.safetensors"});
  EXPECT_THAT(line, AllOf(HasSubstr("classifier.safetensors"), HasSubstr("wrong keys"), HasSubstr("looks like")));
  SQLite::Database database((folder / "a.db").string(), SQLite::OPEN_READONLY, 2000);
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM stage").getInt(), 0);
}

TEST_F(Published, APyTorchCheckpointIsRefusedWithTheCommandThatConvertsIt) {
  const TemporaryFolder folder;
  const std::string checkpoint = std::string(ASSAY_TEST_DATA) + "/checkpoints/zip.pth";
  EXPECT_THAT(
      refused(ed_dpm() + Words{"--store", (folder / "a.db").string(), "--set", "networks.uncond.file=" + checkpoint}),
      HasSubstr("it is a PyTorch checkpoint; `python3 tools/convert_weights.py " + checkpoint));
}

TEST_F(Published, BadSettingsAreOneLineAndNameWhatIsAccepted) {
  for (const auto& [setting, expected] : std::vector<std::pair<std::string, std::string>>{
           {"published.UADM-G.gamma=nan", "published.UADM-G.gamma"},
           {"published.UADM-G.gamma=-1", "published.UADM-G.gamma"},
           {"published.UADM-G.gamma=1e999", "published.UADM-G.gamma"},
           {"published.UADM-G.gamma=Infinity", "published.UADM-G.gamma"},
           {"published.UADM-G.respacing=1001", "1001"},
           {"published.UADM-G.respacing=ddim2000", "1 to 1000"},
           {"sampling.classes=[10]", "class 10 is out of range"},
           {"sampling.classes=[-1]", "sampling.classes"},
           {"networks.classifier.override=" + with(classifier, {{"out_channels", 7}}).dump(), "10 classes"},
           {"networks.classifier.configuration=adm_classifier_255", "did you mean 'adm_classifier_256'?"},
           {"row=CADM-G+EDT", "did you mean 'CADM-G+EDS'?"},
           {R"(rows=["UADM-G","UADM-G"])", "given twice"},
           {R"(protocols=["fd-dinov2"])", "fd-dinov2"},
           {"sampling.sampels=3", "did you mean 'samples'?"}})
    EXPECT_THAT(refused_setting(setting), HasSubstr(expected)) << setting;
  const TemporaryFolder folder;
  EXPECT_THAT(refused(ed_dpm() + Words{"--store", (folder / "a.db").string(), "--dataset", "shapes"}),
              HasSubstr("no data set"));
}

}  // namespace
}  // namespace assay
