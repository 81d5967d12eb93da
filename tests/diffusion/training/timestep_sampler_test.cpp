#include "diffusion/training/timestep_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

TimestepSampler::Draw draw(const TimestepSampler& sampler, std::uint64_t item) {
  RandomStream random(1, Purpose::training, item);
  return sampler.draw(random);
}

/// Tells step 0 ten losses of 1 and step 1 ten of 3, after `before` larger ones.
void warm_up(TimestepSampler& sampler, int before = 0) {
  for (int i = 0; i < before; ++i) sampler.update({0, 1}, {50, 60});
  for (int i = 0; i < 10; ++i) sampler.update({0, 1}, {1, 3});
}

TEST(TimestepSampler, UniformDrawsEveryStepWithWeightOne) {
  const auto sampler = make_timestep_sampler("uniform", 4);
  int counts[4] = {};
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const auto [step, weight] = draw(*sampler, i);
    EXPECT_EQ(weight, 1.0);
    ++counts[step];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * std::sqrt(750.0));
}

TEST(TimestepSampler, LossSecondMomentIsUniformUntilEveryStepHasTenLosses) {
  const auto sampler = make_timestep_sampler("loss-second-moment", 2);
  for (int i = 0; i < 100; ++i) sampler->update({0}, {5});
  for (int i = 0; i < 9; ++i) sampler->update({1}, {1});
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(draw(*sampler, i).weight, 1.0);
  sampler->update({1}, {1});
  EXPECT_NE(draw(*sampler, 0).weight, 1.0);
}

TEST(TimestepSampler, LossSecondMomentDrawsInProportionToTheRootMeanSquare) {
  // RMS 1 and 3 give .25 and .75; a thousandth is uniform. The weight is 1 / (2 p).
  const auto sampler = make_timestep_sampler("loss-second-moment", 2);
  warm_up(*sampler);
  const double p[2] = {0.25 * 0.999 + 0.0005, 0.75 * 0.999 + 0.0005};
  int of_one = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const auto [step, weight] = draw(*sampler, i);
    EXPECT_NEAR(weight, 1 / (2 * p[step]), 1e-12);
    of_one += step == 1;
  }
  EXPECT_NEAR(of_one, 4000 * p[1], 5 * std::sqrt(4000 * p[0] * p[1]));
}

TEST(TimestepSampler, LossSecondMomentForgetsAllButTheLastTen) {
  const auto fresh = make_timestep_sampler("loss-second-moment", 2),
             old = make_timestep_sampler("loss-second-moment", 2);
  warm_up(*fresh);
  warm_up(*old, 7);
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(draw(*fresh, i).weight, draw(*old, i).weight);
}

TEST(TimestepSampler, GoesOnFromItsSavedState) {
  const TemporaryFolder folder;
  const auto sampler = make_timestep_sampler("loss-second-moment", 2),
             restored = make_timestep_sampler("loss-second-moment", 2);
  warm_up(*sampler);
  SafetensorsWriter writer;
  sampler->save(writer);
  writer.write(folder / "state");
  restored->load(SafetensorsFile(folder / "state"));
  for (const auto& each : {&*sampler, &*restored}) each->update({1, 1, 0}, {9, 8, 2});
  for (std::uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(draw(*sampler, i).step, draw(*restored, i).step);
    EXPECT_EQ(draw(*sampler, i).weight, draw(*restored, i).weight);
  }
  EXPECT_THAT(message_of<InputError>(
                  [&] { make_timestep_sampler("loss-second-moment", 3)->load(SafetensorsFile(folder / "state")); }),
              HasSubstr("of 2 steps, expected 3"));
}

TEST(TimestepSampler, RefusesUnknownNames) {
  EXPECT_THAT(message_of<InputError>([] { make_timestep_sampler("unifrom", 10); }),
              HasSubstr("did you mean 'uniform'?"));
}

}  // namespace
}  // namespace assay
