#include "metrics/features/vgg16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "metrics/features/feature_network.h"
#include "metrics/generative/generative_protocols.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

// Python's side: tests/data/features/make_fixtures.py.
TEST(Vgg16, FeaturesUnderPrTfAreTorchFidelitys) {
  const test::TemporaryFolder folder;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
  for (const WeightShape& weight : Vgg16::state()) shapes.emplace_back(weight.name, weight.shape);
  test::write_random_weights(folder / "vgg16.safetensors", shapes);
  const auto network = load_feature_network(FeatureNetworkId::vgg16, folder / "vgg16.safetensors");
  const ImageProtocol& protocol = find_image_protocol("pr-tf");
  const SafetensorsFile wanted(std::filesystem::path(ASSAY_TEST_DATA) / "features/vgg16.safetensors");
  std::vector<float> images;
  constexpr std::size_t one = 3UL * Vgg16::side * Vgg16::side;
  for (const auto& [width, height] : {std::pair{32, 32}, {330, 311}}) {
    const auto pixels = test::fixture_image(width, height);
    images.resize(images.size() + one);
    prepare_image({pixels.data(), width, height}, protocol, std::span(images).last(one));
  }
  const std::vector<float> got = network->run(images).features;
  std::size_t i = 0;
  for (const char* size : {"32x32", "330x311"}) {
    const std::string name = std::string("pr-tf/fc2_relu/") + size;
    float largest = 0;
    for (const float want : wanted.at(name).f32(name)) largest = std::max(largest, std::abs(got.at(i++) - want));
    EXPECT_LE(largest, 2e-5f) << name;
  }
  EXPECT_EQ(i, got.size());
  EXPECT_EQ(network->run(std::span(images).last(one)).features, std::vector<float>(got.begin() + 4096, got.end()));
}

}  // namespace
}  // namespace assay
