#include "reproductions/tiers.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "datasets/photographs.h"
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

nlohmann::json preset_in(const nlohmann::json& presets, const std::string& method, Tier tier,
                         const std::string& dataset) {
  nlohmann::json preset = resolved(presets, name_of(tier), method);
  const nlohmann::json on = preset.value("on", nlohmann::json::object());
  preset.erase("on");
  if (!dataset.empty() && preset.contains("dataset") && dataset != preset.at("dataset").at("name")) {
    preset["dataset"] = {{"name", dataset}, {"size", preset.at("dataset").at("size")}};
    if (on.contains(dataset)) preset.merge_patch(on.at(dataset));
  }
  return preset;
}

nlohmann::json parse_presets(const char* text, const std::string& method) {
  return parse_json(text, method + "/presets.json");
}

}  // namespace

nlohmann::json tier_preset(const char* text, const std::string& method, Tier tier, const std::string& dataset) {
  return preset_in(parse_presets(text, method), method, tier, dataset);
}

nlohmann::json method_preset(const std::string& method, Tier tier, const std::string& dataset) {
  // Asked for once a claim: the text, which never changes, is parsed once.
  static std::mutex mutex;
  static std::map<std::string, nlohmann::json> parsed;
  const std::lock_guard lock(mutex);
  const auto known = parsed.find(method);
  const nlohmann::json& presets =
      known != parsed.end() ? known->second
                            : parsed.emplace(method, parse_presets(method_texts(method).presets, method)).first->second;
  return preset_in(presets, method, tier, dataset);
}

std::vector<std::string> dataset_needs(const DatasetSpec& dataset) {
  std::vector<std::string> needs;
  // Files named by the user take the place of the packages'.
  const bool has_files = !dataset.folder.empty() || (!dataset.font.empty() && !dataset.emoji_list.empty());
  for (const std::string& missing :
       {has_files ? std::string() : dataset_entry(dataset.name).missing(), photographs_missing(dataset.background)})
    if (!missing.empty()) needs.push_back(missing);
  return needs;
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
      add_absent(lines, name, part, "weights", folder);
      add_absent(lines, name, part, "folder", "");
    }
  }
  add_absent(lines, "Inception", files, "inception", folder);
  return lines;
}

}  // namespace assay
