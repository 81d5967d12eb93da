#include "metrics/generative/ball_distances.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "core/error.h"
#include "kernels/parallel_for.h"

namespace assay {

std::vector<float> mean_row(const FeatureRows& rows) {
  std::vector<double> sum(static_cast<std::size_t>(rows.width), 0.0);
  for (std::int64_t i = 0; i < rows.count(); ++i)
    for (std::int64_t d = 0; d < rows.width; ++d) sum[static_cast<std::size_t>(d)] += double{rows.row(i)[d]};
  std::vector<float> mean(sum.size());
  for (std::size_t d = 0; d < sum.size(); ++d) mean[d] = static_cast<float>(sum[d] / static_cast<double>(rows.count()));
  return mean;
}

bool fits_half(const FeatureRows& rows) {
  for (std::int64_t i = 0; i < rows.count(); ++i) {
    double norm = 0.0;
    for (std::int64_t d = 0; d < rows.width; ++d) norm += double{rows.row(i)[d]} * double{rows.row(i)[d]};
    if (!(norm < 16000.0)) return false;  // a distance may be four times that
  }
  return true;
}

ComparedRows compared_rows(const FeatureRows& rows, const std::vector<float>& centre, BallDistance distance,
                           const char* what) {
  ComparedRows side;
  side.rows = rows.values.data();
  side.count = rows.count();
  side.width = rows.width;
  if (distance == BallDistance::half_squared) {
    side.rounded.assign(rows.values.begin(), rows.values.end());
    for (float& value : side.rounded) value = static_cast<float>(c10::Half(value));
    side.rows = side.rounded.data();
    side.raw_norms.resize(static_cast<std::size_t>(side.count));
    side.half_norms.resize(static_cast<std::size_t>(side.count));
  }
  side.centred = at::empty({side.count, side.width}, at::kFloat);
  float* centred = side.centred.mutable_data_ptr<float>();
  side.lengths.resize(static_cast<std::size_t>(side.count));
  side.norms.resize(side.lengths.size());
  at::parallel_for(0, side.count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = side.row(i);
      float* to = centred + i * side.width;
      double sum = 0.0;
      for (std::int64_t d = 0; d < side.width; ++d) to[d] = from[d] - centre[static_cast<std::size_t>(d)];
      for (std::int64_t d = 0; d < side.width; ++d) sum += double{to[d]} * double{to[d]};
      const auto at = static_cast<std::size_t>(i);
      side.lengths[at] = std::sqrt(sum);
      side.norms[at] = static_cast<float>(sum);
      if (distance != BallDistance::half_squared) continue;
      double raw = 0.0, squares = 0.0;
      for (std::int64_t d = 0; d < side.width; ++d) {
        const double square = double{from[d]} * double{from[d]};
        raw += square;
        squares += rounded_to_half(square);
      }
      side.raw_norms[at] = raw;
      side.half_norms[at] = rounded_to_half(squares);
    }
  });
  for (std::size_t i = 0; i < side.lengths.size(); ++i) {
    // float32 products would overflow; infinity, where a value does not fit float16, fails the comparison too.
    if (!(side.lengths[i] < 3e18))
      throw InputError(fmt::format("{}: row {} holds values too large to compare (up to 1e18 is accepted{})", what, i,
                                   distance == BallDistance::half_squared ? ", 65504 in float16" : ""));
    side.longest = std::max(side.longest, side.lengths[i]);
    if (!side.raw_norms.empty()) side.largest_raw_norm = std::max(side.largest_raw_norm, side.raw_norms[i]);
  }
  return side;
}

}  // namespace assay
