#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "images/png.h"
#include "reproductions/published/network.h"
#include "tests/end_to_end/program.h"
#include "tests/end_to_end/random_inception.h"
#include "tests/support/npz_batch.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"

// What tier `paper` needs at a tiny scale: random checkpoints with official keys of networks of the published classes,
// a reference batch of the published kind, random Inception weights.
namespace assay::test {

using nlohmann::json;

inline constexpr std::int64_t classes = 10, reference_images = 6;

inline const json torso = {
    {"image_size", 16},          {"model_channels", 32},    {"num_res_blocks", 1}, {"attention_resolutions", {4}},
    {"channel_mult", {1, 1, 1}}, {"num_head_channels", 32}, {"use_fp16", false}};

inline json with(json object, const json& more) {
  object.update(more);
  return object;
}

inline const json conditional = with(torso, {{"num_classes", classes}});
inline const json classifier = with(torso, {{"out_channels", classes}});
/// Of Self-Guided Diffusion: one-hot clusters, and cluster maps.
inline const json clustered = {{"image_size", 16},          {"model_channels", 32}, {"num_res_blocks", 1},
                               {"channel_mult", {1, 1, 1}}, {"num_heads", 1},       {"cond_dim", 4}};
inline const json segmented =
    with(clustered, {{"num_heads", 4}, {"cond_dim", 3}, {"condition", {{"stegoclusterlayout", {{"layout_dim", 3}}}}}});

/// Of MaskDM: on images of 64 x 64 pixels, and on the Haar bands of 16 x 16.
inline const json vit = {{"img_size", 64},          {"patch_size", 4},    {"in_chans", 3},
                         {"encoder_embed_dim", 16}, {"encoder_depth", 2}, {"encoder_heads", 2}};
inline const json wavelets = {{"img_size", 8},      {"patch_size", 2},         {"in_chans", 12},
                              {"data_chans", 3},    {"encoder_embed_dim", 16}, {"encoder_depth", 2},
                              {"encoder_heads", 2}, {"qkv_bias", true}};

/// Random weights of a configuration with changed flags, read as the program reads what --set gives it.
inline void write_checkpoint(const std::filesystem::path& file, const char* configuration, const json& changed) {
  const PublishedNetwork network = read_published_network(
      {{"configuration", configuration}, {"override", changed}, {"file", file.filename().string()}}, "networks.changed",
      "");
  const auto shapes = state_shapes(network.configuration);
  write_random_weights(file, {shapes.begin(), shapes.end()});
}

template <class Values>
std::string bytes_of_values(const Values& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

/// Mean zero and a diagonal covariance, as numpy stores them.
inline void add_statistics(std::vector<NpzMember>& members, const std::string& suffix, std::int64_t width) {
  const auto n = static_cast<std::size_t>(width);
  std::vector<double> mean(n, 0.1), covariance(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) covariance[i * n + i] = 0.05;
  members.push_back({"mu" + suffix, "<f8", {width}, bytes_of_values(mean)});
  members.push_back({"sigma" + suffix, "<f8", {width, width}, bytes_of_values(covariance)});
}

/// The files of all tests, made once, and the commands that take them.
class PublishedFiles : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    data = std::make_unique<TemporaryFolder>();
    write_checkpoint(*data / "cond.safetensors", "adm_unet_256_cond", conditional);
    write_checkpoint(*data / "uncond.safetensors", "adm_unet_256_uncond", torso);
    write_checkpoint(*data / "classifier.safetensors", "adm_classifier_256", classifier);
    write_checkpoint(*data / "clustered.safetensors", "sgdm_in64_unet_fast_cluster5000", clustered);
    write_checkpoint(*data / "segmented.safetensors", "sgdm_voc64_unetca_fast_segmented", segmented);

    write_random_inception(*data / "inception.safetensors");

    const auto pixels = fixture_image(20, 20 * reference_images);
    std::vector<NpzMember> members = {{"arr_0", "|u1", {reference_images, 20, 20, 3}, bytes_of_values(pixels)}};
    write_npz(*data / "images.npz", members);
    add_statistics(members, "", 2048);
    add_statistics(members, "_s", 2023);
    write_npz(*data / "reference.npz", members);

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
  }
  static void TearDownTestSuite() { data.reset(); }

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
    const Outcome outcome = run_program(ASSAY_BINARY, command);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.err, ::testing::StartsWith("assay: "));
    return outcome.err;
  }

  static inline std::unique_ptr<TemporaryFolder> data;
};

}  // namespace assay::test
