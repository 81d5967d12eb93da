#include "metrics/generative/frechet_bootstrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "metrics/generative/frechet.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Features [n, d] of which weighted Gaussians are fitted.
class Resampler {
 public:
  Resampler(std::span<const float> features, std::int64_t width, Divisor divisor) : divisor_(divisor) {
    centre_ = gaussian(features, width).mean;  // checks as well
    rows_ = Eigen::Map<const RowMajor>(features.data(), static_cast<Eigen::Index>(features.size()) / width, width)
                .cast<double>()
                .transpose();
    rows_.colwise() -= centre_;  // small numbers: the outer products lose nothing to a large mean
  }

  std::int64_t count() const { return rows_.cols(); }

  Gaussian fit(const std::vector<std::int64_t>& indices) const {
    std::vector<std::int64_t> times(static_cast<std::size_t>(count()), 0);
    for (const std::int64_t index : indices) ++times[static_cast<std::size_t>(index)];
    const auto drawn =
        static_cast<Eigen::Index>(std::count_if(times.begin(), times.end(), [](auto t) { return t > 0; }));
    MatrixXd weighted(rows_.rows(), drawn);
    VectorXd sum = VectorXd::Zero(rows_.rows());
    Eigen::Index column = 0;
    for (Eigen::Index i = 0; i < rows_.cols(); ++i) {
      const auto weight = static_cast<double>(times[static_cast<std::size_t>(i)]);
      if (weight == 0.0) continue;
      sum += weight * rows_.col(i);
      weighted.col(column++) = std::sqrt(weight) * rows_.col(i);
    }
    const auto n = static_cast<double>(count());
    Gaussian out;
    out.count = count();
    const VectorXd offset = sum / n;
    out.mean = centre_ + offset;
    out.covariance = MatrixXd::Zero(rows_.rows(), rows_.rows());
    out.covariance.selfadjointView<Eigen::Lower>().rankUpdate(weighted);
    out.covariance.selfadjointView<Eigen::Lower>().rankUpdate(offset, -n);
    out.covariance /= divisor_ == Divisor::n ? n : n - 1.0;
    out.covariance.triangularView<Eigen::StrictlyUpper>() = out.covariance.transpose();
    return out;
  }

 private:
  Divisor divisor_;
  VectorXd centre_;
  MatrixXd rows_;  // one sample a column
};

/// frechet() calls LibTorch, with threads of its own, beyond this width.
int replicate_threads(std::int64_t width, int threads) { return width > 128 ? 1 : threads; }

}  // namespace

std::vector<double> frechet_bootstrap(std::span<const float> features, std::int64_t width, const Gaussian& reference,
                                      std::int64_t replicates, std::uint64_t seed, Divisor divisor, int threads) {
  const Resampler resampler(features, width, divisor);
  if (replicates < 1) throw InputError(fmt::format("a bootstrap needs at least 1 replicate, got {}", replicates));
  std::vector<double> values(static_cast<std::size_t>(replicates));
  parallel_for(replicates, replicate_threads(width, threads), [&](std::int64_t r, int) {
    values[static_cast<std::size_t>(r)] =
        frechet(reference, resampler.fit(resample_indices(resampler.count(), seed, r))).value;
  });
  return values;
}

std::vector<double> PairedReplicates::differences() const {
  std::vector<double> out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] - b[i];
  return out;
}

PairedReplicates frechet_paired_bootstrap(std::span<const float> a, std::span<const float> b, std::int64_t width,
                                          const Gaussian& reference, std::int64_t replicates, std::uint64_t seed,
                                          Divisor divisor, int threads) {
  if (a.size() != b.size()) {
    throw InputError(fmt::format("a paired bootstrap needs as many samples in both arms, got {} and {} numbers",
                                 a.size(), b.size()));
  }
  // The indices of a replicate depend on seed, replicate and count alone, so two runs are paired.
  return {frechet_bootstrap(a, width, reference, replicates, seed, divisor, threads),
          frechet_bootstrap(b, width, reference, replicates, seed, divisor, threads)};
}

}  // namespace assay
