#include "kernels/visible_tokens.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::HasSubstr;

class VisibleTokens : public test::OnEachDevice {};
ASSAY_TEST_ON_EACH_DEVICE(VisibleTokens);

TEST_P(VisibleTokens, AddThePositionOfTheirPatch) {
  const at::Tensor first = values({1, 2, 3, 4}, {2, 1, 2}, device);
  const at::Tensor patches = values({10, 20, 30, 40, 50, 60, 70, 80}, {2, 2, 2}, device);
  const at::Tensor positions = values({.5F, .25F, 1, 2, 3, 4, 5, 6}, {4, 2}, device);
  const at::Tensor found = visible_tokens(first, patches, positions, indices({2, 0, 1, 2}, device).view({2, 2}));
  EXPECT_TRUE(same_bits(found, values({1.5F, 2.25F, 15, 26, 31, 42, 3.5F, 4.25F, 53, 64, 75, 86}, {2, 3, 2}, device)));
}

TEST_P(VisibleTokens, WithoutAChoiceAreAllOfThem) {
  const at::Tensor first = normal({3, 2, 5}, 1, device), patches = normal({3, 6, 5}, 2, device);
  const at::Tensor positions = normal({8, 5}, 3, device);
  const at::Tensor wanted = at::cat({first, patches}, 1) + positions;
  const at::Tensor all = at::arange(6, at::TensorOptions(at::kLong).device(device)).expand({3, 6});
  EXPECT_TRUE(same_bits(visible_tokens(first, patches, positions, {}), wanted));
  EXPECT_TRUE(same_bits(visible_tokens(first, patches, positions, all), wanted));
}

TEST_P(VisibleTokens, HaveTheGradientsOfTheStepsTheyJoin) {
  // Gathering the positions, adding and joining, each with LibTorch's own gradient.
  const at::Tensor visible = indices({4, 0, 2, 2, 3, 1}, device).view({2, 3}), weight = normal({2, 5, 7}, 9, device);
  const auto gradients = [&](bool fused) {
    const at::Tensor first = normal({2, 2, 7}, 1, device).set_requires_grad(true);
    const at::Tensor patches = normal({2, 3, 7}, 2, device).set_requires_grad(true);
    const at::Tensor positions = normal({7, 7}, 3, device).set_requires_grad(true);
    const at::Tensor tokens =
        fused ? visible_tokens(first, patches, positions, visible)
              : at::cat({first + positions.narrow(0, 0, 2),
                         patches + positions.narrow(0, 2, 5).index_select(0, visible.flatten()).view({2, 3, 7})},
                        1);
    (tokens * weight).square().sum().backward();
    return std::vector{tokens.detach(), first.grad(), patches.grad(), positions.grad()};
  };
  const auto found = gradients(true), wanted = gradients(false);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_LT(max_abs_difference(found[i], wanted[i]), 1e-5) << i;
  EXPECT_EQ(found[3].ne(0).sum().item<std::int64_t>(), 7 * 7);  // every patch is seen by one of the two images
}

TEST_P(VisibleTokens, GivePositionsThatNobodySeesExactlyNoGradient) {
  const at::Tensor positions = normal({5, 3}, 3, device).set_requires_grad(true);
  const at::Tensor visible = indices({1, 3, 3, 1}, device).view({2, 2});
  visible_tokens(normal({2, 1, 3}, 1, device), normal({2, 2, 3}, 2, device), positions, visible).sum().backward();
  EXPECT_TRUE(same_bits(positions.grad(), values({2, 2, 2, 0, 0, 0, 2, 2, 2, 0, 0, 0, 2, 2, 2}, {5, 3}, device)));
}

TEST_P(VisibleTokens, HaveTheSameBitsOnTwoThreadsAndOnTheCpu) {
  const auto run = [](at::Device where) {
    const at::Tensor visible = (at::arange(64 * 20, at::kLong) * 7 % 60).view({64, 20}).to(where);
    const at::Tensor positions = normal({61, 96}, 3, where).set_requires_grad(true);
    const at::Tensor tokens =
        visible_tokens(normal({64, 1, 96}, 1, where), normal({64, 20, 96}, 2, where), positions, visible);
    (tokens * normal({64, 21, 96}, 4, where)).sum().backward();
    return std::vector{tokens.detach().cpu(), positions.grad().cpu()};
  };
  const ThreadCount two(2);
  const auto found = run(device);
  const ThreadCount one(1);
  const auto cpu = run(at::kCPU);
  for (std::size_t i = 0; i < cpu.size(); ++i) EXPECT_TRUE(same_bits(found[i], cpu[i])) << i;
}

TEST_P(VisibleTokens, TakeNoImages) {
  const at::Tensor positions = normal({5, 3}, 3, device).set_requires_grad(true);
  const at::Tensor tokens = visible_tokens(normal({0, 1, 3}, 1, device), normal({0, 4, 3}, 2, device), positions, {});
  EXPECT_EQ(tokens.sizes(), at::IntArrayRef({0, 5, 3}));
  tokens.sum().backward();
  EXPECT_TRUE(same_bits(positions.grad(), at::zeros({5, 3}, at::TensorOptions(at::kFloat).device(device))));
}

TEST_P(VisibleTokens, SayWhatIsWrong) {
  const at::Tensor first = normal({2, 1, 3}, 1, device), positions = normal({5, 3}, 2, device);
  const auto message = [&](const at::Tensor& patches, const at::Tensor& table, const at::Tensor& visible) {
    try {
      visible_tokens(first, patches, table, visible);
    } catch (const c10::Error& error) {
      return std::string(error.what_without_backtrace());
    }
    return std::string("no error");
  };
  const at::Tensor two = normal({2, 2, 3}, 3, device);
  EXPECT_THAT(message(two, positions, {}), HasSubstr("2 patches an image, expected 4"));
  EXPECT_THAT(message(normal({3, 2, 3}, 3, device), positions, {}),
              HasSubstr("first is [2, 1, 3], patches is [3, 2, 3]"));
  EXPECT_THAT(message(two, normal({5, 4}, 3, device), {}), HasSubstr("positions is [5, 4]"));
  EXPECT_THAT(message(two.to(at::kDouble), positions, {}), HasSubstr("patches needs float32"));
  EXPECT_THAT(message(two, positions, indices({0, 4, 1, 2}, device).view({2, 2})),
              HasSubstr("visible patch 4 of image 0; accepted: 0 to 3"));
}

}  // namespace
}  // namespace assay
