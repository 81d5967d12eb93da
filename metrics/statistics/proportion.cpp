#include "metrics/statistics/proportion.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "core/error.h"

namespace assay {

ScoreInterval wilson_interval(std::int64_t hits, std::int64_t n, std::string method) {
  if (n < 1 || hits < 0 || hits > n) throw InputError(fmt::format("a proportion of {} hits in {} trials", hits, n));
  constexpr double z = 1.959963984540054;  // the normal's 0.975 quantile
  const auto count = static_cast<double>(n);
  const double p = static_cast<double>(hits) / count, zz = z * z / count;
  const double centre = (p + zz / 2.0) / (1.0 + zz);
  const double half = z / (1.0 + zz) * std::sqrt((p * (1.0 - p) + zz / 4.0) / count);
  // Exact at the ends, where rounding would leave a trace of half.
  return {.low = hits == 0 ? 0.0 : centre - half,
          .high = hits == n ? 1.0 : centre + half,
          .level = 0.95,
          .method = std::move(method)};
}

}  // namespace assay
