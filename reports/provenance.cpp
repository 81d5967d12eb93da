#include "reports/provenance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/phrases.h"

namespace assay {
std::string provenance_anchor(const std::string& method, const std::string& tier, const std::string& dataset) {
  std::string anchor = fmt::format("made-{}-{}-{}", method, tier, dataset);
  const auto needs_escape = [](unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '_'; };
  std::replace_if(anchor.begin(), anchor.end(), needs_escape, '_');
  return anchor;
}

std::string rerun_command(const BatchRow& batch, const RunRow& run) {
  std::string command =
      fmt::format("assay run {} --tier {} --seeds {},", shell_quoted(run.method), shell_quoted(run.tier), run.seed);
  // A list of one seed: a number alone would be a count.
  if (batch.command.find("--dataset") != std::string::npos && !run.dataset.empty())
    command += " --dataset " + shell_quoted(run.dataset);
  if (!batch.config.is_object()) return command;
  if (const auto settings = batch.config.find("settings"); settings != batch.config.end() && settings->is_array())
    for (const nlohmann::json& setting : *settings)
      if (setting.is_string()) command += " --set " + shell_quoted(setting.get<std::string>());
  if (const auto device = batch.config.find("device"); device != batch.config.end() && device->is_string())
    command += " --device " + shell_quoted(device->get<std::string>());
  if (const auto threads = batch.config.find("threads"); threads != batch.config.end() && threads->is_number_integer())
    command += fmt::format(" --threads {}", threads->get<std::int64_t>());
  return command + " --store again.db";
}

}  // namespace assay
