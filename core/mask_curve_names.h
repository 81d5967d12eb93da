#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace assay {

/// Curves over grey levels that a method records and the report draws: how found masks agree with the true ones when
/// what reaches a level counts as found, as means over images. Their steps are the levels, 0 to 255.
enum class MaskCurve { precision, recall, f };

struct MaskCurveName {
  MaskCurve kind = MaskCurve::precision;
  std::string arm;
};

/// "mask precision: cut".
std::string name_of(const MaskCurveName& curve);
/// What such a name says; none of the name of another curve.
std::optional<MaskCurveName> read_mask_curve_name(std::string_view name);

}  // namespace assay
