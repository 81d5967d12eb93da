#include "kernels/inference/filter_product.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/inference/panels.h"
#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;

at::Tensor exact_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::conv2d(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), 1, 1);
}

TEST(FilterProduct, GivesWhatDoubleGives) {
  struct Case {
    std::vector<std::int64_t> image;
    std::int64_t out;
  };
  // Odd sides, blocks of channels, panels and tiles that are not full, and more than one of each.
  const std::vector<Case> cases = {
      {{1, 8, 1, 1}, 1},     {{2, 8, 2, 2}, 16},   {{1, 16, 5, 7}, 20},   {{2, 24, 9, 4}, 4},     {{1, 136, 6, 6}, 33},
      {{3, 128, 3, 2}, 170}, {{2, 8, 30, 31}, 12}, {{1, 264, 4, 5}, 336}, {{1, 168, 11, 13}, 17}, {{2, 16, 41, 39}, 9}};
  for (const Case& c : cases) {
    const at::Tensor x = normal(c.image, 1), weight = normal({c.out, c.image[1], 3, 3}, 2), bias = normal({c.out}, 3);
    const at::Tensor exact = exact_convolution(x, weight, bias), panels = filter_panels(weight);
    const at::Tensor got = filter_product(x, panels, bias);
    const double most = 3e-5 * std::sqrt(9.0 * static_cast<double>(c.image[1]));  // of the result's deviation
    EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_LT(max_abs_difference(got, exact), most) << c.image[1] << ", " << c.out;
    const at::Tensor other = normal(exact.sizes(), 4), of_images = normal({c.image[0], c.out}, 5);
    EXPECT_LT(max_abs_difference(filter_product(x, panels, bias + of_images, other),
                                 exact + of_images.unsqueeze(2).unsqueeze(3) + other),
              most);
    for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
      const at::Tensor kept = weight.to(type);
      EXPECT_TRUE(same_bits(filter_product(x, filter_panels(kept), bias),
                            filter_product(x, filter_panels(kept.to(at::kFloat)), bias)))
          << type << ", " << c.image[1];
    }
  }
}

// A third of the bound at 32 channels, two thirds from 320 on, where the points 0, +-1, +-2 and infinity are beyond it.
TEST(FilterProduct, ErrsByLittleInTheMean) {
  for (const std::int64_t channels : {32, 320, 1920}) {
    const at::Tensor x = normal({1, channels, 16, 16}, 1), weight = normal({16, channels, 3, 3}, 2),
                     bias = normal({16}, 3);
    const at::Tensor exact = exact_convolution(x, weight, bias);
    const at::Tensor error = filter_product(x, filter_panels(weight), bias) - exact;
    EXPECT_LT(error.norm().item<double>(), 2e-6 * exact.norm().item<double>()) << channels;
  }
}

TEST(FilterProduct, GivesAnImageTheSameBitsAloneAndForEveryNumberOfThreads) {
  const at::Tensor x = normal({3, 16, 33, 20}, 1), panels = filter_panels(normal({200, 16, 3, 3}, 2)),
                   bias = normal({200}, 3);
  const ThreadCount one(1);
  const at::Tensor all = filter_product(x, panels, bias);
  EXPECT_TRUE(same_bits(filter_product(x.narrow(0, 1, 1), panels, bias), all.narrow(0, 1, 1)));
  for (const int threads : {2, 3, 5}) {
    const ThreadCount many(threads);
    EXPECT_TRUE(same_bits(filter_product(x, panels, bias), all)) << threads;
  }
}

}  // namespace
}  // namespace assay
