// Do 95 % intervals hold the truth in 95 of 100 samples? 1,000 samples from known distributions each; the bounds allow
// four standard deviations of 1,000 tosses (0.028) and half as much for what a bootstrap of so few rows leaves out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/philox.h"
#include "metrics/generative/inception_score.h"
#include "metrics/generative/kid.h"
#include "metrics/generative/prdc.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

constexpr int samples = 1000;
constexpr double lowest = 0.91, highest = 0.985;

bool holds(const ScoreInterval& interval, double truth) { return interval.low <= truth && truth <= interval.high; }

std::vector<float> uniform(std::int64_t n, double low, double high, std::uint64_t item) {
  RandomStream random(77, Purpose::noise, item);
  std::vector<float> out(static_cast<std::size_t>(n));
  for (float& value : out) value = static_cast<float>(low + (high - low) * random.uniform());
  return out;
}

double share(const std::vector<char>& held) {
  return static_cast<double>(std::count(held.begin(), held.end(), 1)) / static_cast<double>(held.size());
}

// In one dimension k = (x y + 1)^3 has expectations made of three moments: those of x uniform in [0.5, 1.5], and of the
// reference rows as they are.
TEST(IntervalCoverage, KernelDistance) {
  const std::vector<float> reference = uniform(80, 0.0, 1.0, 1u << 20);
  double moments[4] = {1.0, 0.0, 0.0, 0.0}, truth = 0.0;
  for (const float value : reference)
    for (int p = 1; p <= 3; ++p) moments[p] += std::pow(double{value}, p) / 80.0;
  const double x[4] = {1.0, 1.0, 13.0 / 12.0, 1.25}, times[4] = {1.0, 3.0, 3.0, 1.0};
  for (int p = 0; p < 4; ++p) truth += times[p] * (x[p] * x[p] - 2.0 * x[p] * moments[p]);
  for (std::size_t i = 0; i < 80; ++i)
    for (std::size_t j = 0; j < 80; ++j)
      if (i != j) truth += std::pow(double{reference[i]} * double{reference[j]} + 1.0, 3.0) / (80.0 * 79.0);

  std::vector<char> held;
  for (int s = 0; s < samples; ++s) {
    const std::vector<float> generated = uniform(80, 0.5, 1.5, static_cast<std::uint64_t>(s));
    const Kid found =
        kid({generated, 1}, {reference, 1},
            {.subsets = 20, .subset_size = 40, .replicates = 200, .bootstrap_seed = static_cast<std::uint64_t>(s)});
    held.push_back(holds(recentred_interval(found.mean, found.replicates), truth));
  }
  EXPECT_GT(share(held), lowest);
  EXPECT_LT(share(held), highest);
}

// The balls about fixed reference rows on a line cover a known length of [0, 1], where the generated rows are uniform.
TEST(IntervalCoverage, PrecisionAndDensity) {
  const std::vector<float> reference = uniform(12, 0.0, 1.0, 1u << 20);
  std::vector<std::pair<double, double>> balls;
  double density = 0.0;
  for (const float centre : reference) {
    std::vector<double> distances;
    for (const float other : reference) distances.push_back(std::abs(double{centre} - double{other}));
    std::sort(distances.begin(), distances.end());
    balls.emplace_back(std::max(0.0, centre - distances[1]), std::min(1.0, centre + distances[1]));
    density += balls.back().second - balls.back().first;
  }
  std::sort(balls.begin(), balls.end());
  double precision = 0.0, reached = 0.0;
  for (const auto& [low, high] : balls) {
    precision += std::max(0.0, high - std::max(low, reached));
    reached = std::max(reached, high);
  }
  ASSERT_GT(precision, 0.3);
  ASSERT_LT(precision, 0.95);

  std::vector<char> held_precision, held_density;
  for (int s = 0; s < samples; ++s) {
    const std::vector<float> generated = uniform(150, 0.0, 1.0, static_cast<std::uint64_t>(s));
    const Prdc found = prdc({generated, 1}, {reference, 1},
                            {.k = 1, .replicates = 200, .bootstrap_seed = static_cast<std::uint64_t>(s)});
    held_precision.push_back(holds(recentred_interval(found.precision, found.replicates.precision), precision));
    held_density.push_back(holds(recentred_interval(found.density, found.replicates.density), density));
  }
  EXPECT_GT(share(held_precision), lowest);
  EXPECT_LT(share(held_precision), highest);
  EXPECT_GT(share(held_density), lowest);
  EXPECT_LT(share(held_density), highest);
}

// Recall and coverage at this very n have no closed form: their expectation is the mean over the samples.
TEST(IntervalCoverage, RecallAndCoverage) {
  const std::vector<float> reference = uniform(150 * 2, 0.0, 1.0, 1u << 20);
  std::vector<double> recall, coverage;
  std::vector<ScoreInterval> recall_intervals, coverage_intervals;
  for (int s = 0; s < samples; ++s) {
    const std::vector<float> generated = uniform(120 * 2, 0.2, 1.2, static_cast<std::uint64_t>(s));
    const Prdc found = prdc({generated, 2}, {reference, 2},
                            {.k = 3, .replicates = 200, .bootstrap_seed = static_cast<std::uint64_t>(s)});
    recall.push_back(found.recall);
    coverage.push_back(found.coverage);
    recall_intervals.push_back(recentred_interval(found.recall, found.replicates.recall));
    coverage_intervals.push_back(recentred_interval(found.coverage, found.replicates.coverage));
  }
  const auto held = [](const std::vector<double>& values, const std::vector<ScoreInterval>& intervals) {
    const double truth = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    std::vector<char> in;
    for (const ScoreInterval& interval : intervals) in.push_back(holds(interval, truth));
    return share(in);
  };
  EXPECT_GT(held(recall, recall_intervals), lowest);
  EXPECT_GT(held(coverage, coverage_intervals), lowest);
}

TEST(IntervalCoverage, InceptionScore) {
  std::vector<double> values;
  std::vector<ScoreInterval> intervals;
  for (int s = 0; s < samples; ++s) {
    std::vector<float> logits = uniform(200 * 5, 0.0, 4.0, static_cast<std::uint64_t>(s));
    const InceptionScore found =
        inception_score({logits, 5}, {.splits = 2, .replicates = 200, .bootstrap_seed = static_cast<std::uint64_t>(s)});
    values.push_back(found.mean);
    intervals.push_back(recentred_interval(found.mean, found.replicates));
  }
  const double truth = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(samples);
  const auto held = std::count_if(intervals.begin(), intervals.end(), [&](const auto& i) { return holds(i, truth); });
  EXPECT_GT(static_cast<double>(held) / samples, lowest);
  EXPECT_LT(static_cast<double>(held) / samples, highest);
}

}  // namespace
}  // namespace assay
