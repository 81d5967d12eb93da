#include "metrics/generative/kid.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "kernels/chosen_rows.h"
#include "kernels/parallel_for.h"
#include "metrics/generative/kernel_sums.h"
#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/mt19937.h"

namespace assay {
namespace {

/// Items of RandomStream(seed, Purpose::resample, item) beyond those of the replicates.
constexpr std::uint64_t subset_stream = std::uint64_t{1} << 40;
constexpr std::uint64_t choice_stream = std::uint64_t{1} << 41;

using Indices = std::vector<std::int64_t>;

at::Tensor as_tensor(const FeatureRows& rows) {
  return at::from_blob(const_cast<float*>(rows.values.data()), {rows.count(), rows.width}, at::kFloat);
}

RowWeights ones(std::int64_t n) { return {at::ones({n, 1}, at::kDouble), {}}; }

/// Unbiased estimate from the sums of kernel values over ordered pairs.
double unbiased(double within_x, double within_y, double across, std::int64_t n, std::int64_t m) {
  const auto a = static_cast<double>(n), b = static_cast<double>(m);
  return within_x / (a * (a - 1.0)) + within_y / (b * (b - 1.0)) - 2.0 * across / (a * b);
}

struct Draws {
  std::vector<Indices> generated, reference;
};

Draws draw_subsets(std::int64_t generated, std::int64_t reference, const KidOptions& options) {
  NumpyRandomState random(options.seed);
  Draws out;
  out.generated.reserve(static_cast<std::size_t>(options.subsets));
  out.reference.reserve(static_cast<std::size_t>(options.subsets));
  for (std::int64_t s = 0; s < options.subsets; ++s) {
    if (options.reference_first) out.reference.push_back(random.choice(reference, options.subset_size));
    out.generated.push_back(random.choice(generated, options.subset_size));
    if (!options.reference_first) out.reference.push_back(random.choice(reference, options.subset_size));
  }
  return out;
}

/// One for every member of each subset and, last, for every row; and how often each replicate draws a row.
RowWeights make_weights(std::int64_t n, const std::vector<Indices>& subsets, std::int64_t replicates,
                        std::uint64_t seed) {
  const auto columns = static_cast<std::int64_t>(subsets.size()) + 1;
  RowWeights out{at::zeros({n, columns}, at::kDouble), at::zeros({n, replicates}, at::kFloat)};
  double* w = out.exact.mutable_data_ptr<double>();
  for (std::int64_t s = 0; s + 1 < columns; ++s)
    for (const std::int64_t i : subsets[static_cast<std::size_t>(s)]) w[i * columns + s] = 1.0;
  for (std::int64_t i = 0; i < n; ++i) w[(i + 1) * columns - 1] = 1.0;
  float* d = out.draws.mutable_data_ptr<float>();
  for (std::int64_t r = 0; r < replicates; ++r)
    for (const std::int64_t i : resample_indices(n, seed, r)) d[i * replicates + r] += 1.0f;
  return out;
}

/// Sum over rows of weight times sum, for each column but the last.
std::vector<double> subset_sums(const RowWeights& weights, const KernelSums& sums) {
  const std::int64_t columns = sums.exact.size(1);
  std::vector<double> out(static_cast<std::size_t>(columns - 1), 0.0);
  const double *s = sums.exact.const_data_ptr<double>(), *w = weights.exact.const_data_ptr<double>();
  for (std::int64_t i = 0; i < sums.exact.size(0); ++i, s += columns, w += columns)
    for (std::int64_t c = 0; c + 1 < columns; ++c) out[static_cast<std::size_t>(c)] += w[c] * s[c];
  return out;
}

std::vector<double> last_column(const at::Tensor& sums) {
  std::vector<double> out(static_cast<std::size_t>(sums.size(0)));
  const double* s = sums.const_data_ptr<double>() + sums.size(1) - 1;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = s[static_cast<std::int64_t>(i) * sums.size(1)];
  return out;
}

/// What one arm needs besides the subsets: the bootstrap over all pairs and the shares of its rows.
struct Resampled {
  std::vector<double> estimates;       // of each replicate, up to a constant
  std::vector<double> within, across;  // sums of a row's kernel values with the other rows, with the reference
};

Resampled resampled(const RowWeights& weights, const KernelSums& within, const KernelSums& across, std::int64_t m) {
  Resampled out{{}, last_column(within.exact), last_column(across.exact)};
  const std::int64_t n = within.exact.size(0), replicates = weights.draws.size(1);
  if (replicates == 0) return out;
  std::vector<double> pairs(static_cast<std::size_t>(replicates), 0.0), inside = pairs, outside = pairs;
  const float *w = weights.draws.const_data_ptr<float>(), *s = within.draws.const_data_ptr<float>();
  for (std::int64_t i = 0; i < n; ++i, w += replicates, s += replicates) {
    stop_if_interrupted();
    for (std::int64_t r = 0; r < replicates; ++r) {
      const auto at = static_cast<std::size_t>(r);
      const auto times = static_cast<double>(w[r]);
      pairs[at] -= times * times;
      inside[at] += times * static_cast<double>(s[r]);
      outside[at] += times * out.across[static_cast<std::size_t>(i)];
    }
  }
  const auto count = static_cast<double>(n);
  const double all = std::accumulate(out.within.begin(), out.within.end(), 0.0);
  out.estimates.resize(pairs.size());
  for (std::size_t r = 0; r < pairs.size(); ++r) {
    pairs[r] += count * count;  // of a row with another; none where one row alone was drawn
    out.estimates[r] = (pairs[r] > 0.0 ? inside[r] / pairs[r] : all / (count * (count - 1.0))) -
                       2.0 * outside[r] / (count * static_cast<double>(m));
  }
  return out;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void summarise(Kid& kid) {
  kid.mean = mean_of(kid.subsets);
  double squares = 0.0;
  for (const double value : kid.subsets) squares += (value - kid.mean) * (value - kid.mean);
  kid.deviation = std::sqrt(squares / static_cast<double>(kid.subsets.size()));
}

void add_replicates(Kid& kid, const Resampled& arm, double shrink, const KidOptions& options) {
  if (arm.estimates.empty()) return;
  const double centre = mean_of(arm.estimates);
  kid.replicates.reserve(arm.estimates.size());
  for (std::size_t r = 0; r < arm.estimates.size(); ++r) {
    double subsets = 0.0;
    for (const std::int64_t s :
         resample_indices(options.subsets, options.bootstrap_seed, static_cast<std::int64_t>(subset_stream + r)))
      subsets += kid.subsets[static_cast<std::size_t>(s)];
    kid.replicates.push_back(subsets / static_cast<double>(options.subsets) + shrink * (arm.estimates[r] - centre));
  }
}

void check(const FeatureRows& generated, const FeatureRows& reference, const KidOptions& options) {
  check_pair(generated, reference);
  if (options.subsets < 1 || options.subset_size < 2)
    throw InputError(fmt::format("a kernel distance over {} subsets of {} rows; expected at least 1 subset of 2",
                                 options.subsets, options.subset_size));
  const std::int64_t fewest = std::min(generated.count(), reference.count());
  if (fewest < options.subset_size)
    throw InputError(fmt::format(
        "a kernel distance over subsets of {} rows needs as many on each side, and there are {} generated and {} "
        "reference rows; give more{}",
        options.subset_size, generated.count(), reference.count(),
        fewest < 2 ? ""
                   : fmt::format(", or a --kid-subset-size of at most {} (another choice of the protocol)", fewest)));
}

/// The first `count` of a random order of 0..n-1, in rising order.
Indices choose(std::int64_t n, std::int64_t count, std::uint64_t seed, std::uint64_t stream) {
  RandomStream random(seed, Purpose::resample, choice_stream + stream);
  Indices order = permutation(n, random);
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

/// Arms of n rows each against one reference of m rows.
class Estimator {
 public:
  Estimator(const std::vector<FeatureRows>& arms, const FeatureRows& reference, const KidOptions& options)
      : options_(options), n_(arms[0].count()), m_(reference.count()), y_(as_tensor(reference)), kids_(arms.size()) {
    for (const FeatureRows& arm : arms) x_.push_back(as_tensor(arm));
    draws_ = draw_subsets(n_, m_, options);
  }

  std::vector<Kid> run(KidPair* pair) {
    for (Kid& kid : kids_) kid.subsets.resize(static_cast<std::size_t>(options_.subsets));
    double shrink = 1.0;
    const bool together = one_matrix();
    for (Kid& kid : kids_) kid.route = together ? "one kernel matrix" : "a kernel matrix a subset";
    if (together) {
      sum_together();
    } else {
      sum_apart();
      if (options_.replicates > 0 || pair != nullptr) shrink = sum_chosen();
    }
    for (std::size_t a = 0; a < kids_.size(); ++a) {
      summarise(kids_[a]);
      if (!std::isfinite(kids_[a].mean))
        throw InputError("features too large for a kernel distance: (x.y / d + 1)^3 overflows in float32 products");
      if (options_.replicates > 0) add_replicates(kids_[a], parts_[a], shrink, options_);
    }
    if (pair != nullptr) share(*pair);
    return std::move(kids_);
  }

 private:
  /// Whether the matrices over all rows need less work than those of the subsets.
  bool one_matrix() const {
    const auto arms = static_cast<double>(x_.size()), n = static_cast<double>(n_), m = static_cast<double>(m_);
    const auto size = static_cast<double>(options_.subset_size), subsets = static_cast<double>(options_.subsets);
    // A kernel value costs `width` operations, and four times one in float64 for each subset that sums over a matrix.
    const auto width = static_cast<double>(y_.size(1));
    return (arms * (0.5 * n * n + n * m) + 0.5 * m * m) * (width + 4.0 * subsets) <=
           subsets * size * size * (1.5 * arms + 0.5) * width;
  }

  void sum_together() {
    const RowWeights generated = make_weights(n_, draws_.generated, options_.replicates, options_.bootstrap_seed);
    const RowWeights reference = make_weights(m_, draws_.reference, 0, 0);
    const auto within_reference = subset_sums(reference, kernel_sums(y_, y_, true, reference));
    for (std::size_t a = 0; a < x_.size(); ++a) {
      const KernelSums within = kernel_sums(x_[a], x_[a], true, generated),
                       across = kernel_sums(x_[a], y_, false, reference);
      const auto inside = subset_sums(generated, within), between = subset_sums(generated, across);
      for (std::size_t s = 0; s < inside.size(); ++s)
        kids_[a].subsets[s] =
            unbiased(inside[s], within_reference[s], between[s], options_.subset_size, options_.subset_size);
      parts_.push_back(resampled(generated, within, across, m_));
    }
  }

  void sum_apart() {
    const std::int64_t size = options_.subset_size;
    at::parallel_for(0, options_.subsets, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto s = static_cast<std::size_t>(begin); s < static_cast<std::size_t>(end); ++s) {
        const at::Tensor y = chosen_rows(y_, draws_.reference[s]);
        const double within_reference = kernel_total(y, y, true);
        for (std::size_t a = 0; a < x_.size(); ++a) {
          const at::Tensor x = chosen_rows(x_[a], draws_.generated[s]);
          kids_[a].subsets[s] =
              unbiased(kernel_total(x, x, true), within_reference, kernel_total(x, y, false), size, size);
        }
      }
    });
  }

  /// The sums over all pairs of a choice of rows, which stands in for all of them from here on. Returns the factor by
  /// which a spread over so many rows is too wide for all.
  double sum_chosen() {
    const std::int64_t n = std::min(n_, kid_resampled_rows), m = std::min(m_, kid_resampled_rows);
    const Indices rows = choose(n_, n, options_.bootstrap_seed, 0);
    y_ = chosen_rows(y_, choose(m_, m, options_.bootstrap_seed, 1));
    const RowWeights generated = make_weights(n, {}, options_.replicates, options_.bootstrap_seed);
    const RowWeights reference = make_weights(m, {}, 0, 0);
    for (at::Tensor& x : x_) {
      x = chosen_rows(x, rows);
      parts_.push_back(
          resampled(generated, kernel_sums(x, x, true, generated), kernel_sums(x, y_, false, reference), m));
    }
    return std::sqrt(static_cast<double>(n) / static_cast<double>(n_));
  }

  /// With e_i = 1 where row i stays and -1 where a and b swap it, the difference of the two sums over ordered pairs is
  /// sum_i e_i (sum_j K(a_i, a_j) - K(b_i, b_j) + K(a_i, b_j) - K(b_i, a_j)): linear in e.
  void share(KidPair& pair) const {
    const std::int64_t n = x_[0].size(0);
    const KernelSums mixed = kernel_sums(x_[0], x_[1], false, ones(n), true);
    const double *rows = mixed.exact.const_data_ptr<double>(), *columns = mixed.columns.const_data_ptr<double>();
    const auto count = static_cast<double>(n);
    std::vector<double>& shares = pair.shares;
    shares.resize(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const double within = parts_[0].within[i] - parts_[1].within[i] + rows[i] - columns[i];
      const double across = parts_[0].across[i] - parts_[1].across[i];
      shares[i] = within / (count * (count - 1.0)) - 2.0 * across / (count * static_cast<double>(y_.size(0)));
    }
    double largest = 0.0;  // mean kernel value
    for (const Resampled& arm : parts_)
      largest = std::max(largest, 1.0 + std::abs(mean_of(arm.within)) / (count - 1.0));
    pair.rounding = 4.0 * static_cast<double>(std::numeric_limits<float>::epsilon()) * largest;
  }

  const KidOptions& options_;
  std::int64_t n_, m_;
  std::vector<at::Tensor> x_;
  at::Tensor y_;
  Draws draws_;
  std::vector<Kid> kids_;
  std::vector<Resampled> parts_;
};

}  // namespace

RowWeights row_resamples(std::int64_t n, std::int64_t replicates, std::uint64_t seed) {
  return make_weights(n, {}, replicates, seed);
}

std::vector<double> resampled_estimates(const RowWeights& resamples, const KernelSums& within, const KernelSums& across,
                                        std::int64_t m) {
  return resampled(resamples, within, across, m).estimates;
}

Kid kid(const FeatureRows& generated, const FeatureRows& reference, const KidOptions& options) {
  check(generated, reference, options);
  return Estimator({generated}, reference, options).run(nullptr)[0];
}

KidPair kid_pair(const FeatureRows& a, const FeatureRows& b, const FeatureRows& reference, const KidOptions& options) {
  check(a, reference, options);
  check(b, reference, options);
  if (a.count() != b.count())
    throw InputError(fmt::format("a paired comparison of {} rows with {}; expected row i of both from the same noise",
                                 a.count(), b.count()));
  KidPair out;
  std::vector<Kid> kids = Estimator({a, b}, reference, options).run(&out);
  out.a = std::move(kids[0]);
  out.b = std::move(kids[1]);
  return out;
}

}  // namespace assay
