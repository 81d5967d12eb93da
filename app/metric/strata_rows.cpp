#include "app/metric/strata_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"

namespace assay {
namespace {

void check(const FeatureSet& set) {
  if (!set.label_fault.empty()) throw InputError(set.label_fault);
  if (set.labels.empty())
    throw InputError(fmt::format("{}: holds no labels; scores of classes need `labels` [N] on both sides", set.name));
  if (!set.has_features() && set.logits.empty())
    throw InputError(
        fmt::format("{}: holds statistics of everything; scores of classes need `features` [N, D]", set.name));
}

GenerativeOptions options_for(std::int64_t rows, bool first, GenerativeOptions options) {
  if (!first) options.bootstrap = 0;
  if (rows <= options.kid_subset_size) {
    options.kid_subset_size = rows;
    options.kid_subsets = 1;
  }
  return options;
}

/// Adds the values of a further draw to the sums of the first.
void add(std::vector<MetricRow>& sums, const std::vector<MetricRow>& draw) {
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i].value += draw[i].value;
}

void divide(std::vector<MetricRow>& sums, const std::vector<double>& first, std::int64_t draws) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i].value /= static_cast<double>(draws);
    if (!sums[i].interval) continue;
    sums[i].interval->low += sums[i].value - first[i];
    sums[i].interval->high += sums[i].value - first[i];
  }
}

}  // namespace

std::vector<MetricRow> strata_rows(const GenerativeProtocol& protocol, const FeatureSet& reference,
                                   const FeatureSet& generated, const GenerativeOptions& options,
                                   const std::vector<Stratum>& strata, std::int64_t draws,
                                   const std::vector<MetricRow>& whole) {
  check(reference);
  check(generated);
  std::vector<MetricRow> out;
  out.reserve(strata.size() * whole.size());
  for (const Stratum& stratum : strata) {
    stop_if_interrupted();
    const std::int64_t times = has_choice(stratum, generated.labels, reference.labels) ? draws : 1;
    std::vector<MetricRow> rows;
    std::vector<double> first;
    std::int64_t count = 0;
    std::string note;
    try {
      for (std::int64_t draw = 0; draw < times; ++draw) {
        const MatchedRows matched = draw_matched(stratum, generated.labels, reference.labels, options.seed, draw);
        count = static_cast<std::int64_t>(matched.generated.size());
        if (count == 0) throw InputError("no class with rows on both sides");
        const auto scores = protocol.score(select(reference, matched.reference), select(generated, matched.generated),
                                           options_for(count, draw == 0, options));
        if (draw == 0) {
          rows = scores;
          for (const MetricRow& row : rows) first.push_back(row.value);
        } else {
          add(rows, scores);
        }
      }
      divide(rows, first, times);
      note = times > 1 ? fmt::format("mean of {} draws", times) : "";
    } catch (const InputError& error) {
      note = error.what();
      rows.clear();
      for (const MetricRow& row : whole) {
        rows.emplace_back();
        rows.back().metric = row.metric;
      }
    }
    for (MetricRow& row : rows) {
      row.part = stratum.name;
      row.note = note;
      row.n_generated = row.n_reference = count;
      row.samples.clear();
      row.extra["classes"] = stratum.classes.size();
      if (row.metric == "kid_std" && count <= options.kid_subset_size && std::isfinite(row.value)) {
        row.value = std::numeric_limits<double>::quiet_NaN();
        row.note = "one subset of all rows has no spread";
      }
      out.push_back(std::move(row));
    }
  }
  return out;
}

}  // namespace assay
