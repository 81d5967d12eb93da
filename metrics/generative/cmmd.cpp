#include "metrics/generative/cmmd.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "core/error.h"
#include "metrics/generative/ball_distances.h"
#include "metrics/generative/kernel_sums.h"
#include "metrics/generative/kid.h"

namespace assay {
namespace {

constexpr double gamma_of_kernel = 1.0 / (2.0 * 10.0 * 10.0);
constexpr double scale = 1000.0;

at::Tensor centred(const FeatureRows& rows, const std::vector<float>& centre) {
  at::Tensor out = at::empty({rows.count(), rows.width}, at::kFloat);
  float* to = out.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < rows.count(); ++i)
    for (std::int64_t d = 0; d < rows.width; ++d)
      to[i * rows.width + d] = rows.row(i)[d] - centre[static_cast<std::size_t>(d)];
  return out;
}

}  // namespace

Cmmd cmmd(const FeatureRows& generated, const FeatureRows& reference, std::int64_t replicates, std::uint64_t seed) {
  check_pair(generated, reference);
  const std::int64_t n = generated.count(), m = reference.count();
  if (n < 2 || m < 1)
    throw InputError(fmt::format("CMMD of {} generated and {} reference rows; expected at least 2 and 1", n, m));
  const std::vector<float> centre = mean_row(reference);
  const at::Tensor x = centred(generated, centre), y = centred(reference, centre);
  const RowWeights drawn = row_resamples(n, replicates, seed);
  const RowWeights once{at::ones({m, 1}, at::kDouble), {}};
  const KernelSums within = gaussian_kernel_sums(x, x, true, gamma_of_kernel, drawn);
  const KernelSums across = gaussian_kernel_sums(x, y, false, gamma_of_kernel, once);
  const KernelSums within_reference = gaussian_kernel_sums(y, y, true, gamma_of_kernel, once);
  // In order: a sum by several threads would move last bits.
  const auto sum = [](const KernelSums& sums) {
    const double* begin = sums.exact.const_data_ptr<double>();
    return std::accumulate(begin, begin + sums.exact.numel(), 0.0);
  };
  const auto a = static_cast<double>(n), b = static_cast<double>(m);
  Cmmd out;
  out.value = scale * (sum(within) / (a * a) + sum(within_reference) / (b * b) - 2.0 * sum(across) / (a * b));
  if (!std::isfinite(out.value)) throw InputError("features too large for CMMD: float32 products overflow");
  out.replicates = resampled_estimates(drawn, within, across, m);
  for (double& replicate : out.replicates) replicate *= scale;
  return out;
}

}  // namespace assay
