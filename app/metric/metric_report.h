#pragma once
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/generative/metric_row.h"
#include "metrics/protocols/protocols.h"

namespace assay {

/// What a metric command found.
struct MetricReport {
  std::string command;  // "generative", "saliency", ...
  std::vector<MetricRow> rows;
  std::vector<ProtocolUse> protocols;
  std::vector<std::string> notes;                     // one line each, on stderr and as `notes` under --json
  nlohmann::json further = nlohmann::json::object();  // beside `results` under --json
};

/// The options every metric command shares.
struct MetricOutput {
  bool json = false;
  std::filesystem::path store;  // empty: not recorded
  std::string command_line;
  /// The work's begin: reading and computing lie between it and finish(), loading the program does not.
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

/// Records the report where a store was asked for, then prints it: one JSON object (docs/schemas/metric.schema.json),
/// or an aligned table with as many digits as each interval supports. Throws InputError for a file that is no store.
void finish(const MetricReport& report, const MetricOutput& output);

/// What a command that writes a file in place of scores prints under --json: `results` is empty, `further` says what
/// was written.
void print_without_results(nlohmann::json further, const std::vector<std::string>& notes,
                           std::chrono::steady_clock::time_point started);

/// One line each on stderr.
void print_notes(const std::vector<std::string>& notes);

/// The same without repetitions, each where it first stood.
std::vector<std::string> without_repetitions(const std::vector<std::string>& notes);

/// The JSON object of a report.
nlohmann::json to_json(const MetricReport& report);

}  // namespace assay
