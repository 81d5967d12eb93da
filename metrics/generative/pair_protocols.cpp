#include "metrics/generative/pair_protocols.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "core/philox.h"
#include "metrics/generative/fid_infinity.h"
#include "metrics/generative/frechet_pair.h"
#include "metrics/generative/protocol_options.h"

namespace assay {
namespace {

constexpr std::uint64_t sign_stream = std::uint64_t{1} << 45, fit_stream = std::uint64_t{1} << 46;

std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
  return PairedReplicates{a, b}.differences();
}

/// The share of swaps, the observed one among them, that are at least as far from 0 as what was observed, up to
/// `rounding`.
double p_value(double observed, const std::vector<double>& swapped, double rounding = 0.0) {
  const double limit = std::abs(observed) * (1.0 - 1e-9) - rounding;
  const auto extreme =
      std::count_if(swapped.begin(), swapped.end(), [limit](double value) { return std::abs(value) >= limit; });
  return static_cast<double>(extreme + 1) / static_cast<double>(swapped.size() + 1);
}

/// The same for a statistic that is a sum of shares whose signs a swap turns.
double p_value_of_shares(const std::vector<double>& shares, const PairOptions& options, double rounding = 0.0) {
  std::vector<double> swapped(static_cast<std::size_t>(options.swaps), 0.0);
  for (std::size_t s = 0; s < swapped.size(); ++s) {
    stop_if_interrupted();
    RandomStream random(options.scores.seed, Purpose::resample, sign_stream + s);
    std::uint64_t signs = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (i % 64 == 0) signs = random.bits64();
      swapped[s] += (signs & 1u) != 0 ? shares[i] : -shares[i];
      signs >>= 1;
    }
  }
  return p_value(std::accumulate(shares.begin(), shares.end(), 0.0), swapped, rounding);
}

std::string swaps_text(const PairOptions& options) { return fmt::format("swaps of paired rows, {}", options.swaps); }

std::vector<PairScore> kid_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                 const PairOptions& options) {
  const char* id = "kid-seed2020";
  const KidPair found =
      kid_pair(features_of(a, id), features_of(b, id), features_of(reference, id), kid_seed2020(options.scores));
  return {{"kid_mean", found.a.mean, found.b.mean, difference(found.a.replicates, found.b.replicates),
           "paired bootstrap over generated rows and subsets", p_value_of_shares(found.shares, options, found.rounding),
           swaps_text(options) + ", of the estimate over all pairs"}};
}

std::vector<double> ball_shares(const Prdc& a, const Prdc& b, bool counted) {
  std::vector<double> shares(a.balls.size());
  for (std::size_t i = 0; i < shares.size(); ++i)
    shares[i] = counted ? static_cast<double>(a.balls[i] - b.balls[i])
                        : static_cast<double>(a.balls[i] > 0) - static_cast<double>(b.balls[i] > 0);
  return shares;
}

std::vector<PairScore> ball_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                  const PairOptions& options, const char* id, const PrdcOptions& balls, bool all) {
  const PrdcPair found =
      prdc_pair(features_of(a, id), features_of(b, id), features_of(reference, id), balls, options.swaps);
  const Prdc::Replicates &x = found.a.replicates, &y = found.b.replicates;
  const std::string rows = "paired bootstrap over generated rows", halves = "paired halves of the generated rows";
  std::vector<PairScore> out;
  out.push_back({"precision", found.a.precision, found.b.precision, difference(x.precision, y.precision), rows,
                 p_value_of_shares(ball_shares(found.a, found.b, false), options), swaps_text(options)});
  out.push_back({"recall", found.a.recall, found.b.recall, difference(x.recall, y.recall), halves,
                 p_value(found.recall.observed, found.recall.swapped), swaps_text(options)});
  if (!all) return out;
  out.push_back({"density", found.a.density, found.b.density, difference(x.density, y.density), rows,
                 p_value_of_shares(ball_shares(found.a, found.b, true), options), swaps_text(options)});
  out.push_back({"coverage", found.a.coverage, found.b.coverage, difference(x.coverage, y.coverage), halves,
                 p_value(found.coverage.observed, found.coverage.swapped), swaps_text(options)});
  return out;
}

std::vector<PairScore> prdc5_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                   const PairOptions& options) {
  return ball_pairs(reference, a, b, options, "prdc5", prdc5(options.scores), true);
}

std::vector<PairScore> pr_tf_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                   const PairOptions& options) {
  return ball_pairs(reference, a, b, options, "pr-tf", pr_tf(options.scores), false);
}

std::vector<PairScore> pr_oai_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                    const PairOptions& options) {
  return ball_pairs(reference, a, b, options, "pr-oai", pr_oai(options.scores), false);
}

std::vector<PairScore> inception_pairs(const FeatureSet& a, const FeatureSet& b, const PairOptions& options,
                                       const char* id, const InceptionScoreOptions& choices) {
  const InceptionScorePair found = inception_score_pair(logits_of(a, id), logits_of(b, id), choices, options.swaps);
  return {{"is_mean", found.a.mean, found.b.mean, difference(found.a.replicates, found.b.replicates),
           "paired bootstrap over rows within splits", p_value(found.a.mean - found.b.mean, found.swapped),
           swaps_text(options)}};
}

std::vector<PairScore> is_tf10_pairs(const FeatureSet& /*reference*/, const FeatureSet& a, const FeatureSet& b,
                                     const PairOptions& options) {
  return inception_pairs(a, b, options, "is-tf10", is_tf10(options.scores));
}

std::vector<PairScore> is_oai5000_pairs(const FeatureSet& /*reference*/, const FeatureSet& a, const FeatureSet& b,
                                        const PairOptions& options) {
  return inception_pairs(a, b, options, "is-oai5000", is_oai5000(options.scores));
}

/// Rows of both sets in one Fréchet distance to `reference`.
FrechetPair frechet_of(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b, Divisor divisor,
                       const PairOptions& options) {
  check_widths(reference, a);
  check_widths(reference, b);
  if (a.count < 2) throw InputError(fmt::format("{}: holds {} sample; a covariance needs at least 2", a.name, a.count));
  constexpr const char* what = "a paired Fréchet distance";
  return frechet_pair(features_of(a, what), features_of(b, what), gaussian(reference, divisor), divisor,
                      options.scores.bootstrap, options.scores.seed);
}

std::vector<PairScore> frechet_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                     const PairOptions& options, const char* metric, Divisor divisor) {
  const FrechetPair found = frechet_of(reference, a, b, divisor, options);
  return {{metric, found.a, found.b, found.differences,
           found.replicates.a.empty() ? "paired bootstrap over generated rows, first order"
                                      : "paired bootstrap over generated rows",
           p_value_of_shares(found.shares, options), swaps_text(options) + ", first order"}};
}

std::vector<PairScore> fid_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                 const PairOptions& options) {
  return frechet_pairs(reference, a, b, options, "fid", Divisor::n_minus_1);
}

std::vector<PairScore> fid_over_n_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                        const PairOptions& options) {
  return frechet_pairs(reference, a, b, options, "fid", Divisor::n);
}

std::vector<PairScore> fd_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                const PairOptions& options) {
  return frechet_pairs(reference, a, b, options, "fd", Divisor::n_minus_1);
}

std::vector<PairScore> sfid_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                  const PairOptions& options) {
  return frechet_pairs(spatial_of(reference), a, b, options, "sfid", Divisor::n_minus_1);
}

/// Both limits from the same rows of either set. Their difference spreads with the rows as that of the distances of
/// all rows, to first order, and with the fit.
std::vector<PairScore> fid_infinity_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                          const PairOptions& options) {
  const std::uint64_t seed = options.scores.seed;
  const FidInfinity of_a = fid_infinity(reference, a, seed, options.scores.level);
  const FidInfinity of_b = fid_infinity(reference, b, seed, options.scores.level);
  const double deviation = fit_inverse(of_a.sizes, difference(of_a.values, of_b.values)).deviation;
  FrechetPair all = frechet_of(reference, a, b, Divisor::n_minus_1, options);
  for (std::size_t r = 0; r < all.differences.size(); ++r)
    all.differences[r] += deviation * RandomStream(seed, Purpose::resample, fit_stream + r).normal();
  return {{"fid_infinity", of_a.value(), of_b.value(), std::move(all.differences),
           "paired bootstrap over generated rows at n, with the error of the fit",
           p_value_of_shares(all.shares, options), swaps_text(options) + ", of the distance at n, first order"}};
}

}  // namespace

const std::vector<PairProtocol>& pair_protocols() {
  static const std::vector<PairProtocol> table = {
      {"fid-tf1", fid_pairs},      {"fid-torch", fid_pairs},      {"fid-clean", fid_pairs},
      {"fid-tm18", fid_pairs},     {"fid-sg3", fid_over_n_pairs}, {"fid-infinity", fid_infinity_pairs},
      {"sfid-oai", sfid_pairs},    {"fd-dinov2", fd_pairs},       {"fd-small", fd_pairs},
      {"kid-seed2020", kid_pairs}, {"prdc5", prdc5_pairs, 4},     {"pr-tf", pr_tf_pairs, 2},
      {"pr-oai", pr_oai_pairs, 2}, {"is-tf10", is_tf10_pairs},    {"is-oai5000", is_oai5000_pairs},
  };
  return table;
}

const PairProtocol& find_pair_protocol(const std::string& id) {
  std::vector<std::string> known;
  known.reserve(pair_protocols().size());
  for (const PairProtocol& protocol : pair_protocols()) {
    if (protocol.id == id) return protocol;
    known.emplace_back(protocol.id);
  }
  throw InputError(unknown_name_message("protocol of paired comparisons", id, known));
}

}  // namespace assay
