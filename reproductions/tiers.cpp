#include "reproductions/tiers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/method_texts.h"

namespace assay {
namespace {

/// The preset of a tier: as it is written, or what the tier that it is `like` has, patched. `above`: the tiers that led
/// here.
nlohmann::json resolved(const nlohmann::json& presets, const std::string& tier, const std::string& method,
                        std::vector<std::string> above = {}) {
  if (!presets.contains(tier)) {
    std::vector<std::string> known;
    for (const auto& [name, preset] : presets.items()) known.push_back(name);
    const std::string where = above.empty() ? method : fmt::format("{}/presets.json: {}.like", method, above.back());
    throw InputError(fmt::format("{}: {}", where, unknown_name_message("tier", tier, known)));
  }
  const bool circular = std::find(above.begin(), above.end(), tier) != above.end();
  above.push_back(tier);
  if (circular)
    throw InputError(fmt::format("{}/presets.json: like goes in a circle: {}", method, join(above, " -> ")));
  nlohmann::json patch = presets.at(tier);
  if (!patch.contains("like")) return patch;
  if (!patch.at("like").is_string())
    throw InputError(fmt::format("{}/presets.json: {}.like is {}; accepted: the name of another tier", method, tier,
                                 patch.at("like").dump()));
  const auto like = patch.at("like").get<std::string>();
  patch.erase("like");
  nlohmann::json preset = resolved(presets, like, method, std::move(above));
  preset.merge_patch(patch);
  return preset;
}

}  // namespace

nlohmann::json tier_preset(const char* text, const std::string& method, Tier tier, const std::string& dataset) {
  nlohmann::json preset = resolved(parse_json(text, method + "/presets.json"), name_of(tier), method);
  const nlohmann::json on = preset.value("on", nlohmann::json::object());
  preset.erase("on");
  if (!dataset.empty() && preset.contains("dataset") && dataset != preset.at("dataset").at("name")) {
    preset["dataset"] = {{"name", dataset}, {"size", preset.at("dataset").at("size")}};
    if (on.contains(dataset)) preset.merge_patch(on.at(dataset));
  }
  return preset;
}

nlohmann::json method_preset(const std::string& method, Tier tier, const std::string& dataset) {
  return tier_preset(method_texts(method).presets, method, tier, dataset);
}

std::vector<std::string> dataset_needs(const DatasetSpec& dataset) {
  // Files named by the user take the place of the packages'.
  if (!dataset.font.empty() && !dataset.emoji_list.empty()) return {};
  const std::string missing = dataset_entry(dataset.name).missing();
  return missing.empty() ? std::vector<std::string>{} : std::vector<std::string>{missing};
}

}  // namespace assay
