#include "metrics/features/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/safetensors.h"
#include "tests/support/random_weights.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

constexpr int side = 299;

std::vector<float> resized(int width, int height, const std::vector<std::uint8_t>& pixels, Resize how) {
  std::vector<float> out(3UL * side * side);
  resize_to_square({pixels.data(), width, height}, side, how, out);
  return out;
}

/// Largest difference in grey levels to the Python code behind tests/data/features/make_fixtures.py, which keeps every
/// 13th row and 11th column.
float difference_to_python(Resize how) {
  static const SafetensorsFile wanted(std::filesystem::path(ASSAY_TEST_DATA) / "features/resize.safetensors");
  float largest = 0;
  for (const auto& [width, height] : {std::pair{1, 1}, {32, 32}, {17, 40}, {299, 299}, {330, 311}, {640, 301}}) {
    const auto out = resized(width, height, test::fixture_image(width, height), how);
    const std::string name = std::string(name_of(how)) + "/" + std::to_string(width) + "x" + std::to_string(height);
    const auto want = wanted.at(name).f32(name);
    std::size_t i = 0;
    for (int y = 0; y < side; y += 13)
      for (int x = 0; x < side; x += 11)
        for (int c = 0; c < 3; ++c) {
          const int place = 3 * (y * side + x) + c;
          const float got = out[static_cast<std::size_t>(place)];
          largest = std::max(largest, std::abs(got - want[i++]));
        }
    EXPECT_EQ(i, want.size());
  }
  return largest;
}

TEST(Resize, TensorFlow1HasTheBitsOfTorchFidelity) { EXPECT_EQ(difference_to_python(Resize::tensorflow1), 0.0f); }

TEST(Resize, PillowBicubicHasTheBitsOfCleanFid) { EXPECT_EQ(difference_to_python(Resize::pillow_bicubic), 0.0f); }

// PyTorch's kernels may fuse products and sums.
TEST(Resize, HalfPixelIsPyTorchs) { EXPECT_LE(difference_to_python(Resize::half_pixel), 5e-5f); }
TEST(Resize, AntialiasedBilinearIsPyTorchs) { EXPECT_LE(difference_to_python(Resize::antialiased_bilinear), 5e-5f); }
TEST(Resize, AntialiasedBicubicIsPyTorchs) { EXPECT_LE(difference_to_python(Resize::antialiased_bicubic), 2e-4f); }

class EveryResize : public ::testing::TestWithParam<Resize> {};
INSTANTIATE_TEST_SUITE_P(, EveryResize,
                         ::testing::Values(Resize::tensorflow1, Resize::half_pixel, Resize::pillow_bicubic,
                                           Resize::antialiased_bilinear, Resize::antialiased_bicubic),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

TEST_P(EveryResize, LeavesAnImageOfTheRightSizeAsItIs) {
  const auto pixels = test::fixture_image(side, side);
  const auto out = resized(side, side, pixels, GetParam());
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], static_cast<float>(pixels[i])) << i;
}

TEST_P(EveryResize, KeepsAConstantColour) {
  for (const auto& [width, height] : {std::pair{1, 1}, {3, 700}, {512, 2}}) {
    std::vector<std::uint8_t> pixels;
    pixels.reserve(3UL * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    for (int i = 0; i < width * height; ++i) pixels.insert(pixels.end(), {10, 200, 255});
    const auto out = resized(width, height, pixels, GetParam());
    for (std::size_t i = 0; i < out.size(); i += 3) {
      ASSERT_NEAR(out[i], 10, 2e-4);
      ASSERT_NEAR(out[i + 1], 200, 2e-4);
      ASSERT_NEAR(out[i + 2], 255, 2e-4);
    }
  }
}

TEST_P(EveryResize, RefusesAnImageWithoutPixels) {
  std::vector<float> out(3UL * side * side);
  EXPECT_EQ(test::message_of<InputError>([&] {
              resize_to_square({nullptr, 0, 5}, side, GetParam(), out);
            }),
            "an image of 0 x 5 pixels cannot be resized");
}

}  // namespace
}  // namespace assay
