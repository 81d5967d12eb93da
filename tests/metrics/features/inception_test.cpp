#include "metrics/features/inception.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/hash.h"
#include "core/safetensors.h"
#include "kernels/thread_count.h"
#include "metrics/features/feature_network.h"
#include "metrics/generative/generative_protocols.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<std::pair<std::string, std::vector<std::int64_t>>> random_shapes() {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
  for (const WeightShape& weight : Inception::state())
    if (!weight.optional) shapes.emplace_back(weight.name, weight.shape);
  return shapes;
}

/// The network with the weights of tests/data/features/random_weights.py, made once.
class InceptionWithRandomWeights : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const test::TemporaryFolder folder;
    test::write_random_weights(folder / "inception.safetensors", random_shapes());
    network = load_feature_network(FeatureNetworkId::inception, folder / "inception.safetensors");
  }
  static void TearDownTestSuite() { network.reset(); }

  static void prepare(const std::string& protocol, int width, int height, std::vector<float>& images) {
    const auto pixels = test::fixture_image(width, height);
    const std::size_t begin = images.size();
    images.resize(begin + 3UL * Inception::side * Inception::side);
    prepare_image({pixels.data(), width, height}, find_image_protocol(protocol), std::span(images).subspan(begin));
  }

  /// Features of two images under a protocol against the published code's.
  static void expect_python(const std::string& protocol, const std::string& output,
                            std::vector<float> NetworkFeatures::*member) {
    static const SafetensorsFile wanted(std::filesystem::path(ASSAY_TEST_DATA) / "features/inception.safetensors");
    std::vector<float> images;
    prepare(protocol, 32, 32, images);
    prepare(protocol, 330, 311, images);
    const NetworkFeatures features = network->run(images);
    const std::vector<float>& got = features.*member;
    std::size_t i = 0;
    for (const char* size : {"32x32", "330x311"}) {
      const std::string name = protocol + "/" + output + "/" + size;
      double largest = 0;
      for (const float want : wanted.at(name).f32(name))
        largest = std::max(largest, static_cast<double>(std::abs(got.at(i++) - want)));
      EXPECT_LE(largest, 2e-5) << name;
    }
    EXPECT_EQ(i, got.size());
  }

  static std::unique_ptr<FeatureNetwork> network;
};
std::unique_ptr<FeatureNetwork> InceptionWithRandomWeights::network;

TEST_F(InceptionWithRandomWeights, Pool3UnderFidTf1IsTorchFidelitys) {
  expect_python("fid-tf1", "pool3", &NetworkFeatures::features);
}
TEST_F(InceptionWithRandomWeights, LogitsWithoutBiasAreTorchFidelitys) {
  expect_python("fid-tf1", "logits_unbiased", &NetworkFeatures::logits);
}
TEST_F(InceptionWithRandomWeights, LogitsWithBiasAreTorchFidelitys) {
  expect_python("fid-tf1", "logits", &NetworkFeatures::biased_logits);
}
TEST_F(InceptionWithRandomWeights, SpatialFeaturesAreTheFirstBranchOfMixed6dInNhwcOrder) {
  expect_python("fid-tf1", "spatial", &NetworkFeatures::spatial);
}
TEST_F(InceptionWithRandomWeights, Pool3UnderFidTorchIsPytorchFids) {
  expect_python("fid-torch", "pool3", &NetworkFeatures::features);
}
TEST_F(InceptionWithRandomWeights, Pool3UnderFidCleanFollowsCleanFidsResize) {
  expect_python("fid-clean", "pool3", &NetworkFeatures::features);
}
TEST_F(InceptionWithRandomWeights, Pool3UnderFidTm18FollowsTheAntialiasedResize) {
  expect_python("fid-tm18", "pool3", &NetworkFeatures::features);
}

TEST_F(InceptionWithRandomWeights, BitsDependNeitherOnTheBatchNorOnTheThreads) {
  std::vector<float> images;
  for (const int width : {32, 17, 40}) prepare("fid-tf1", width, 32, images);
  const std::size_t one = images.size() / 3;
  NetworkFeatures together, alone;
  {
    const ThreadCount threads(2);
    together = network->run(images);
  }
  const ThreadCount threads(1);
  for (std::size_t i = 0; i < 3; ++i) {
    const NetworkFeatures part = network->run(std::span(images).subspan(i * one, one));
    alone.features.insert(alone.features.end(), part.features.begin(), part.features.end());
    alone.logits.insert(alone.logits.end(), part.logits.begin(), part.logits.end());
    alone.spatial.insert(alone.spatial.end(), part.spatial.begin(), part.spatial.end());
  }
  EXPECT_EQ(alone.features, together.features);
  EXPECT_EQ(alone.logits, together.logits);
  EXPECT_EQ(alone.spatial, together.spatial);
}

// The keys and shapes of torch-fidelity's module and pytorch-fid's weight file, one "key sizes" a line, sorted:
//   for k, v in sorted(FeatureExtractorInceptionV3(...).state_dict().items()): f"{k} {'x'.join(map(str, v.shape))}\n"
TEST(InceptionState, HasTheOfficialKeysAndShapes) {
  std::map<std::string, std::string> lines;
  for (const WeightShape& weight : Inception::state()) {
    std::string sizes;
    for (const std::int64_t size : weight.shape) {
      if (!sizes.empty()) sizes += 'x';
      sizes += std::to_string(size);
    }
    lines[weight.name] = weight.name + " " + sizes + "\n";
  }
  EXPECT_EQ(lines.size(), 566U);
  std::string text;
  for (const auto& [name, line] : lines) text += line;
  EXPECT_EQ(hash_text(text), "8e0033d4ea7cb215ed266103ed193f81");
}

TEST(InceptionState, ListsTenOfTheKeysThatDoNotFit) {
  const test::TemporaryFolder folder;
  auto shapes = random_shapes();
  shapes.erase(shapes.begin() + 1, shapes.end());
  shapes.push_back({"fc.bias", {1000}});
  shapes.push_back({"AuxLogits.fc.bias", {1000}});
  test::write_random_weights(folder / "w.safetensors", shapes);
  const auto message = test::message_of<InputError>([&] { const Inception network(folder / "w.safetensors"); });
  EXPECT_THAT(message, AllOf(HasSubstr("missing Conv2d_1a_3x3.bn.weight"), HasSubstr("; and 462 more"),
                             HasSubstr("tools/convert_weights.py")));
}

TEST(ImageProtocols, SayHowToGetTheWeights) {
  const std::string text = how_to_get_weights(FeatureNetworkId::inception);
  EXPECT_THAT(text, AllOf(HasSubstr("pt_inception-2015-12-05-6726825d.pth"), HasSubstr("6726825d"),
                          HasSubstr("tools/convert_weights.py"), HasSubstr("feature files")));
}

}  // namespace
}  // namespace assay
