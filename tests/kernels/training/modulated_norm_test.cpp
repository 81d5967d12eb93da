#include "kernels/training/modulated_norm.h"

#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
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
  std::int64_t groups;
  bool modulated;
  AfterNorm after;
};

/// x, weight, bias, modulation.
Tensors arguments(const Case& c) {
  return {3 * normal(c.image, 1) + 0.5, 1 + 0.5 * normal({c.image[1]}, 2), normal({c.image[1]}, 3),
          c.modulated ? normal({c.image[0], 2 * c.image[1]}, 4) : at::Tensor()};
}

std::function<at::Tensor(const Tensors&)> ours(const Case& c) {
  return [c](const Tensors& a) { return modulated_norm(a[0], c.groups, a[1], a[2], a[3], 1e-5, c.after); };
}

std::function<at::Tensor(const Tensors&)> composed(const Case& c) {
  return [c](const Tensors& a) {
    at::Tensor h = at::group_norm(a[0], c.groups, a[1], a[2], 1e-5);
    if (a[3].defined()) {
      const Tensors halves = a[3].unsqueeze(2).unsqueeze(3).chunk(2, 1);
      h = h * (1 + halves[0]) + halves[1];
    }
    return c.after == AfterNorm::silu ? at::silu(h) : h;
  };
}

// Groups that share vectors, groups of one channel, blocks of positions that are not full, an odd number of positions.
const std::vector<Case> cases = {{{1, 8, 2, 2}, 2, false, AfterNorm::nothing},
                                 {{2, 24, 5, 3}, 3, true, AfterNorm::silu},
                                 {{3, 40, 9, 8}, 4, false, AfterNorm::silu},
                                 {{2, 32, 16, 16}, 32, true, AfterNorm::nothing},
                                 {{1, 64, 1, 70}, 8, true, AfterNorm::silu}};

TEST(ModulatedNorm, HasTheValuesAndGradientsOfTheFormulaInDouble) {
  for (const Case& c : cases)
    EXPECT_LT(largest_distance(value_and_gradients(arguments(c), at::kFloat, ours(c)),
                               value_and_gradients(arguments(c), at::kDouble, composed(c))),
              2e-6)
        << c.image[1] << ", " << c.groups;
}

// float32 keeps four digits of a deviation of 1 beside a mean of 1,000; LibTorch's norm of such images loses them all.
TEST(ModulatedNorm, KeepsDigitsFarFromZero) {
  const Case c = {{2, 16, 12, 12}, 4, false, AfterNorm::silu};
  Tensors values = arguments(c);
  values[0] = normal(c.image, 1) + 1000;
  EXPECT_LT(largest_distance(value_and_gradients(values, at::kFloat, ours(c)),
                             value_and_gradients(values, at::kDouble, composed(c))),
            1e-4);
}

TEST(ModulatedNorm, GivesTheSameBitsForEveryNumberOfThreadsAndEitherOrderOfTheImage) {
  for (const Case& c : cases) {
    const ThreadCount one(1);
    const Tensors wanted = value_and_gradients(arguments(c), at::kFloat, ours(c));
    for (const int threads : {2, 3}) {
      const ThreadCount many(threads);
      Tensors values = arguments(c);
      values[0] = values[0].contiguous(at::MemoryFormat::ChannelsLast);
      const Tensors found = value_and_gradients(values, at::kFloat, ours(c));
      for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(same_bits(found[i], wanted[i])) << i;
    }
  }
}

TEST(ModulatedNorm, RefusesWhatDoesNotFit) {
  const at::Tensor x = normal({1, 8, 2, 2}, 1), ones = normal({8}, 2);
  EXPECT_THROW(modulated_norm(x, 3, ones, ones, {}, 1e-5, AfterNorm::silu), Error);
  EXPECT_THROW(modulated_norm(x, 2, ones, ones, normal({1, 8}, 3), 1e-5, AfterNorm::silu), Error);
  EXPECT_THROW(modulated_norm(x.to(at::kDouble), 2, ones, ones, {}, 1e-5, AfterNorm::silu), Error);
  EXPECT_FALSE(modulated_norm_takes(12));
}

}  // namespace
}  // namespace assay
