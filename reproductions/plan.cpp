#include "reproductions/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/safetensors.h"

namespace assay {

bool NeededFile::present() const {
  return folder ? std::filesystem::is_directory(path) : std::filesystem::is_regular_file(path);
}

std::string NeededFile::place() const { return std::filesystem::absolute(path).lexically_normal().string(); }

std::string NeededFile::how_to_get() const {
  const std::string lacks = fmt::format("{}: no {} {}; ", what, folder ? "folder" : "file", place());
  if (official.empty())
    return lacks + fmt::format("none is published: {}{}", source,
                               converted ? fmt::format("; `python3 tools/convert_weights.py CHECKPOINT {}` converts it",
                                                       path.string())
                                         : "");
  if (!converted) return lacks + fmt::format("get {} ({}) and put it there", official, source);
  return lacks + fmt::format("get {} ({}) and convert it: `python3 tools/convert_weights.py {} {}`", official, source,
                             official, path.string());
}

nlohmann::json to_json(const NeededFile& file) {
  return {{"what", file.what},
          {"path", file.place()},
          {"present", file.present()},
          {"official", file.official.empty() ? nlohmann::json() : nlohmann::json(file.official)},
          {"source", file.source},
          {"sha256", file.sha256.empty() ? nlohmann::json() : nlohmann::json(file.sha256)}};
}

std::vector<std::string> missing_lines(const std::vector<NeededFile>& files) {
  std::vector<std::string> lines;
  std::set<std::filesystem::path> seen;
  for (const NeededFile& file : files)
    if (seen.insert(file.path).second && !file.present()) lines.push_back(file.how_to_get());
  return lines;
}

void check_source(const NeededFile& file) {
  if (!file.converted || file.sha256.empty()) return;
  const SafetensorsFile stored(file.path);
  const auto made_from = stored.metadata().find("source_sha256");
  if (made_from != stored.metadata().end() && !made_from->second.starts_with(file.sha256))
    throw InputError(fmt::format("{}: was converted from a file whose SHA-256 is {}; that of {} begins with {}",
                                 file.path.string(), made_from->second, file.official, file.sha256));
}

std::vector<NeededFile> PublishedPlan::files() const {
  std::map<std::string, NeededFile> by_place;
  for (const PlannedRow& row : rows)
    for (const NeededFile& file : row.files) by_place.emplace(file.place(), file);
  std::vector<NeededFile> files;
  for (auto& [place, file] : by_place) files.push_back(std::move(file));
  return files;
}

double PublishedPlan::hours(const PlannedRow& row) const {
  const double seconds = (row.training_flops + row.flops * static_cast<double>(row.images)) / speed.flops_per_second;
  return seconds / 3600;
}

nlohmann::json to_json(const PublishedPlan& plan) {
  nlohmann::json rows = nlohmann::json::array(), files = nlohmann::json::array();
  for (const PlannedRow& row : plan.rows) {
    nlohmann::json networks = nlohmann::json::array(), paths = nlohmann::json::array();
    for (const PlannedNetwork& network : row.networks)
      networks.push_back({{"role", network.role},
                          {"configuration", network.configuration},
                          {"parameters", network.cost.parameters},
                          {"flops", network.cost.flops},
                          {"flags", network.flags}});
    for (const NeededFile& file : row.files) paths.push_back(file.place());
    rows.push_back({{"name", row.name},
                    {"settings", row.settings},
                    {"files", std::move(paths)},
                    {"networks", std::move(networks)},
                    {"images", row.images},
                    {"flops_per_image", row.flops},
                    {"training_flops", row.training_flops},
                    {"memory_bytes", row.memory_bytes},
                    {"loading_bytes", row.loading_bytes},
                    {"hours", plan.hours(row)},
                    {"departures", row.departures},
                    {"unknown", row.unknown}});
  }
  for (const NeededFile& file : plan.files()) files.push_back(to_json(file));
  return {{"speed",
           {{"flops_per_second", plan.speed.flops_per_second}, {"device", plan.speed.device}, {"how", plan.speed.how}}},
          {"files", std::move(files)},
          {"rows", std::move(rows)}};
}

std::vector<std::string> departures(const nlohmann::json& published, const nlohmann::json& config,
                                    const std::string& row, const std::vector<std::string>& free) {
  // A row's name may hold what a JSON pointer escapes.
  const std::string rows = "/published/", own = (nlohmann::json::json_pointer() / "published" / row).to_string();
  const auto under = [](const std::string& path, const std::string& parent) {
    return path == parent || path.starts_with(parent + "/");
  };
  std::set<std::string> found;
  for (const auto& change : nlohmann::json::diff(published, config)) {
    const std::string path = change.at("path").get<std::string>();
    const bool other_row = path.starts_with(rows) && !under(path, own);
    if (!other_row && std::none_of(free.begin(), free.end(), [&](const auto& name) { return under(path, name); }))
      found.insert(path);
  }
  return {found.begin(), found.end()};
}

}  // namespace assay
