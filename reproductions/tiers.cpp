#include "reproductions/tiers.h"

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/method_texts.h"

namespace assay {

nlohmann::json tier_preset(const char* text, const std::string& method, Tier tier, const std::string& dataset) {
  const nlohmann::json presets = parse_json(text, method + "/presets.json");
  const std::string name = name_of(tier);
  std::vector<std::string> known;
  for (const auto& [other, value] : presets.items()) known.push_back(other);
  if (!presets.contains(name)) throw InputError(method + ": " + unknown_name_message("tier", name, known));
  nlohmann::json preset = presets.at(name);
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
