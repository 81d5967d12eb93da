#include "metrics/features/image_pass.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/safetensors.h"
#include "images/image_batch.h"
#include "metrics/generative/generative_protocols.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr std::size_t image_bytes = 3 * 4 * 4;

/// Seven images of one grey each: 10, 20, ...
std::vector<std::uint8_t> greys() {
  std::vector<std::uint8_t> planes;
  for (int i = 1; i <= 7; ++i) planes.insert(planes.end(), image_bytes, static_cast<std::uint8_t>(10 * i));
  return planes;
}

/// Gives the first value of each prepared image and its negative as features, the value doubled as a spatial feature
/// and its square as logit.
class FirstValue : public FeatureNetwork {
 public:
  NetworkFeatures run(std::span<const float> images) const override {
    const auto side = static_cast<std::size_t>(input_side(FeatureNetworkId::inception));
    NetworkFeatures out;
    for (std::size_t i = 0; i < images.size(); i += 3 * side * side) {
      out.features.insert(out.features.end(), {images[i], -images[i]});
      out.spatial.push_back(2 * images[i]);
      out.logits.push_back(images[i] * images[i]);
    }
    return out;
  }
};

ImagePass pass_over(std::span<const std::uint8_t> planes, std::int64_t batch,
                    const std::function<void(std::int64_t)>& progress = {}) {
  return run_pass(*images_in_memory(planes, 4, 4), find_image_protocol("fid-tf1"), FirstValue(), batch, progress);
}

TEST(ImagePasses, HoldTheImagesInOrderWhateverTheBatch) {
  const auto planes = greys();
  std::vector<float> want;
  for (int i = 1; i <= 7; ++i) {
    want.push_back((10.0F * static_cast<float>(i) - 128) / 128);
    want.push_back(-want.back());
  }
  for (const std::int64_t batch : {1, 3, 7, 16}) {
    std::vector<std::int64_t> done;
    const ImagePass pass = pass_over(planes, batch, [&](std::int64_t images) { done.push_back(images); });
    EXPECT_EQ(pass.count, 7);
    EXPECT_THAT(pass.features, ElementsAreArray(want)) << batch;
    EXPECT_EQ(pass.spatial.size(), 7U);
    EXPECT_EQ(pass.logits.size(), 7U);
    EXPECT_EQ(done.back(), 7);
    EXPECT_EQ(static_cast<std::int64_t>(done.size()), (7 + batch - 1) / batch);
  }
}

TEST(ImagePasses, GiveEachProtocolItsFeatures) {
  const auto planes = greys();
  const ImagePass pass = pass_over(planes, 4);
  const FeatureSet pooled = feature_set("set", pass, find_image_protocol("fid-tf1")),
                   spatial = feature_set("set", pass, find_image_protocol("sfid-oai"));
  EXPECT_EQ(pooled.name, "set");
  EXPECT_EQ(pooled.width, 2);
  EXPECT_EQ(pooled.classes, 1);
  EXPECT_EQ(spatial.width, 1);
  EXPECT_EQ(spatial.features[0], 2 * pooled.features[0]);
}

TEST(ImagePasses, FilesOfShardsAreTheWholeSet) {
  const auto planes = greys();
  const test::TemporaryFolder folder;
  const std::vector<std::filesystem::path> files = {folder / "first.safetensors", folder / "second.safetensors"};
  write_pass(files[0], pass_over(std::span(planes).first(3 * image_bytes), 2), {5, 6, 7});
  write_pass(files[1], pass_over(std::span(planes).subspan(3 * image_bytes), 2), {8, 9, 5, 6});
  const ImagePass whole = pass_over(planes, 16);
  for (const char* id : {"fid-tf1", "sfid-oai"}) {
    const ImageProtocol& protocol = find_image_protocol(id);
    const FeatureSet read = read_feature_set("set", files, protocol), made = feature_set("set", whole, protocol);
    EXPECT_EQ(read.count, 7);
    EXPECT_EQ(hash_of_samples(read), hash_of_samples(made)) << id;
  }
  const SafetensorsFile second(files[1]);
  EXPECT_THAT(second.at("labels").i64("labels"), ElementsAre(8, 9, 5, 6));
  EXPECT_EQ(second.tensors().size(), 4U);
}

TEST(ImagePasses, AFileWithoutFeaturesIsRefused) {
  const test::TemporaryFolder folder;
  SafetensorsWriter writer;
  const std::vector<float> values = {1, 2};
  writer.add("logits", {2, 1}, std::span<const float>(values));
  writer.write(folder / "logits.safetensors");
  EXPECT_THAT(test::message_of<InputError>([&] { read_pass(folder / "logits.safetensors"); }),
              HasSubstr("logits.safetensors"));
}

}  // namespace
}  // namespace assay
