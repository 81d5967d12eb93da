#include "reproductions/self_guided/shipped_network.h"

#include <c10/util/Half.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <span>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/safetensors_header.h"
#include "reproductions/samples/sample_files.h"
#include "reproductions/self_guided/self_guided.h"
#include "reproductions/tiers.h"
#include "tests/reproductions/memory_run.h"
#include "tests/reproductions/tiny_study.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::self_guided {
namespace {

using test::MemoryRun;
using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

nlohmann::json tiny() {
  nlohmann::json config = test::tiny_self_guided();
  config["parts"] = {"guidance"};
  config["uncond_model"] = false;
  config["oracle"] = false;
  return config;
}

nlohmann::json with_network(nlohmann::json config = tiny()) {
  config["pretrained"] = "tiny";
  return config;
}

/// A file's tensors and metadata, to be changed before it is written.
struct Draft {
  struct Tensor {
    DType type;
    std::vector<std::int64_t> shape;
    std::string data;
  };
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;

  /// `says_checksum`: what it names in the place of its own.
  std::string bytes(const std::string& says_checksum = "") const {
    const test::TemporaryFolder folder;
    SafetensorsWriter writer;
    for (const auto& [name, tensor] : tensors)
      writer.add(name, tensor.type, tensor.shape, std::as_bytes(std::span(tensor.data)));
    for (const auto& [key, value] : metadata) writer.add_metadata(key, value);
    const auto written = [&](const std::string& sum) {
      writer.add_metadata("checksum", sum);
      writer.write(folder / "network.safetensors");
      return read_file(folder / "network.safetensors");
    };
    if (!says_checksum.empty()) return written(says_checksum);
    const std::string once = written("00000000");
    const std::size_t data = 8 + safetensors_header_size(once, once.size(), "");
    return written(fmt::format(
        "{:08x}", ::crc32(0, reinterpret_cast<const Bytef*>(&once[data]), static_cast<uInt>(once.size() - data))));
  }
};

/// What tools/ship_network.py makes of a run.
Draft draft_of(const MemoryRun& run) {
  Draft draft;
  const auto& artifacts = run.stages.at("train:shared").artifacts;
  const SafetensorsFile checkpoint(artifacts.at(0).file), clusters(run.artifact_folder() / "clusters.safetensors");
  for (const auto& [name, view] : checkpoint.tensors()) {
    if (!name.starts_with("ema.")) continue;
    std::string half;
    for (const float value : view.f32(name)) {
      const c10::Half rounded(value);
      half.append(reinterpret_cast<const char*>(&rounded.x), sizeof rounded.x);
    }
    draft.tensors[name] = {DType::f16, view.shape, half};
  }
  for (const auto& [name, view] : clusters.tensors())
    draft.tensors["ids." + name] = {DType::i64, view.shape,
                                    std::string(reinterpret_cast<const char*>(view.data.data()), view.data.size())};
  draft.metadata = {{"what", "self_guided shipped denoiser"},
                    {"config", run.config().dump()},
                    {"command", "assay run self_guided --tier tiny"},
                    {"hours", "0.1"},
                    {"threads", "1"},
                    {"machine", "a CPU"},
                    {"code_version", "0.1.0+abc"},
                    {"dataset", "shapes"},
                    {"learned_from", "made shapes"}};
  for (const char* key : {"identity", "loss"}) draft.metadata[key] = checkpoint.metadata().at(key);
  return draft;
}

/// A run with seed 3 that trained a network, and the network's file. Made once.
struct Trained {
  MemoryRun run{tiny(), 3};
  Draft draft;
  std::string bytes;
  Trained() {
    make_method(run.config())->run(run);
    draft = draft_of(run);
    bytes = draft.bytes();
  }
};

const Trained& trained_once() {
  static const Trained trained;
  return trained;
}

std::vector<PretrainedFile> files_of(const std::string& bytes) { return {{"self_guided", "tiny", bytes}}; }

std::string refused(const nlohmann::json& config, const std::string& bytes = trained_once().bytes) {
  return message_of<InputError>([&] { make_method(config, files_of(bytes)); });
}

/// A run of the shipped network with another seed than that of its training.
std::unique_ptr<MemoryRun> run_of_shipped(std::uint64_t seed) {
  auto run = std::make_unique<MemoryRun>(with_network(), seed);
  make_method(run->config(), files_of(trained_once().bytes))->run(*run);
  return run;
}

TEST(ShippedNetwork, TakesThePlaceOfTheTrainingAndSaysSo) {
  const auto run = run_of_shipped(5);
  const StageOutput& stage = run->stages.at("train:shared");
  EXPECT_THAT(stage.timings, IsEmpty());
  ASSERT_THAT(stage.notes, SizeIs(1));
  EXPECT_THAT(stage.notes[0], AllOf(HasSubstr("network tiny was shipped with this program, not trained here"),
                                    HasSubstr("`assay run self_guided --tier tiny` made it with seed 3 in 0.1 hours"),
                                    HasSubstr("learned from made shapes")));
  ASSERT_THAT(stage.artifacts, SizeIs(1));
  EXPECT_EQ(stage.artifacts[0].kind, "checkpoint");
  EXPECT_EQ(stage.artifacts[0].meta.at("shipped").at("hash"), hash_text(trained_once().bytes));
  ASSERT_THAT(stage.curves, SizeIs(1));
  EXPECT_EQ(stage.curves[0].values, trained_once().run.stages.at("train:shared").curves.at(0).values);
  EXPECT_EQ(stage.curves[0].steps, trained_once().run.stages.at("train:shared").curves.at(0).steps);
  // Only the network of fd-small is trained: no encoder, no denoiser.
  std::set<std::string> products;
  for (const auto& entry : std::filesystem::directory_iterator(run->artifact_folder()))
    for (const char* kind : {"encoder-", "denoiser-", "fd-small-", "shipped-denoiser-"})
      if (entry.path().filename().string().starts_with(kind)) products.insert(kind);
  EXPECT_THAT(products, ElementsAre("fd-small-", "shipped-denoiser-"));
  EXPECT_THAT(make_method(with_network(), files_of(trained_once().bytes))->shared_products(), SizeIs(1));
}

TEST(ShippedNetwork, HasTheTrainedWeightsRoundedToHalfPrecision) {
  const auto run = run_of_shipped(5);
  const SafetensorsFile trained(trained_once().run.stages.at("train:shared").artifacts.at(0).file),
      shipped(run->stages.at("train:shared").artifacts.at(0).file);
  std::size_t compared = 0;
  for (const auto& [name, view] : shipped.tensors()) {
    const auto values = view.f32(name), exact = trained.at(name).f32(name);
    ASSERT_EQ(values.size(), exact.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      // 11 significant bits, and 2^-25 below the smallest normal number.
      EXPECT_NEAR(values[i], exact[i], std::max(std::abs(exact[i]) * std::ldexp(1.0F, -11), std::ldexp(1.0F, -25)));
      ++compared;
    }
  }
  EXPECT_GT(compared, 1000U);
}

TEST(ShippedNetwork, IsGuidedByTheConditionsThatItLearned) {
  // Of another seed, which fits other clusters and draws other random ids when it trains.
  const auto run = run_of_shipped(5);
  const SafetensorsFile here(run->artifact_folder() / "clusters.safetensors"),
      there(trained_once().run.artifact_folder() / "clusters.safetensors");
  ASSERT_EQ(here.tensors().size(), there.tensors().size());
  for (const auto& [name, view] : there.tensors())
    EXPECT_TRUE(std::ranges::equal(here.at(name).i64(name), view.i64(name)));
  // The agreement of these clusters with people's groups: one fit, so without an interval over fits.
  const Score& score = run->score("clusters", "encoder", "nmi", {{"K", 3}, {"split", "train"}, {"labels", "group"}});
  EXPECT_FALSE(score.interval);
  EXPECT_TRUE(run->score("clusters", "pca", "nmi", {{"K", 3}, {"split", "train"}, {"labels", "group"}}).interval);
}

TEST(ShippedNetwork, DrawsWhatTheTrainedNetworkDraws) {
  // With the seed of the training noise and conditions are the same, so images differ by the rounding of weights alone.
  const auto run = run_of_shipped(3);
  std::size_t arms = 0;
  for (const auto& stage : trained_once().run.stages) {
    const std::string& name = stage.first;
    if (!name.starts_with("sample:")) continue;
    ++arms;
    const auto images = [&](const MemoryRun& of) {
      return read_sample_images(of.stages.at(name).artifacts.at(0).file).to(at::kFloat);
    };
    EXPECT_LE(test::max_abs_difference(images(*run), images(trained_once().run)), 2) << name << ", in levels of 255";
  }
  EXPECT_GE(arms, 5U);
}

TEST(ShippedNetwork, IsRefusedWhereASettingThatDecidesItDiffers) {
  const auto with = [](const char* pointer, const nlohmann::json& value) {
    nlohmann::json config = with_network();
    config[nlohmann::json::json_pointer(pointer)] = value;
    return refused(config);
  };
  EXPECT_THAT(with("/train/steps", 3), AllOf(HasSubstr("pretrained: tiny was made with train.steps = 2, not 3"),
                                             HasSubstr("no `pretrained`, which trains")));
  EXPECT_THAT(with("/train/learning_rate", 0.5), HasSubstr("train.learning_rate = 0.001, not 0.5"));
  EXPECT_THAT(with("/unet/model_channels", 64), HasSubstr("unet.model_channels = 32, not 64"));
  EXPECT_THAT(with("/clusters", {3}), HasSubstr("clusters = [3,5], not [3]"));
  EXPECT_THAT(with("/label", "subgroup"), HasSubstr("label = \"group\", not \"subgroup\""));
  EXPECT_THAT(with("/encoder/steps", 9), HasSubstr("encoder.steps = 2, not 9"));
  EXPECT_THAT(with("/encoders", {"pca"}), HasSubstr("encoders = [\"random\"], not [\"pca\"]"));
  EXPECT_THAT(with("/kmeans/iterations", 9), HasSubstr("kmeans.iterations = 10, not 9"));
  EXPECT_THAT(with("/networks", "separate"), HasSubstr("networks = \"shared\", not \"separate\""));
  EXPECT_THAT(with("/parts", {"guidance", "layouts"}), HasSubstr("parts = [\"guidance\"], not"));
  EXPECT_THAT(with("/uncond_model", true), HasSubstr("uncond_model = false, not true"));
  EXPECT_THAT(with("/schedule/name", "linear"), HasSubstr("schedule.name = \"sqrt-linear\", not \"linear\""));
  EXPECT_THAT(with("/dataset/count", 91), HasSubstr("dataset.count = 90, not 91"));
  EXPECT_THAT(with("/sample/weights", "raw"), HasSubstr("accepted: sample.weights = \"ema\""));
  EXPECT_THAT(with("/pretrained", "tinny"), HasSubstr("pretrained: unknown network 'tinny'; did you mean 'tiny'?"));
  // What only decides how it is sampled and scored may differ.
  nlohmann::json other = with_network();
  other["sample"]["count"] = 7;
  other["fd_small"]["steps"] = 3;
  other["kmeans"]["fits"] = 1;
  EXPECT_NO_THROW(make_method(other, files_of(trained_once().bytes)));
}

TEST(ShippedNetwork, IsRefusedOnADataSetOfOtherContent) {
  const PretrainedFile file{"self_guided", "tiny", trained_once().bytes};
  const ShippedNetwork network(file);
  EXPECT_EQ(network.misfit(trained_once().run.dataset()), "");
  nlohmann::json another = tiny().at("dataset");
  another["seed"] = 1;
  const auto other = open_dataset(read_dataset_spec(another, "dataset"));
  EXPECT_THAT(network.misfit(*other), AllOf(HasSubstr("tiny learned the data set shapes of content "),
                                            HasSubstr(other->hash()), HasSubstr("leave out `pretrained`")));
}

TEST(ShippedNetwork, IsRefusedWhereItsFileIsDamaged) {
  const Trained& trained = trained_once();
  const auto changed = [&](const std::function<void(Draft&)>& change) {
    Draft draft = trained.draft;
    change(draft);
    return refused(with_network(), draft.bytes());
  };
  EXPECT_THAT(refused(with_network(), trained.bytes.substr(0, 5000)), HasSubstr("truncated?"));
  std::string flipped = trained.bytes;
  flipped[flipped.size() - 40] = static_cast<char>(flipped[flipped.size() - 40] ^ 1);
  EXPECT_THAT(refused(with_network(), flipped), HasSubstr("pretrained: tiny is damaged: its numbers do not have the"));
  EXPECT_THAT(changed([](Draft& d) { d.metadata["identity"] = "{"; }), HasSubstr("what it says of its training"));
  EXPECT_THAT(changed([](Draft& d) { d.metadata.erase("command"); }), HasSubstr("does not say its command"));
  EXPECT_THAT(changed([](Draft& d) { d.metadata["what"] = "a horse"; }), HasSubstr("is 'a horse', expected"));
  EXPECT_THAT(changed([](Draft& d) {
                d.tensors["model.w"] = {DType::f16, {1}, "ab"};
              }),
              HasSubstr("'model.w' has no place in it"));

  // What fits its checksum but not what was trained shows when the network is asked for.
  const auto fails = [&](const std::function<void(Draft&)>& change) {
    Draft draft = trained.draft;
    change(draft);
    const std::string bytes = draft.bytes();
    MemoryRun run(with_network(), 5);
    const auto method = make_method(run.config(), files_of(bytes));
    return message_of<InputError>([&] { method->run(run); });
  };
  EXPECT_THAT(fails([](Draft& d) {
                std::string& ids = d.tensors.at("ids.self_label_k3").data;
                ids[0] = static_cast<char>((ids[0] + 1) % 3);
              }),
              HasSubstr("tiny was trained with other conditions than"));
  EXPECT_THAT(fails([](Draft& d) { d.tensors.erase(std::prev(d.tensors.end())); }), HasSubstr("it has no 'ids."));
  EXPECT_THAT(fails([](Draft& d) { d.tensors.erase(d.tensors.begin()); }), HasSubstr("1 missing"));
}

/// Those that come with the program.
TEST(ShippedNetworks, AreWhatTierLongTrains) {
  std::size_t found = 0;
  for (const PretrainedFile& file : pretrained_files()) {
    if (file.method != "self_guided") continue;
    ++found;
    nlohmann::json config = method_preset("self_guided", Tier::long_run);
    config["pretrained"] = file.name;
    EXPECT_NO_THROW(make_method(config)) << file.name;
    EXPECT_LE(file.bytes.size(), 4U << 20) << file.name;
  }
  EXPECT_GE(found, 1U);
}

TEST(ShippedNetworks, DrawWithTheConditionsOfTheirTraining) {
  for (const PretrainedFile& file : pretrained_files()) {
    if (file.method != "self_guided") continue;
    nlohmann::json config = method_preset("self_guided", Tier::long_run);
    config["pretrained"] = file.name;
    for (const char* part : {"fd_small"}) config[part]["steps"] = 1;
    config["sample"]["count"] = 10;
    config["sample"]["steps"] = 2;
    config["kmeans"]["fits"] = 1;
    config["loss_timesteps"] = 1;
    config["bootstrap"] = 20;
    const auto method = make_method(config);
    if (!method->needs().empty()) GTEST_SKIP() << method->needs().front();
    MemoryRun run(config, 1);
    method->run(run);
    const StageOutput& stage = run.stages.at("train:shared");
    ASSERT_THAT(stage.curves, SizeIs(1));
    EXPECT_LT(stage.curves[0].values.back(), stage.curves[0].values.front());
    // The network knows what its conditions mean, which ids of another set or order would not show.
    EXPECT_LT(run.score("loss:shared", "label - uncond_w0", "eps_mse difference").value, 0);
    EXPECT_LT(run.score("loss:shared", "self_label_k20 - uncond_w0", "eps_mse difference").value, 0);
  }
}

}  // namespace
}  // namespace assay::self_guided
