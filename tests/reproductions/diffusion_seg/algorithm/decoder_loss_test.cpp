#include "reproductions/diffusion_seg/algorithm/decoder_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using test::normal;
using test::values;
using ::testing::HasSubstr;

/// The definition, pixel by pixel in double.
double by_definition(const at::Tensor& logits, const at::Tensor& masks) {
  const at::Tensor z = logits.to(at::kDouble).contiguous(), g = masks.to(at::kDouble).contiguous();
  const std::int64_t images = z.size(0), pixels = z.numel() / images;
  double total = 0.0;
  for (std::int64_t i = 0; i < images; ++i) {
    double entropy = 0.0, both = 0.0, either = 0.0, held = 0.0;
    for (std::int64_t j = i * pixels; j < (i + 1) * pixels; ++j) {
      const double truth = g.const_data_ptr<double>()[j], p = 1 / (1 + std::exp(-z.const_data_ptr<double>()[j]));
      entropy -= truth * std::log(p) + (1 - truth) * std::log(1 - p);
      both += p * truth;
      either += p + truth - p * truth;
      held += truth;
    }
    total += entropy / static_cast<double>(pixels) + (held > 0 ? 1 - both / either : 0.0);
  }
  return total / static_cast<double>(images);
}

TEST(DecoderLoss, HasTheValuesWorkedByHand) {
  // p = 1/2 everywhere, two pixels of four: ln 2, and 1 - 1 / (2 + 2 - 1).
  EXPECT_NEAR(decoder_loss(values({0, 0, 0, 0}, {1, 2, 2}), values({1, 1, 0, 0}, {1, 2, 2})).item<double>(),
              std::log(2.0) + 2.0 / 3.0, 1e-6);
  // The same image beside one that is empty, to which only ln 2 is added.
  EXPECT_NEAR(decoder_loss(at::zeros({2, 2, 2}), values({1, 1, 0, 0, 0, 0, 0, 0}, {2, 2, 2})).item<double>(),
              std::log(2.0) + 1.0 / 3.0, 1e-6);
  // Sure and right: nothing. Sure and wrong: the logit, and an IoU of 0.
  EXPECT_NEAR(decoder_loss(values({60, -60}, {1, 1, 2}), values({1, 0}, {1, 1, 2})).item<double>(), 0.0, 1e-6);
  EXPECT_NEAR(decoder_loss(values({-60, 60}, {1, 1, 2}), values({1, 0}, {1, 1, 2})).item<double>(), 61.0, 1e-4);
}

TEST(DecoderLoss, IsItsDefinitionOnSoftMasksToo) {
  const at::Tensor logits = 2 * normal({3, 5, 4}, 1), masks = at::sigmoid(normal({3, 5, 4}, 2));
  EXPECT_NEAR(decoder_loss(logits, masks).item<double>(), by_definition(logits, masks), 1e-5);
  const at::Tensor hard = (masks > 0.5).to(at::kFloat);
  EXPECT_NEAR(decoder_loss(logits.to(at::kDouble), hard).item<double>(), by_definition(logits, hard), 1e-12);
}

TEST(DecoderLoss, HasTheGradientOfFiniteDifferences) {
  at::Tensor logits = normal({3, 2, 3}, 1).to(at::kDouble), masks = at::sigmoid(normal({3, 2, 3}, 2)).to(at::kDouble);
  masks[1].zero_();
  masks[2] = (masks[2] > 0.5).to(at::kDouble);
  logits.set_requires_grad(true);
  decoder_loss(logits, masks).backward();
  const at::Tensor gradient = logits.grad().clone();
  logits = logits.detach();
  constexpr double h = 1e-5;
  for (std::int64_t i = 0; i < logits.numel(); ++i) {
    at::Tensor above = logits.clone(), below = logits.clone();
    above.mutable_data_ptr<double>()[i] += h;
    below.mutable_data_ptr<double>()[i] -= h;
    EXPECT_NEAR(gradient.const_data_ptr<double>()[i],
                (by_definition(above, masks) - by_definition(below, masks)) / (2 * h), 1e-9)
        << i;
  }
}

TEST(DecoderLoss, StaysFiniteWhereNothingIsThereAndNothingIsSeen) {
  // p underflows to 0: 0 / 0 in the formula.
  at::Tensor logits = at::full({1, 3, 3}, -1000.0).set_requires_grad(true);
  const at::Tensor loss = decoder_loss(logits, at::zeros({1, 3, 3}));
  EXPECT_EQ(loss.item<double>(), 0.0);
  loss.backward();
  EXPECT_EQ(logits.grad().abs().max().item<double>(), 0.0);
}

TEST(DecoderLoss, RefusesOtherShapes) {
  EXPECT_THAT(message_of<InputError>([] {
                decoder_loss(at::zeros({1, 2, 3}), at::zeros({1, 3, 2}));
              }),
              HasSubstr("logits [1, 2, 3] and masks [1, 3, 2]"));
  EXPECT_THAT(message_of<InputError>([] {
                decoder_loss(at::zeros({2, 3}), at::zeros({2, 3}));
              }),
              HasSubstr("accepted: [images, height, width] for both"));
}

}  // namespace
}  // namespace assay::diffusion_seg
