#include "kernels/visible_patches.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::indices;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::HasSubstr;

constexpr PatchOrder orders[] = {PatchOrder::channel_first, PatchOrder::channel_last};

class VisiblePatches : public test::OnEachDevice {};
ASSAY_TEST_ON_EACH_DEVICE(VisiblePatches);

/// The patches of an image by four loops.
at::Tensor patches_by_loops(const at::Tensor& x, const at::Tensor& visible, std::int64_t p, PatchOrder order) {
  const std::int64_t channels = x.size(1), width = x.size(3), shown = visible.size(1);
  at::Tensor out = at::zeros({x.size(0), shown, channels * p * p}, at::kFloat);
  const at::Tensor from = x.cpu().contiguous(), numbers = visible.cpu().contiguous();
  const float* pixel = from.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  for (std::int64_t b = 0; b < x.size(0); ++b)
    for (std::int64_t v = 0; v < shown; ++v) {
      const std::int64_t n = numbers.const_data_ptr<std::int64_t>()[b * shown + v];
      for (std::int64_t c = 0; c < channels; ++c)
        for (std::int64_t i = 0; i < p; ++i)
          for (std::int64_t j = 0; j < p; ++j) {
            const std::int64_t k =
                order == PatchOrder::channel_first ? (c * p + i) * p + j : (i * p + j) * channels + c;
            const std::int64_t row = n / (width / p) * p + i, column = n % (width / p) * p + j;
            to[(b * shown + v) * channels * p * p + k] = pixel[((b * channels + c) * x.size(2) + row) * width + column];
          }
    }
  return out;
}

TEST_P(VisiblePatches, AreThosePixelsInThatOrder) {
  // Height and width differ, so do rows and columns of patches.
  const at::Tensor x = normal({3, 2, 6, 12}, 1, device);
  const at::Tensor visible = indices({7, 0, 4, 3, 2, 1, 5, 6, 0}, device).view({3, 3});
  for (const PatchOrder order : orders) {
    const at::Tensor patches = gather_patches(x, visible, 3, order);
    EXPECT_TRUE(same_bits(patches.cpu(), patches_by_loops(x, visible, 3, order)));
  }
}

TEST_P(VisiblePatches, OfACountingImageAreTheseNumbers) {
  const at::Tensor x = at::arange(32, at::kFloat).view({1, 2, 4, 4}).to(device);
  EXPECT_TRUE(same_bits(gather_patches(x, {}, 2, PatchOrder::channel_first)[0][1],
                        values({2, 3, 6, 7, 18, 19, 22, 23}, device)));
  EXPECT_TRUE(same_bits(gather_patches(x, {}, 2, PatchOrder::channel_last)[0][1],
                        values({2, 18, 3, 19, 6, 22, 7, 23}, device)));
}

TEST_P(VisiblePatches, AllInOrderAreThoseWithoutAChoice) {
  const at::Tensor x = normal({2, 3, 8, 8}, 1, device);
  const at::Tensor all = at::arange(16, at::TensorOptions(at::kLong).device(device)).expand({2, 16});
  for (const PatchOrder order : orders) {
    const at::Tensor patches = gather_patches(x, {}, 2, order);
    EXPECT_TRUE(same_bits(patches, gather_patches(x, all, 2, order)));
    EXPECT_TRUE(same_bits(scatter_patches(patches, {}, 8, 8, 2, order), x));
    EXPECT_TRUE(same_bits(scatter_patches(patches, all, 8, 8, 2, order), x));
  }
}

TEST_P(VisiblePatches, GoBackToTheirPlacesAndLeaveTheFillElsewhere) {
  const at::Tensor x = normal({2, 3, 4, 8}, 1, device), visible = indices({5, 2, 7, 0}, device).view({2, 2});
  for (const PatchOrder order : orders) {
    const at::Tensor image = scatter_patches(gather_patches(x, visible, 2, order), visible, 4, 8, 2, order, 0.25);
    at::Tensor wanted = at::zeros({2, 3, 4, 8}, at::kFloat) + 0.25;
    const at::Tensor from = x.cpu();
    for (const auto& [b, n] : std::vector<std::pair<int, int>>{{0, 5}, {0, 2}, {1, 7}, {1, 0}}) {
      const auto place = [b = b, n = n](const at::Tensor& t) {
        return t[b].narrow(1, n / 4 * 2, 2).narrow(2, n % 4 * 2, 2);
      };
      place(wanted).copy_(place(from));
    }
    EXPECT_TRUE(same_bits(image.cpu(), wanted));
  }
}

TEST_P(VisiblePatches, GiveHiddenPixelsExactlyNoGradient) {
  for (const PatchOrder order : orders) {
    const at::Tensor x = normal({2, 3, 4, 4}, 1, device).set_requires_grad(true);
    const at::Tensor visible = indices({3, 0, 1, 2}, device).view({2, 2}), weight = normal({2, 2, 12}, 2, device);
    (gather_patches(x, visible, 2, order) * weight).sum().backward();
    // The gradient of a weighted sum is its weights, in the places they were read from.
    EXPECT_TRUE(same_bits(x.grad(), scatter_patches(weight, visible, 4, 4, 2, order)));
    EXPECT_EQ(x.grad()[0].narrow(1, 0, 2).narrow(2, 2, 2).ne(0).sum().item<std::int64_t>(), 0);
    EXPECT_EQ(x.grad().ne(0).sum().item<std::int64_t>(), 2 * 2 * 12);
  }
}

TEST_P(VisiblePatches, TakeTheirGradientFromWhereTheyWerePut) {
  for (const PatchOrder order : orders) {
    const at::Tensor patches = normal({2, 2, 12}, 1, device).set_requires_grad(true);
    const at::Tensor visible = indices({3, 0, 1, 2}, device).view({2, 2}), weight = normal({2, 3, 4, 4}, 2, device);
    (scatter_patches(patches, visible, 4, 4, 2, order, 5.0) * weight).sum().backward();
    EXPECT_TRUE(same_bits(patches.grad().cpu(), patches_by_loops(weight, visible, 2, order)));
  }
}

TEST_P(VisiblePatches, HaveGradientsOfGradients) {
  const at::Tensor x = normal({1, 1, 4, 4}, 1, device).set_requires_grad(true), visible = indices({2}, device);
  const at::Tensor patches = gather_patches(x, visible.view({1, 1}), 2, PatchOrder::channel_last);
  patches.square().sum().backward({}, true, true);
  const at::Tensor gradient = x.grad();  // 2 x where visible
  x.mutable_grad() = at::Tensor();
  (gradient * normal({1, 1, 4, 4}, 2, device)).sum().backward();
  const at::Tensor wanted = 2 * normal({1, 1, 4, 4}, 2, device);
  EXPECT_TRUE(same_bits(x.grad()[0][0].narrow(0, 2, 2).narrow(1, 0, 2), wanted[0][0].narrow(0, 2, 2).narrow(1, 0, 2)));
  EXPECT_EQ(x.grad().ne(0).sum().item<std::int64_t>(), 4);
}

TEST_P(VisiblePatches, HaveTheSameBitsOnTwoThreadsAndOnTheCpu) {
  const auto run = [](at::Device where) {
    const at::Tensor x = normal({64, 3, 32, 32}, 1, where);
    const at::Tensor visible = (at::arange(64 * 40, at::kLong) * 5 % 64).view({64, 40}).to(where);
    const at::Tensor patches = gather_patches(x, visible, 4, PatchOrder::channel_first);
    return std::vector{patches.cpu(), scatter_patches(patches, visible, 32, 32, 4, PatchOrder::channel_first).cpu()};
  };
  const ThreadCount two(2);
  const auto found = run(device);
  const ThreadCount one(1);
  const auto cpu = run(at::kCPU);
  for (std::size_t i = 0; i < cpu.size(); ++i) EXPECT_TRUE(same_bits(found[i], cpu[i])) << i;
}

TEST_P(VisiblePatches, TakeNoImagesAndNoPatches) {
  const at::Tensor none = at::zeros({0, 2}, at::TensorOptions(at::kLong).device(device));
  EXPECT_EQ(gather_patches(normal({0, 3, 4, 4}, 1, device), none, 2, PatchOrder::channel_last).sizes(),
            at::IntArrayRef({0, 2, 12}));
  EXPECT_EQ(scatter_patches(normal({0, 2, 12}, 1, device), none, 4, 4, 2, PatchOrder::channel_last).sizes(),
            at::IntArrayRef({0, 3, 4, 4}));
  const at::Tensor hidden = at::zeros({2, 0}, at::TensorOptions(at::kLong).device(device));
  EXPECT_EQ(gather_patches(normal({2, 3, 4, 4}, 1, device), hidden, 2, PatchOrder::channel_last).numel(), 0);
  EXPECT_TRUE(scatter_patches(at::zeros({2, 0, 12}, at::TensorOptions(at::kFloat).device(device)), hidden, 4, 4, 2,
                              PatchOrder::channel_last, 3.0)
                  .eq(3.0)
                  .all()
                  .item<bool>());
}

TEST_P(VisiblePatches, SayWhatIsWrong) {
  const at::Tensor x = normal({2, 3, 4, 4}, 1, device);
  const auto message = [&](const at::Tensor& images, const at::Tensor& visible, std::int64_t patch) -> std::string {
    try {
      gather_patches(images, visible, patch, PatchOrder::channel_first);
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "no error";
  };
  EXPECT_THAT(message(x, {}, 3), HasSubstr("4 x 4 pixels cannot be cut into patches of 3"));
  EXPECT_THAT(message(x.to(at::kDouble), {}, 2), HasSubstr("x needs float32"));
  EXPECT_THAT(message(x[0], {}, 2), HasSubstr("x must be [B, C, H, W]"));
  EXPECT_THAT(message(x, indices({0, 1}, device), 2), HasSubstr("visible must be [2, V] int64, got [2]"));
  EXPECT_THAT(message(x, values({0, 1}, {2, 1}, device), 2), HasSubstr("Float"));
  EXPECT_THAT(message(x, indices({0, 4}, device).view({2, 1}), 2),
              HasSubstr("visible patch 4 of image 1; accepted: 0 to 3"));
  EXPECT_THAT(message(x, indices({0, 1, 3, 3}, device).view({2, 2}), 2),
              HasSubstr("patch 3 is twice in the visible ones of image 1"));
  try {
    scatter_patches(normal({2, 3, 12}, 1, device), {}, 4, 4, 2, PatchOrder::channel_first);
    FAIL() << "accepted too few patches";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("3 patches an image, expected 4"));
  }
}

}  // namespace
}  // namespace assay
