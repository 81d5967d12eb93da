#include "kernels/training/convolution.h"

#include <ATen/ops/conv2d.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "kernels/thread_count.h"
#include "tests/kernels/training/gradients.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::largest_distance;
using test::normal;
using test::same_bits;
using test::Tensors;
using test::value_and_gradients;

struct Case {
  std::vector<std::int64_t> image;
  std::int64_t out, side;
  bool bias_of_image, other;
};

/// x, weight, bias, what is added.
Tensors arguments(const Case& c) {
  const std::vector<std::int64_t> result = {c.image[0], c.out, c.image[2], c.image[3]};
  return {normal(c.image, 1), normal({c.out, c.image[1], c.side, c.side}, 2),
          c.bias_of_image ? normal({c.image[0], c.out}, 3) : normal({c.out}, 3),
          c.other ? normal(result, 4) : at::Tensor()};
}

at::Tensor ours(const Tensors& a) { return image_convolution(a[0], a[1], a[2], a[3]); }

at::Tensor composed(const Tensors& a) {
  const at::Tensor plain = at::conv2d(a[0], a[1], {}, 1, a[1].size(2) / 2);
  const at::Tensor biased =
      plain + (a[2].dim() == 2 ? a[2].unsqueeze(2).unsqueeze(3) : a[2].view({1, a[2].size(0), 1, 1}));
  return a[3].defined() ? biased + a[3] : biased;
}

// Odd sides, more tiles than a block holds, blocks of channels that are not full and several of each kind.
const std::vector<Case> cases = {{{1, 8, 1, 1}, 8, 3, false, false},    {{2, 16, 5, 7}, 24, 3, true, true},
                                 {{3, 8, 16, 16}, 8, 3, false, true},   {{1, 136, 4, 4}, 72, 3, true, false},
                                 {{5, 24, 9, 10}, 40, 3, false, false}, {{2, 16, 5, 7}, 24, 1, true, true},
                                 {{6, 136, 8, 8}, 72, 1, false, false}};

TEST(ImageConvolution, HasTheValuesAndGradientsOfTheFormulaInDouble) {
  for (const Case& c : cases) {
    const Tensors found = value_and_gradients(arguments(c), at::kFloat, ours),
                  exact = value_and_gradients(arguments(c), at::kDouble, composed);
    EXPECT_LT(largest_distance(found, exact), 5e-6) << c.image[1] << ", " << c.out << ", " << c.side;
    EXPECT_TRUE(found[0].is_contiguous(at::MemoryFormat::ChannelsLast));
  }
}

TEST(ImageConvolution, GivesTheSameBitsForEveryNumberOfThreadsAndEitherOrderOfTheImage) {
  for (const Case& c : cases) {
    const ThreadCount one(1);
    const Tensors wanted = value_and_gradients(arguments(c), at::kFloat, ours);
    for (const int threads : {2, 3, 5}) {
      const ThreadCount many(threads);
      Tensors values = arguments(c);
      values[0] = values[0].contiguous(at::MemoryFormat::ChannelsLast);
      const Tensors found = value_and_gradients(values, at::kFloat, ours);
      for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(same_bits(found[i], wanted[i])) << i;
    }
  }
}

TEST(ImageConvolution, PassesOnNoGradientThatIsNotAskedFor) {
  const at::Tensor x = normal({1, 8, 4, 4}, 1).set_requires_grad(true), weight = normal({8, 8, 3, 3}, 2);
  image_convolution(x, weight, normal({8}, 3)).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(weight.grad().defined());
}

TEST(ImageConvolution, TakesStrideOneAndWholeVectorsOfChannels) {
  const at::Tensor weight = normal({16, 8, 3, 3}, 1);
  EXPECT_TRUE(image_convolution_takes(weight, 1, 1));
  EXPECT_FALSE(image_convolution_takes(weight, 2, 1));
  EXPECT_FALSE(image_convolution_takes(weight, 1, 0));
  EXPECT_FALSE(image_convolution_takes(normal({3, 8, 3, 3}, 1), 1, 1));
  EXPECT_FALSE(image_convolution_takes(normal({16, 3, 3, 3}, 1), 1, 1));
  EXPECT_FALSE(image_convolution_takes(normal({16, 8, 5, 5}, 1), 1, 2));
  EXPECT_THROW(image_convolution(normal({1, 16, 4, 4}, 1), weight, normal({16}, 2)), Error);
}

}  // namespace
}  // namespace assay
