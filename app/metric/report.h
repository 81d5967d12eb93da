#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace assay {

/// An interval of a value and how it was made.
struct MetricInterval {
  double low = 0, high = 0;
  double level = 0.95;
  std::string method;  // as in "bootstrap over samples, 200"
};

/// One value: an element of `results` under --json and a line of the table.
struct MetricRow {
  std::string protocol;
  std::string metric;
  /// NaN: not defined here, null in JSON; then `note` says why.
  double value = std::numeric_limits<double>::quiet_NaN();
  std::optional<MetricInterval> interval;
  std::optional<std::int64_t> n, n_reference, n_generated;
  /// What the value is of, where not of everything: "class 7", "tail". Empty for the whole.
  std::string part;
  std::string note;
  /// Further keys of the JSON row, flat: {"route": "low-rank"}. No key of the schema's own.
  nlohmann::json extra = nlohmann::json::object();
  /// The raw values behind it (per image, per subset), for the store; `sample_kind` says what one of them is.
  std::vector<double> samples;
  std::string sample_kind = "image";
};

/// A protocol with the choices of this use: hashes, counts, seeds (metrics/protocols.h has the fixed part).
struct MetricProtocolUse {
  std::string id;
  nlohmann::json choices = nlohmann::json::object();
};

/// What a metric command found.
struct MetricReport {
  std::string command;  // "generative", "saliency", ...
  std::vector<MetricRow> rows;
  std::vector<MetricProtocolUse> protocols;
  std::vector<std::string> notes;                     // one line each, on stderr
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
void print_without_results(nlohmann::json further, std::chrono::steady_clock::time_point started);

/// The JSON object of a report.
nlohmann::json to_json(const MetricReport& report);

}  // namespace assay
