#include "reproductions/samples/drawing.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::same_bits;

void nothing(std::int64_t /*done*/) {}

Drawing five_from_three() {
  return {.first = 3, .count = 5, .shape = {3, 2, 2}, .seed = 7, .device = at::kCPU, .passes = {2, true, 0}};
}

TEST(Drawing, GivesEachSampleTheNoiseOfItsOwnNumberAtEveryStep) {
  const at::Tensor drawn = draw_samples(
      five_from_three(),
      [](const SamplePass& /*pass*/, const PassNoise& noise) { return 0.25 * noise(0) + 0.25 * noise(2); }, nothing);
  const at::Tensor wanted = 0.25 * sample_noise(3, 5, {3, 2, 2}, 7, 0) + 0.25 * sample_noise(3, 5, {3, 2, 2}, 7, 2);
  EXPECT_TRUE(same_bits(drawn, to_bytes(wanted)));
}

TEST(Drawing, ReportsTheSamplesThatAreDone) {
  std::int64_t done = 0;
  const at::Tensor drawn = draw_samples(
      five_from_three(), [](const SamplePass& /*pass*/, const PassNoise& noise) { return noise(0); },
      [&](std::int64_t images) { done = images; });
  EXPECT_EQ(done, 5);
  EXPECT_EQ(drawn.size(0), 5);
  EXPECT_EQ(drawn.scalar_type(), at::kByte);
}

}  // namespace
}  // namespace assay
