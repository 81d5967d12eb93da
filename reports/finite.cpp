#include "reports/finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace assay {
namespace {

bool is_finite(const std::optional<double>& value) { return !value || std::isfinite(*value); }

bool is_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

/// Drops an interval that is not finite.
void keep_finite(std::optional<ScoreInterval>& interval) {
  if (interval && !(std::isfinite(interval->low) && std::isfinite(interval->high))) interval.reset();
}

/// Takes out the rows for which `finite` is false, and says so in the words that `words` finds.
template <class Row, class Finite, class Words>
void take_out(std::vector<Row>& rows, std::vector<std::string>& said, Finite&& finite, Words&& words) {
  for (const Row& row : rows)
    if (!finite(row)) said.push_back(words(row));
  std::erase_if(rows, [&](const Row& row) { return !finite(row); });
}

bool is_finite(const TimingRow& row) {
  return std::isfinite(row.seconds) && is_finite(row.bytes) && is_finite(row.flops) &&
         is_finite(row.peak_bytes_per_second) && is_finite(row.peak_flops_per_second);
}

}  // namespace

std::vector<std::string> leave_out_what_is_not_finite(ReportData& data) {
  std::vector<std::string> said;
  take_out(
      data.scores, said, [](const ScoreRow& row) { return std::isfinite(row.value); },
      [](const ScoreRow& row) {
        return fmt::format("score {} of {} in run {} is not finite and left out", row.name,
                           row.arm.empty() ? "the run" : row.arm, row.run);
      });
  for (ScoreRow& row : data.scores) keep_finite(row.interval);
  take_out(
      data.comparisons, said,
      [](const ComparisonRow& row) { return std::isfinite(row.difference) && is_finite(row.differences); },
      [](const ComparisonRow& row) {
        return fmt::format("the difference of {} and {} in {} is not finite and left out", row.arm_a, row.arm_b,
                           row.metric);
      });
  for (ComparisonRow& row : data.comparisons) keep_finite(row.interval);
  take_out(
      data.claims, said,
      [](const ClaimRow& row) {
        return is_finite(row.statistic) && is_finite(row.low) && is_finite(row.high) && is_finite(row.values);
      },
      [](const ClaimRow& row) {
        return fmt::format("claim {} of {} rests on a number that is not finite and is left out", row.name, row.method);
      });
  std::erase_if(data.ledger, [&](const LedgerEntry& entry) {
    const ClaimRow& row = entry.current().claim;
    return !(is_finite(row.statistic) && is_finite(row.low) && is_finite(row.high) && is_finite(row.values));
  });
  take_out(
      data.curves, said, [](const CurveRow& row) { return is_finite(row.values); },
      [](const CurveRow& row) {
        return fmt::format("curve {} of stage {} in run {} holds a number that is not finite and is left out", row.name,
                           row.stage, row.run);
      });
  for (std::vector<TimingRow>* const timings : {&data.timings, &data.kernel_timings, &data.kernel_history})
    take_out(
        *timings, said, [](const TimingRow& row) { return is_finite(row); },
        [](const TimingRow& row) { return fmt::format("a time of {} is not finite and left out", row.op); });
  std::sort(said.begin(), said.end());
  said.erase(std::unique(said.begin(), said.end()), said.end());
  return said;
}

}  // namespace assay
