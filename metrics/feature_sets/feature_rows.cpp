#include "metrics/feature_sets/feature_rows.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace assay {

void check_rows(const FeatureRows& rows, const char* what) {
  if (rows.width < 1 || static_cast<std::int64_t>(rows.values.size()) % rows.width != 0)
    throw InputError(
        fmt::format("{}: {} numbers are no whole number of vectors of width {}", what, rows.values.size(), rows.width));
  for (std::int64_t i = 0; i < rows.count(); ++i) {
    const float* row = rows.row(i);
    float sum = 0.0f;  // NaN where a value is not finite, and the loop stays vectorised
    for (std::int64_t j = 0; j < rows.width; ++j) sum += row[j] * 0.0f;
    if (sum == 0.0f) continue;
    for (std::int64_t j = 0; j < rows.width; ++j)
      if (!std::isfinite(row[j]))
        throw InputError(fmt::format("{}: row {}, column {} is {}; expected finite numbers", what, i, j, row[j]));
  }
}

void check_pair(const FeatureRows& generated, const FeatureRows& reference) {
  check_rows(generated, "generated features");
  check_rows(reference, "reference features");
  if (generated.width != reference.width)
    throw InputError(fmt::format("generated features are {} wide and reference features {}; expected equal widths",
                                 generated.width, reference.width));
}

}  // namespace assay
