#pragma once
#include <cstdint>
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

}  // namespace assay
