#include "reproductions/ed_dpm/algorithm/oracle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay::ed_dpm {
namespace {

/// One measurement for all cases.
const OracleFindings& findings() {
  static const OracleFindings measured = measure_oracle(0);
  return measured;
}

const GuidanceTrace::Row& noised(std::int64_t t) {
  for (const auto& row : findings().noised)
    if (row.timestep == t) return row;
  throw Error("no such step");
}

TEST(EdDpmOracle, EntropyFallsTowardsTheData) {
  // E-1: medians fall from one step to the next, from 1 to nearly 0.
  const auto& rows = findings().noised;
  ASSERT_EQ(rows.size(), 10u);
  for (std::size_t i = 0; i + 1 < rows.size(); ++i)
    EXPECT_GT(rows[i].relative_entropy.median, rows[i + 1].relative_entropy.median) << rows[i].timestep;
  EXPECT_GT(noised(960).relative_entropy.median, 0.995);
  EXPECT_LT(noised(80).relative_entropy.median, 1e-2);
}

TEST(EdDpmOracle, GradientRisesToAnInteriorPeakAndVanishesAndEdsRestoresIt) {
  // E-2 and E-3: the ratio of the norm at the last step to the peak.
  double peak = 0, scaled_peak = 0;
  std::int64_t where = 0;
  for (const auto& row : findings().noised) {
    if (row.gradient_norm.median > peak) {
      peak = row.gradient_norm.median;
      where = row.timestep;
    }
    scaled_peak = std::max(scaled_peak, row.scaled_norm.median);
  }
  EXPECT_GT(where, 80);
  EXPECT_LT(where, 800);
  const double plain = noised(0).gradient_norm.median / peak, scaled = noised(0).scaled_norm.median / scaled_peak;
  EXPECT_LT(plain, 0.1);
  EXPECT_GT(scaled, 0.5);
}

TEST(EdDpmOracle, HasTheReferenceTableWithinTheSpreadOfItsMeans) {
  // guidance.md 4.1, whose means were drawn by another generator. A NumPy version of the world gave 0.8 to 1.4 times
  // these gradient norms over six seeds; the less noisy half depends on the nearest pair of means and varies by
  // decades.
  struct Row {
    std::int64_t t;
    double entropy, gradient;
  };
  for (const Row& row : {Row{960, 1.00, .024}, Row{800, .998, .083}, Row{640, .984, .276}, Row{480, .889, .690}}) {
    EXPECT_NEAR(noised(row.t).relative_entropy.median, row.entropy, 0.06) << row.t;
    EXPECT_NEAR(noised(row.t).gradient_norm.median / row.gradient, 1, 0.5) << row.t;
  }
}

TEST(EdDpmOracle, SlopesAreOneWithoutAndNearNoughtWithEds) {
  EXPECT_EQ(findings().gradient_slope.points, 400);
  EXPECT_GT(findings().gradient_slope.slope, 0.85);
  EXPECT_LT(findings().gradient_slope.slope, 1.15);
  EXPECT_GT(findings().scaled_slope.slope, -0.05);
  EXPECT_LT(findings().scaled_slope.slope, 0.15);
}

TEST(EdDpmOracle, SlopesAreThoseOfPredictionsInThePublishedWindow) {
  // guidance.md 4.1: 1 - p_y in [1e-8, 1e-3], and points over most of those decades.
  for (const LogLogSlope& line : {findings().gradient_slope, findings().scaled_slope}) {
    EXPECT_GE(line.least_doubt, 1e-8);
    EXPECT_LT(line.least_doubt, 1e-7);
    EXPECT_GT(line.most_doubt, 5e-4);
    EXPECT_LE(line.most_doubt, 1e-3);
  }
}

TEST(EdDpmOracle, EdsReachesTheClassAtAScaleThatIsTooSmallWithout) {
  // E-5: the reference run has .08, .387 and 1 without, 1 with.
  const OracleArm &none = arm(findings(), 0.0, false), &plain = arm(findings(), 0.3, false),
                  &eds = arm(findings(), 0.3, true);
  EXPECT_LT(none.accuracy, 0.2);
  EXPECT_GT(eds.accuracy - plain.accuracy, 0.3);
  EXPECT_GT(eds.accuracy, 0.98);
  EXPECT_EQ(eds.events.non_finite, 0);
  EXPECT_EQ(eds.events.steps, 250);
  EXPECT_EQ(eds.events.samples, 250 * 150);
}

TEST(EdDpmOracle, ExactGuidanceDrawsTheClassItself) {
  // E8: at gamma 1 without EDS samples follow p(x | y), with |x - mu_y|^2 / d = s^2.
  const OracleArm& exact = arm(findings(), 1.0, false);
  EXPECT_GT(exact.accuracy, 0.98);
  // 1200 squares: standard error .1225 sqrt(2 / 1200) = .005; the discretised sampler adds a little.
  EXPECT_NEAR(exact.mean_square, 0.35 * 0.35, 0.03);
}

TEST(EdDpmOracle, WrongTrajectoriesDriveTheScaleToItsBound) {
  // E8: at gamma 0 the samples leave their class and k grows until the floor stops it.
  const OracleArm& idle = arm(findings(), 0.0, true);
  EXPECT_NEAR(idle.events.largest_k, 1e6, 1);
  EXPECT_GT(idle.events.clamped, 0);
  EXPECT_GT(idle.events.confidently_wrong, idle.events.samples / 10);
  EXPECT_EQ(idle.accuracy, arm(findings(), 0.0, false).accuracy);
}

TEST(EdDpmOracle, DependsOnItsSeedAlone) {
  OracleWorld small;
  small.noised_samples = small.drawn_samples = small.slope_samples = 10;
  small.sampler_steps = 5;
  const OracleFindings a = measure_oracle(3, small), b = measure_oracle(3, small), c = measure_oracle(4, small);
  EXPECT_EQ(a.noised[5].gradient_norm.mean, b.noised[5].gradient_norm.mean);
  EXPECT_EQ(a.arms[3].mean_square, b.arms[3].mean_square);
  EXPECT_NE(a.noised[5].gradient_norm.mean, c.noised[5].gradient_norm.mean);
}

}  // namespace
}  // namespace assay::ed_dpm
