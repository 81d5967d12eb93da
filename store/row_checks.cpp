#include "store/row_checks.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace assay::rows {

void require(bool condition, const std::string& message) {
  if (!condition) throw Error(message);
}

void require_finite(double value, const std::string& what) {
  require(std::isfinite(value), fmt::format("store: {} is {}, only finite numbers are recorded", what, value));
}

void require_finite(const std::optional<double>& value, const std::string& what) {
  if (value) require_finite(*value, what);
}

void require_name(const std::string& name, const std::string& what) {
  require(!name.empty(), fmt::format("store: {} is empty", what));
}

void require_interval(const std::optional<ScoreInterval>& interval, const std::string& what) {
  if (!interval) return;
  require_finite(interval->low, what + ": low");
  require_finite(interval->high, what + ": high");
  require(interval->low <= interval->high,
          fmt::format("store: {}: low {} is above high {}", what, interval->low, interval->high));
  require(interval->level > 0 && interval->level < 1,
          fmt::format("store: {}: level is {}, expected a number between 0 and 1", what, interval->level));
}

void require_finite_all(const std::vector<double>& values, const std::string& what) {
  for (std::size_t i = 0; i < values.size(); ++i) require_finite(values[i], fmt::format("{}[{}]", what, i));
}

void check(const TimingRow& timing) {
  require_name(timing.op, "op of a timing");
  require_name(timing.device, "device of timing " + timing.op);
  require_finite(timing.seconds, "seconds of timing " + timing.op);
  require(timing.seconds >= 0, fmt::format("store: timing {} took {} s", timing.op, timing.seconds));
  require(timing.threads >= 1 && timing.items >= 0 && timing.repetition >= 0,
          fmt::format("store: timing {}: threads {}, items {}, repetition {}", timing.op, timing.threads, timing.items,
                      timing.repetition));
  require_finite(timing.bytes, "bytes of timing " + timing.op);
  require_finite(timing.flops, "flops of timing " + timing.op);
  require_finite(timing.peak_bytes_per_second, "peak of timing " + timing.op);
  require_finite(timing.peak_flops_per_second, "peak of timing " + timing.op);
}

void check(const ComparisonRow& row) {
  const std::string what = fmt::format("comparison {} - {} of {}", row.arm_a, row.arm_b, row.metric);
  require_name(row.metric, "metric of a comparison");
  require_finite(row.difference, what);
  require_interval(row.interval, what);
  require_finite(row.p_value, what + ": p_value");
  require_finite(row.p_adjusted, what + ": p_adjusted");
  require_finite_all(row.differences, what);
  require(!row.seeds.empty() && row.seeds.size() == row.differences.size(),
          fmt::format("store: {}: {} seeds, {} differences", what, row.seeds.size(), row.differences.size()));
}

void check(const ClaimRow& row) {
  require_name(row.name, "name of a claim");
  require_finite(row.statistic, "statistic of claim " + row.name);
  require_finite(row.low, "low of claim " + row.name);
  require_finite(row.high, "high of claim " + row.name);
  require_finite_all(row.values, "value of claim " + row.name);
  require(row.values.empty() || row.values.size() == row.seeds.size(),
          fmt::format("store: claim {}: {} seeds, {} values", row.name, row.seeds.size(), row.values.size()));
  require(row.low.has_value() == row.high.has_value() && (!row.low || *row.low <= *row.high),
          fmt::format("store: claim {}: needs both low and high, low first", row.name));
}

void check(const BaselineRow& row) {
  require_name(row.name, "name of a baseline");
  require(row.batch != 0, fmt::format("store: baseline {} is of no batch", row.name));
}

void check(const PublishedRow& row) {
  const std::string what = fmt::format("published {}, {}, {}", row.title, row.label, row.metric);
  require_name(row.title, "title of a published table");
  require_name(row.label, "label of a row of " + row.title);
  require_name(row.metric, "metric of " + row.title);
  require_finite(row.value, what);
  require(row.value.has_value() != row.printed.empty(),
          fmt::format("store: {}: needs the number and how it is printed, or neither", what));
  require(!row.value || !row.trust.empty(), fmt::format("store: {}: a number needs a trust tag", what));
}

}  // namespace assay::rows
