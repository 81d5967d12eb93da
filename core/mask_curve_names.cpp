#include "core/mask_curve_names.h"

#include <array>
#include <utility>

namespace assay {
namespace {

constexpr std::array<std::pair<MaskCurve, std::string_view>, 3> prefixes{
    {{MaskCurve::precision, "mask precision: "}, {MaskCurve::recall, "mask recall: "}, {MaskCurve::f, "mask F: "}}};

}  // namespace

std::string name_of(const MaskCurveName& curve) {
  for (const auto& [kind, prefix] : prefixes)
    if (kind == curve.kind) return std::string(prefix) + curve.arm;
  return curve.arm;
}

std::optional<MaskCurveName> read_mask_curve_name(std::string_view name) {
  for (const auto& [kind, prefix] : prefixes)
    if (name.starts_with(prefix)) return MaskCurveName{kind, std::string(name.substr(prefix.size()))};
  return std::nullopt;
}

}  // namespace assay
