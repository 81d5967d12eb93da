#pragma once
#include <cstdint>
#include <span>

namespace assay {

/// A feature matrix [count, width], row-major, owned by someone else.
struct FeatureRows {
  std::span<const float> values;
  std::int64_t width = 0;

  std::int64_t count() const { return width > 0 ? static_cast<std::int64_t>(values.size()) / width : 0; }
  const float* row(std::int64_t i) const { return values.data() + i * width; }
};

/// Throws InputError when the number of values is no multiple of the width, and on a value that is not finite (naming
/// row and column). `what` names the set: "generated features".
void check_rows(const FeatureRows& rows, const char* what);

/// check_rows() of both, and that their widths are equal.
void check_pair(const FeatureRows& generated, const FeatureRows& reference);

}  // namespace assay
