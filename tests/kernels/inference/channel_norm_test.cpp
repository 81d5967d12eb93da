#include "kernels/inference/channel_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>

#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;

at::Tensor channels_last(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

at::Tensor exact_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight, const at::Tensor& bias) {
  return at::group_norm(x.to(at::kDouble).contiguous(), groups, weight.to(at::kDouble), bias.to(at::kDouble), 1e-5);
}

struct Case {
  std::int64_t batch, channels, height, width, groups;
};
// Groups that share vectors, blocks of positions that are not full.
constexpr Case cases[] = {{1, 4, 2, 2, 2}, {2, 12, 5, 3, 3}, {3, 40, 9, 8, 4}, {2, 20, 16, 17, 2}, {1, 64, 1, 70, 32}};

TEST(ChannelNorm, GivesWhatDoubleGives) {
  for (const Case& c : cases) {
    const at::Tensor x = channels_last(3 * normal({c.batch, c.channels, c.height, c.width}, 1) + 0.5),
                     weight = 1 + normal({c.channels}, 2), bias = normal({c.channels}, 3);
    const at::Tensor exact = exact_norm(x, c.groups, weight, bias);
    EXPECT_LT(max_abs_difference(channel_norm(x, c.groups, weight, bias, 1e-5, AfterNorm::nothing), exact), 1e-5)
        << c.channels;
    EXPECT_LT(max_abs_difference(channel_norm(x, c.groups, weight, bias, 1e-5, AfterNorm::silu), at::silu(exact)), 1e-5)
        << c.channels;
  }
}

// float32 keeps four digits of a deviation of 1 beside a mean of 1,000; LibTorch's loses them all.
TEST(ChannelNorm, KeepsDigitsFarFromZero) {
  const at::Tensor x = channels_last(normal({1, 16, 24, 24}, 1) + 1000), ones = normal({16}, 2).fill_(1),
                   zeros = ones * 0;
  const at::Tensor exact = exact_norm(x, 4, ones, zeros);
  EXPECT_LT(max_abs_difference(channel_norm(x, 4, ones, zeros, 1e-5, AfterNorm::nothing), exact), 1e-4);
}

TEST(ChannelNorm, GivesAnImageTheSameBitsAloneAndForEveryNumberOfThreads) {
  const at::Tensor x = channels_last(normal({3, 20, 15, 14}, 1)), weight = normal({20}, 2), bias = normal({20}, 3);
  const ThreadCount one(1);
  const at::Tensor all = channel_norm(x, 5, weight, bias, 1e-5, AfterNorm::silu);
  EXPECT_TRUE(same_bits(channel_norm(x.narrow(0, 1, 1), 5, weight, bias, 1e-5, AfterNorm::silu), all.narrow(0, 1, 1)));
  for (const int threads : {2, 3}) {
    const ThreadCount many(threads);
    EXPECT_TRUE(same_bits(channel_norm(x, 5, weight, bias, 1e-5, AfterNorm::silu), all)) << threads;
  }
}

}  // namespace
}  // namespace assay
