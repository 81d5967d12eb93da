#include "diffusion/networks/state_match.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "core/convertible_weights.h"
#include "core/error.h"
#include "core/numbers.h"

namespace assay {
namespace {

/// Whether a file's shape is the parameter's; under its older name, also with sides of 1 behind it, as of a 1x1
/// convolution.
bool has_shape_of(const Parameter& parameter, std::vector<std::int64_t> shape, bool older) {
  while (older && shape.size() > parameter.shape.size() && shape.back() == 1) shape.pop_back();
  return shape == parameter.shape;
}

std::string listed(const std::set<DType>& types) {
  std::vector<std::string_view> names;
  names.reserve(types.size());
  for (const DType type : types) names.push_back(name_of(type));
  return fmt::format("{}", fmt::join(names, " or "));
}

}  // namespace

StateMatch::StateMatch(const std::deque<Parameter>& parameters, const SafetensorsFile& file, const StatePart& part,
                       const std::set<DType>& fitting)
    : types(fitting) {
  const auto key_of = [&](const std::string& name) { return part.in_file + name.substr(part.of_names.size()); };
  std::vector<std::string> different, missing, unexpected;
  std::set<std::string> known;
  for (const Parameter& parameter : parameters) {
    if (!parameter.name.starts_with(part.of_names)) continue;
    std::string key = key_of(parameter.name);
    const bool older = !file.has(key) && !parameter.older_name.empty() && file.has(key_of(parameter.older_name));
    if (older) key = key_of(parameter.older_name);
    if (!file.has(key)) {
      missing.push_back("missing " + key);
      continue;
    }
    known.insert(key);
    const TensorView& view = file.at(key);
    if (!has_shape_of(parameter, view.shape, older))
      different.push_back(
          fmt::format("{} is [{}], expected [{}]", key, fmt::join(view.shape, ", "), fmt::join(parameter.shape, ", ")));
    else if (!types.contains(view.type))
      different.push_back(fmt::format("{} is {}, expected {}", key, view.type_name(), listed(types)));
    else
      pairs.emplace_back(&parameter, &view);
  }
  for (const auto& [key, view] : file.tensors())
    if (can_be_network_state(view.type) && key.starts_with(part.in_file) && !known.contains(key))
      unexpected.push_back("unknown key " + key);

  const std::size_t total = different.size() + missing.size() + unexpected.size();
  if (total == 0) return;
  std::vector<std::string> first;
  for (std::size_t i = 0; first.size() < std::min<std::size_t>(total, 10); ++i)
    for (const auto* kind : {&different, &missing, &unexpected})
      if (i < kind->size() && first.size() < 10) first.push_back((*kind)[i]);
  fault =
      fmt::format("{} wrong keys ({} of another shape or type, {} missing, {} unknown): {}{}", total, different.size(),
                  missing.size(), unexpected.size(), fmt::join(first, "; "), total > first.size() ? "; ..." : "");
}

void require_match(const StateMatch& match, const SafetensorsFile& file) {
  if (match.fault.empty()) return;
  const std::string hint = conversion_hint(file, match.types);
  throw InputError(
      fmt::format("{}: does not fit this network: {}{}{}", file.path(), match.fault, hint.empty() ? "" : ". ", hint));
}

std::string mixed_types(const StateMatch& match) {
  std::map<DType, std::vector<std::string_view>> by_type;
  for (const auto& [parameter, view] : match.pairs) by_type[view->type].push_back(parameter->name);
  if (by_type.size() < 2) return "";
  std::vector<std::string> found;
  found.reserve(by_type.size());
  for (const auto& [type, names] : by_type)
    found.push_back(names.size() == 1
                        ? fmt::format("{} (1 tensor, {})", name_of(type), names.front())
                        : fmt::format("{} ({} tensors, the first {})", name_of(type), names.size(), names.front()));
  return fmt::format("{}", fmt::join(found, " and "));
}

}  // namespace assay
