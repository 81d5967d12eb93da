#include "reproductions/self_guided/algorithm/simclr.h"

#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/error.h"
#include "datasets/dataset.h"
#include "metrics/features/conv_encoder.h"
#include "reproductions/samples/image_tensors.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::self_guided {
namespace {

using test::message_of;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::HasSubstr;
using ::testing::SizeIs;

LabelledImages shapes() {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.size = 16;
  spec.count = 60;
  return load_images(*open_dataset(spec), Split::train);
}

TEST(NtXent, EqualsADoubleLoopOverPairs) {
  constexpr std::int64_t n = 5, d = 4;
  constexpr double temperature = 0.3;
  const at::Tensor a = normal({n, d}, 1), b = normal({n, d}, 2);
  const at::Tensor z = at::cat({a, b}).to(at::kDouble);
  const double* p = z.const_data_ptr<double>();
  const auto similarity = [&](std::int64_t i, std::int64_t j) {
    double dot = 0, ii = 0, jj = 0;
    for (std::int64_t k = 0; k < d; ++k) {
      dot += p[i * d + k] * p[j * d + k];
      ii += p[i * d + k] * p[i * d + k];
      jj += p[j * d + k] * p[j * d + k];
    }
    return dot / std::sqrt(ii * jj) / temperature;
  };
  double loss = 0;
  for (std::int64_t i = 0; i < 2 * n; ++i) {
    double all = 0;
    for (std::int64_t j = 0; j < 2 * n; ++j)
      if (j != i) all += std::exp(similarity(i, j));
    loss += std::log(all) - similarity(i, (i + n) % (2 * n));
  }
  EXPECT_NEAR(nt_xent(a, b, temperature).item<double>(), loss / (2 * n), 1e-5);
}

TEST(NtXent, OfEqualViewsThatAreOrthogonalToAllOthersIsWorkedByHand) {
  // n = 2, temperature 1: each row sees its partner at e^1 and two others at e^0.
  const at::Tensor a = values({3, 0, 0, 2}, {2, 2});
  EXPECT_NEAR(nt_xent(a, a, 1.0).item<double>(), std::log(1 + 2 * std::exp(-1.0)), 1e-6);
}

SimclrOptions tiny_simclr() {
  SimclrOptions o;
  o.width = 8;
  o.features = 16;
  o.projection = 8;
  o.steps = 40;
  o.batch = 16;
  return o;
}

TEST(Simclr, LowersItsLossAndDependsOnItsSeedAlone) {
  const at::Tensor images = shapes().images;
  std::vector<double> loss;
  const auto note = [&](std::int64_t, double value) { loss.push_back(value); };
  const ConvEncoder encoder = train_simclr(images, tiny_simclr(), 5, note);
  ASSERT_THAT(loss, SizeIs(40));
  const auto mean = [&](std::size_t begin) {
    double sum = 0;
    for (std::size_t i = begin; i < begin + 5; ++i) sum += loss[i] / 5;
    return sum;
  };
  EXPECT_LT(mean(35), mean(0) - 0.3);
  const std::vector<double> first = loss;
  loss.clear();
  const ConvEncoder again = train_simclr(images, tiny_simclr(), 5, note);
  EXPECT_EQ(loss, first);
  EXPECT_TRUE(same_bits(features_in_batches(again, images), features_in_batches(encoder, images)));
}

TEST(Simclr, OptionsSurviveJsonAndRefuseWhatIsOutOfRange) {
  const nlohmann::json object = to_json(tiny_simclr());
  EXPECT_EQ(to_json(read_simclr_options(object, "encoder")), object);
  EXPECT_THAT(message_of<InputError>([] {
                read_simclr_options({{"batch", 1}}, "encoder");
              }),
              HasSubstr("encoder.batch"));
  EXPECT_THAT(message_of<InputError>([] {
                read_simclr_options({{"temperature", 0}}, "encoder");
              }),
              HasSubstr("encoder.temperature"));
}

}  // namespace
}  // namespace assay::self_guided
