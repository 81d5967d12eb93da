#include "reproductions/tiers.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/method_texts.h"

namespace assay {
namespace {

/// Adds a line where the place that `part` names by `key` is empty. Files lie in `folder`.
void add_absent(std::vector<std::string>& lines, const std::string& name, const nlohmann::json& part, const char* key,
                const std::filesystem::path& folder) {
  if (!part.contains(key)) return;
  const std::filesystem::path path = std::filesystem::absolute(folder / part.at(key).get<std::string>());
  if (!std::filesystem::exists(path))
    lines.push_back(fmt::format("{}: nothing at {}; {}", name, path.lexically_normal().string(),
                                part.value("from", "see `--dry-run`")));
}

}  // namespace

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

std::vector<std::string> preset_lacks(const nlohmann::json& preset) {
  if (preset.contains("dataset")) return dataset_needs(read_dataset_spec(preset.at("dataset"), "dataset"));
  std::vector<std::string> lines;
  const nlohmann::json files = preset.value("files", nlohmann::json::object());
  const std::filesystem::path folder = files.value("folder", "");
  for (const auto& [group, parts] : preset.items()) {
    if (!parts.is_object() || group == "files") continue;
    for (const auto& [name, part] : parts.items()) {
      if (!part.is_object()) continue;
      add_absent(lines, name, part, "file", folder);
      add_absent(lines, name, part, "masks", folder);
      add_absent(lines, name, part, "folder", "");
    }
  }
  add_absent(lines, "Inception", files, "inception", folder);
  return lines;
}

}  // namespace assay
