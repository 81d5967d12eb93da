#include "metrics/generative/inception_score.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/compensated_sum.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "kernels/parallel_for.h"
#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/mt19937.h"

namespace assay {
namespace {

constexpr std::int64_t chunk = 64;  // rows whose probabilities one thread sums

/// Items of RandomStream(seed, Purpose::resample, item) beyond those of the replicates.
constexpr std::uint64_t swap_stream = std::uint64_t{1} << 42;

using Indices = std::vector<std::int64_t>;

std::vector<Indices> splits_of(std::int64_t n, const InceptionScoreOptions& options) {
  std::vector<Indices> splits;
  if (options.split_size > 0) {
    splits.reserve(static_cast<std::size_t>(n / options.split_size + 1));
    for (std::int64_t first = 0; first < n; first += options.split_size) {
      splits.emplace_back(static_cast<std::size_t>(std::min(options.split_size, n - first)));
      std::iota(splits.back().begin(), splits.back().end(), first);
    }
    return splits;
  }
  if (options.splits < 1 || n < options.splits)
    throw InputError(fmt::format("an Inception Score over {} splits needs at least one row in each, and there are {}",
                                 options.splits, n));
  const Indices order = NumpyRandomState(options.seed).permutation(n);
  splits.reserve(static_cast<std::size_t>(options.splits));
  for (std::int64_t s = 0; s < options.splits; ++s)
    splits.emplace_back(order.begin() + s * n / options.splits, order.begin() + (s + 1) * n / options.splits);
  return splits;
}

/// The class probabilities of some rows.
struct Probabilities {
  at::Tensor values;             // float32 [n, classes]
  std::vector<double> negative;  // sum over classes of p log p, a row
  Eigen::ArrayXd sum;            // over rows, in double
  double negative_sum = 0.0;
};

Probabilities probabilities(const FeatureRows& logits, const Indices& rows) {
  const auto n = static_cast<std::int64_t>(rows.size()), classes = logits.width;
  Probabilities out;
  out.values = at::empty({n, classes}, at::kFloat);
  out.negative.resize(rows.size());
  float* values = out.values.mutable_data_ptr<float>();
  const std::int64_t chunks = (n + chunk - 1) / chunk;
  Eigen::ArrayXXd sums = Eigen::ArrayXXd::Zero(classes, chunks);
  at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    Eigen::ArrayXd p(classes), shifted(classes);
    for (std::int64_t c = begin; c < end; ++c) {
      for (std::int64_t i = c * chunk; i < std::min(n, (c + 1) * chunk); ++i) {
        shifted =
            Eigen::Map<const Eigen::ArrayXf>(logits.row(rows[static_cast<std::size_t>(i)]), classes).cast<double>();
        shifted -= shifted.maxCoeff();
        p = shifted.exp();
        const double whole = p.sum();
        p /= whole;
        out.negative[static_cast<std::size_t>(i)] = (p * shifted).sum() - std::log(whole);
        sums.col(c) += p;
        Eigen::Map<Eigen::ArrayXf>(values + i * classes, classes) = p.cast<float>();
      }
    }
  });
  // A plain sum drifts with the number of rows, and a score of equal rows would fall below 1.
  out.sum.resize(classes);
  for (std::int64_t k = 0; k < classes; ++k) {
    CompensatedSum sum;
    for (std::int64_t c = 0; c < chunks; ++c) sum.add(sums(k, c));
    out.sum[k] = sum.value();
  }
  CompensatedSum negative;
  for (const double value : out.negative) negative.add(value);
  out.negative_sum = negative.value();
  return out;
}

/// exp of mean p log p less q log q of the mean p, from sums over n rows. The exponent is a divergence: what lies below
/// 0 is rounding of the last digits.
template <class Sums>
double score(double negative_sum, const Eigen::ArrayBase<Sums>& sum, double n) {
  double marginal = 0.0;
  for (const double total : sum) {
    const double q = total / n;
    if (q > 0.0) marginal += q * std::log(q);
  }
  return std::exp(std::max(negative_sum / n - marginal, 0.0));
}

/// weights [r, n] times rows.
struct Weighted {
  at::Tensor sums;
  Eigen::ArrayXd row(std::int64_t r) const {
    return Eigen::Map<const Eigen::ArrayXf>(sums.const_data_ptr<float>() + r * sums.size(1), sums.size(1))
        .cast<double>();
  }
};

constexpr std::int64_t weighted_rows = 16;  // fixed blocks, so that the bits do not depend on threads

Weighted weighted(const at::Tensor& weights, const at::Tensor& values) {
  Weighted out{at::empty({weights.size(0), values.size(1)}, at::kFloat)};
  const std::int64_t rows = weights.size(0);
  at::parallel_for(0, (rows + weighted_rows - 1) / weighted_rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      stop_if_interrupted();
      const std::int64_t first = b * weighted_rows, count = std::min(weighted_rows, rows - first);
      at::Tensor part = out.sums.narrow(0, first, count);
      at::mm_out(part, weights.narrow(0, first, count), values);
    }
  });
  return out;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void summarise(InceptionScore& out) {
  out.mean = mean_of(out.splits);
  double squares = 0.0;
  for (const double value : out.splits) squares += (value - out.mean) * (value - out.mean);
  out.deviation = std::sqrt(squares / static_cast<double>(out.splits.size()));
}

/// How often replicate r draws row i of split `split`: [replicates, n].
at::Tensor draw(std::int64_t n, std::size_t split, std::size_t splits, const InceptionScoreOptions& options) {
  at::Tensor weights = at::zeros({options.replicates, n}, at::kFloat);
  float* w = weights.mutable_data_ptr<float>();
  for (std::int64_t r = 0; r < options.replicates; ++r)
    for (const std::int64_t i : resample_indices(
             n, options.bootstrap_seed, r * static_cast<std::int64_t>(splits) + static_cast<std::int64_t>(split)))
      w[r * n + i] += 1.0f;
  return weights;
}

/// Adds the replicates of one split to the means.
void add_replicates(InceptionScore& out, const Probabilities& p, const at::Tensor& weights, double splits) {
  const Weighted sums = weighted(weights, p.values);
  const std::int64_t n = weights.size(1);
  const float* w = weights.const_data_ptr<float>();
  for (std::int64_t r = 0; r < weights.size(0); ++r) {
    stop_if_interrupted();
    double negative = 0.0;
    for (std::int64_t i = 0; i < n; ++i) negative += double{w[r * n + i]} * p.negative[static_cast<std::size_t>(i)];
    out.replicates[static_cast<std::size_t>(r)] += score(negative, sums.row(r), static_cast<double>(n)) / splits;
  }
}

void check(const FeatureRows& logits) {
  check_rows(logits, "logits");
  if (logits.count() < 1) throw InputError("an Inception Score of no images is not defined");
}

}  // namespace

InceptionScore inception_score(const FeatureRows& logits, const InceptionScoreOptions& options) {
  check(logits);
  const std::vector<Indices> splits = splits_of(logits.count(), options);
  InceptionScore out;
  out.replicates.assign(static_cast<std::size_t>(options.replicates), 0.0);
  out.splits.reserve(splits.size());
  for (std::size_t s = 0; s < splits.size(); ++s) {
    const auto n = static_cast<std::int64_t>(splits[s].size());
    const Probabilities p = probabilities(logits, splits[s]);
    out.splits.push_back(score(p.negative_sum, p.sum, static_cast<double>(n)));
    if (options.replicates > 0)
      add_replicates(out, p, draw(n, s, splits.size(), options), static_cast<double>(splits.size()));
  }
  summarise(out);
  return out;
}

InceptionScorePair inception_score_pair(const FeatureRows& a, const FeatureRows& b,
                                        const InceptionScoreOptions& options, std::int64_t swaps) {
  check(a);
  check(b);
  if (a.count() != b.count() || a.width != b.width)
    throw InputError(
        fmt::format("a paired comparison of logits [{}, {}] with [{}, {}]; expected equal shapes, row i of "
                    "both from the same noise",
                    a.count(), a.width, b.count(), b.width));
  const std::vector<Indices> splits = splits_of(a.count(), options);
  const auto share = 1.0 / static_cast<double>(splits.size());
  InceptionScorePair out;
  out.a.replicates.assign(static_cast<std::size_t>(options.replicates), 0.0);
  out.b.replicates = out.a.replicates;
  out.swapped.assign(static_cast<std::size_t>(swaps), 0.0);
  for (std::size_t s = 0; s < splits.size(); ++s) {
    const auto n = static_cast<std::int64_t>(splits[s].size());
    const auto count = static_cast<double>(n);
    const Probabilities pa = probabilities(a, splits[s]), pb = probabilities(b, splits[s]);
    out.a.splits.push_back(score(pa.negative_sum, pa.sum, count));
    out.b.splits.push_back(score(pb.negative_sum, pb.sum, count));
    if (options.replicates > 0) {
      const at::Tensor weights = draw(n, s, splits.size(), options);
      add_replicates(out.a, pa, weights, 1.0 / share);
      add_replicates(out.b, pb, weights, 1.0 / share);
    }
    if (swaps == 0) continue;
    // A swapped set holds half of both sums, and half of the difference with the sign of each row's toss.
    at::Tensor signs = at::empty({swaps, n}, at::kFloat);
    float* e = signs.mutable_data_ptr<float>();
    for (std::int64_t r = 0; r < swaps; ++r) {
      stop_if_interrupted();
      RandomStream random(options.bootstrap_seed, Purpose::resample,
                          swap_stream + static_cast<std::uint64_t>(r) * splits.size() + s);
      for (std::int64_t i = 0; i < n; ++i) e[r * n + i] = (random.bits() & 1u) != 0 ? 1.0f : -1.0f;
    }
    const Weighted turned = weighted(signs, pa.values.sub(pb.values));
    const Eigen::ArrayXd both = pa.sum + pb.sum;
    for (std::int64_t r = 0; r < swaps; ++r) {
      stop_if_interrupted();
      double negative = 0.0;
      for (std::int64_t i = 0; i < n; ++i)
        negative += double{e[r * n + i]} *
                    (pa.negative[static_cast<std::size_t>(i)] - pb.negative[static_cast<std::size_t>(i)]);
      const double total = pa.negative_sum + pb.negative_sum;
      const Eigen::ArrayXd difference = turned.row(r);
      out.swapped[static_cast<std::size_t>(r)] +=
          share * (score((total + negative) / 2.0, (both + difference) / 2.0, count) -
                   score((total - negative) / 2.0, (both - difference) / 2.0, count));
    }
  }
  summarise(out.a);
  summarise(out.b);
  return out;
}

}  // namespace assay
