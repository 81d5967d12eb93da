#include "reports/gate/environment.h"

#include <fmt/format.h>

#include <set>

namespace assay {
namespace {

using Values = std::map<std::string, std::set<std::string>>;

std::string text_of(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

void add(Values& values, const std::string& what, const std::string& value) {
  if (!value.empty()) values[what].insert(value);
}

void add_machine(Values& values, const nlohmann::json& machine) {
  if (!machine.is_object()) return;
  for (const char* const key : {"cpu", "cores", "os"})
    if (const auto found = machine.find(key); found != machine.end()) add(values, key, text_of(*found));
}

}  // namespace

std::map<RowId, Environment> environments(const std::vector<BatchRow>& batches, const std::vector<RunRow>& runs,
                                          const History& history) {
  std::map<RowId, Values> by_batch;
  for (const RunRow& run : runs) {
    Values& values = by_batch[run.batch];
    add(values, "code", run.code_version);
    add(values, "device", run.device);
    add(values, "driver", run.driver);
    add_machine(values, run.machine);
    if (run.libraries.is_object())
      for (const auto& [name, version] : run.libraries.items())
        if (!version.is_null()) add(values, "library " + name, text_of(version));
  }
  for (const auto& [batch, version] : history.timing_versions) add(by_batch[batch], "code", version);
  std::set<std::pair<RowId, std::size_t>> seen;
  for (const TimingPoint& point : history.timings) {
    if (point.run != 0 || !seen.emplace(point.batch, point.subject).second) continue;
    const TimingSubject& subject = history.timing_subjects[point.subject];
    add(by_batch[point.batch], "device", subject.device);
    add_machine(by_batch[point.batch], nlohmann::json::parse(subject.machine));
  }
  for (const BatchRow& batch : batches) {
    const auto found = by_batch.find(batch.id);
    if (found == by_batch.end() || !batch.config.is_object()) continue;
    if (const auto threads = batch.config.find("threads"); threads != batch.config.end())
      add(found->second, "threads", text_of(*threads));
  }
  std::map<RowId, Environment> all;
  for (const auto& [batch, values] : by_batch)
    for (const auto& [what, texts] : values) {
      std::string joined;
      for (const std::string& text : texts) joined += (joined.empty() ? "" : " and ") + text;
      all[batch][what] = joined;
    }
  return all;
}

std::vector<EnvironmentChange> changes_between(const Environment& before, const Environment& after) {
  std::vector<EnvironmentChange> changes;
  std::set<std::string> names;
  for (const Environment* const side : {&before, &after})
    for (const auto& [what, value] : *side) names.insert(what);
  for (const std::string& what : names) {
    const auto old_value = before.find(what);
    const auto new_value = after.find(what);
    const std::string from = old_value == before.end() ? "" : old_value->second;
    const std::string to = new_value == after.end() ? "" : new_value->second;
    if (from != to) changes.push_back({what, from, to});
  }
  return changes;
}

std::string in_words(const std::vector<EnvironmentChange>& changes) {
  std::string text;
  for (const EnvironmentChange& change : changes)
    text +=
        fmt::format("{}{} {} -> {}", text.empty() ? "" : "; ", change.what,
                    change.before.empty() ? "(none)" : change.before, change.after.empty() ? "(none)" : change.after);
  return text;
}

}  // namespace assay
