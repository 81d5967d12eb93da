#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "reports/pages/document.h"
#include "store/rows.h"

namespace assay {

// How the rows of a store are put into words, the same in every section.

/// Anchors of a run's row, of a protocol's part, of a difference's row, and of the row of the scores whose first one
/// is `score`.
std::string run_anchor(RowId run);
std::string protocol_anchor(RowId protocol);
std::string comparison_anchor(RowId comparison);
std::string score_anchor(RowId score);
/// "2026-11-22 12:50 UTC" of "2026-11-22T12:50:03.123Z".
std::string date_text(const std::string& time);
/// Seconds since 1970 of a time as the store writes it; none when it is empty or malformed.
std::optional<double> seconds_of(const std::string& time);
/// A JSON value as people write it: strings without quotes, numbers short.
std::string value_text(const nlohmann::json& value);
/// "libtorch 2.11.0, sqlite 3.40.1": the members of an object; empty when it is none.
std::string members_text(const nlohmann::json& object, const char* between = " ");
/// "EPYC 7B13, 2 cores, Debian 12"; what else the machine says follows by name.
std::string machine_text(const nlohmann::json& machine);
/// Params other than the guidance weight: "k = 100, steps = 25".
std::string other_params(const nlohmann::json& params);
/// "1.5", "2".
std::string weight_text(double w);
/// "w = 2, k = 100".
std::string params_text(const nlohmann::json& params);
/// "lower is better"; empty when unstated.
std::string direction_text(Better better);
/// "0, 1, 2".
std::string seeds_text(const std::vector<std::int64_t>& seeds);
/// A chip in the colour of a verdict.
Span verdict_chip(std::string text, Verdict verdict);
/// A value with the digits of its interval, and that interval; empty where there is none.
std::string value_of(double value, const std::optional<ScoreInterval>& interval);
std::string interval_of(const std::optional<ScoreInterval>& interval);
/// "95%, t over 3 seeds".
std::string level_text(const ScoreInterval& interval);
/// "Interval: 95%, t over 3 seeds." of all intervals in a table.
std::string interval_note(const std::vector<std::string>& levels);
/// "1,000", or "900–1,000" where the values count differently. At least one value.
std::string count_range(const std::vector<ScoreRow>& values);
/// As the field spells it: "fd" -> "FD", "iou" -> "IoU", "accuracy_one_to_one" -> "Accuracy one to one".
std::string metric_title(const std::string& name);
/// Whether a score compares two labelings: nmi, ami, ari, ...
bool is_clustering(const std::string& name);

/// The distinct values in the order in which they first occur, empty ones left out.
template <class Row, class Value>
std::vector<std::string> distinct(const std::vector<Row>& rows, Value&& value) {
  std::vector<std::string> values;
  for (const Row& row : rows) {
    std::string text = value(row);
    if (!text.empty() && std::find(values.begin(), values.end(), text) == values.end())
      values.push_back(std::move(text));
  }
  return values;
}

/// The ways in which the intervals of a table were made. Rows are pointers to what has an `interval`.
template <class Rows>
std::vector<std::string> interval_levels(const Rows& rows) {
  return distinct(rows, [](const auto& row) { return row->interval ? level_text(*row->interval) : std::string(); });
}

/// What sets a table apart from its neighbours: only what differs within the report.
class Qualifier {
 public:
  explicit Qualifier(const std::vector<RunRow>& runs);
  /// ", maskdm, emoji", or nothing.
  std::string operator()(const std::string& method, const std::string& tier, const std::string& dataset) const;

 private:
  bool methods_, tiers_, datasets_;
};

}  // namespace assay
