#include "diffusion/training/flat_adamw.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::same_bits;
using test::TemporaryFolder;
using test::values;
using ::testing::HasSubstr;

/// Three trainable values and one frozen.
struct Weights {
  Weights() {
    parameters.declare({"a", {3}, Initial::normal});
    parameters.declare({"frozen", {1}, Initial::ones, 1, false});
    parameters.materialise(1);
    parameters.assign(values({1, -2, 3}));
  }
  /// A loss whose gradient is `slope`.
  void backward(const at::Tensor& slope) { (parameters.all()[0].value * slope).sum().backward(); }

  Parameters parameters;
};

const AdamWStep first_step{.learning_rate = 0.1, .weight_decay = 0.5, .ema_decay = 0.75};

TEST(FlatAdamW, TheFirstStepHasTheLengthOfTheRateAndTheAverageFollowsIt) {
  Weights w;
  FlatAdamW optimizer(w.parameters, WeightAverage::ema);
  EXPECT_TRUE(same_bits(optimizer.average(), w.parameters.flat()));
  w.backward(values({4, 4, -0.01F}));
  optimizer.step(first_step);
  // p (1 - 0.1 * 0.5) - 0.1 sign(g): the bias-corrected moments of one step are g and g^2.
  const at::Tensor want = values({0.85F, -2.0F, 2.95F});
  EXPECT_LT(max_abs_difference(w.parameters.flat(), want), 1e-6);
  EXPECT_LT(max_abs_difference(optimizer.average(), 0.75 * values({1, -2, 3}) + 0.25 * want), 1e-6);
  EXPECT_TRUE(same_bits(w.parameters.all()[1].value, values({1})));
}

TEST(FlatAdamW, GradientsAddUpUntilTheyAreCleared) {
  Weights w;
  FlatAdamW optimizer(w.parameters, WeightAverage::none);
  w.backward(values({1, 0, 0}));
  w.backward(values({1, 2, 0}));
  EXPECT_TRUE(same_bits(w.parameters.flat_gradient(), values({2, 2, 0})));
  optimizer.zero_gradients();
  w.backward(values({0, 0, 5}));
  EXPECT_TRUE(same_bits(w.parameters.flat_gradient(), values({0, 0, 5})));
}

TEST(FlatAdamW, LeavesPlainValuesBehind) {
  Weights w;
  {
    const FlatAdamW optimizer(w.parameters, WeightAverage::ema);
    EXPECT_TRUE(w.parameters.all()[0].value.requires_grad());
  }
  EXPECT_FALSE(w.parameters.all()[0].value.requires_grad());
  EXPECT_FALSE(w.parameters.flat_gradient().defined());
  // Still a view of the flat buffer: what is assigned there is what a layer reads.
  w.parameters.assign(values({5, 6, 7}));
  EXPECT_TRUE(same_bits(w.parameters.all()[0].value, values({5, 6, 7})));
}

TEST(FlatAdamW, GoesOnFromAFileToTheSameBits) {
  const TemporaryFolder folder;
  const auto take = [](Weights& w, FlatAdamW& optimizer, std::int64_t step) {
    optimizer.zero_gradients();
    w.backward(values({1, -3, 0.5F}) * static_cast<double>(step));
    AdamWStep scalars = first_step;
    scalars.step = step;
    optimizer.step(scalars);
  };
  Weights straight, resumed;
  FlatAdamW whole(straight.parameters, WeightAverage::ema);
  take(straight, whole, 1);
  SafetensorsWriter writer;
  whole.save_weights(writer);
  whole.save_moments(writer);
  writer.write(folder / "state.safetensors");
  take(straight, whole, 2);

  FlatAdamW rest(resumed.parameters, WeightAverage::ema);
  rest.load(SafetensorsFile(folder / "state.safetensors"));
  take(resumed, rest, 2);
  EXPECT_TRUE(same_bits(resumed.parameters.flat(), straight.parameters.flat()));
  EXPECT_TRUE(same_bits(rest.average(), whole.average()));
}

TEST(FlatAdamW, WritesNoAverageWhereNoneIsKeptAndMissesOneThatIs) {
  const TemporaryFolder folder;
  Weights w;
  FlatAdamW plain(w.parameters, WeightAverage::none), averaging(w.parameters, WeightAverage::ema);
  SafetensorsWriter writer;
  plain.save_weights(writer);
  plain.save_moments(writer);
  writer.write(folder / "state.safetensors");
  const SafetensorsFile file(folder / "state.safetensors");
  EXPECT_TRUE(file.has("model.a"));
  EXPECT_FALSE(file.has("ema.a"));
  EXPECT_THAT(message_of<InputError>([&] { averaging.load(file); }), HasSubstr("missing ema.a"));
}

}  // namespace
}  // namespace assay
