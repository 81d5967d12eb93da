#pragma once
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/score_interval.h"

namespace assay {

/// One value: an element of `results` under --json and a line of the table.
struct MetricRow {
  std::string protocol;
  std::string metric;
  /// NaN: not defined here, null in JSON; then `note` says why.
  double value = std::numeric_limits<double>::quiet_NaN();
  std::optional<ScoreInterval> interval;
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
