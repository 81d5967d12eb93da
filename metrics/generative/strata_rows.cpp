#include "metrics/generative/strata_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "metrics/feature_sets/class_join.h"

namespace assay {
namespace {

void check(const FeatureSet& set) {
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

std::int64_t count_of(std::int64_t label, const FeatureSet& set) {
  return std::count(set.labels.begin(), set.labels.end(), label);
}

/// Why a stratum has no rows to score: "no image in GEN, 40 in REF".
std::string empty_text(const Stratum& stratum, const FeatureSet& reference, const FeatureSet& generated) {
  if (stratum.classes.empty()) return "no class of the reference belongs to it";
  if (!stratum.one_class) return "no class with images on both sides";
  const std::int64_t of_reference = count_of(stratum.classes[0], reference);
  const FeatureSet &without = of_reference == 0 ? reference : generated,
                   &with = of_reference == 0 ? generated : reference;
  return fmt::format("no image in {}, {} in {}", without.name, count_of(stratum.classes[0], with), with.name);
}

/// Of a part of several classes, how many have no images on one side: they take no part in its scores.
std::string missing_text(const Stratum& stratum, const FeatureSet& reference, const FeatureSet& generated) {
  if (stratum.one_class) return "";
  const auto missing = std::count_if(stratum.classes.begin(), stratum.classes.end(), [&](std::int64_t label) {
    return count_of(label, reference) == 0 || count_of(label, generated) == 0;
  });
  if (missing == 0) return "";
  return fmt::format("without {} of its {} classes, which one side alone has", missing, stratum.classes.size());
}

std::string joined(const std::string& a, const std::string& b) { return a.empty() || b.empty() ? a + b : a + ", " + b; }

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
        if (count == 0) throw InputError(empty_text(stratum, reference, generated));
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
      note =
          joined(times > 1 ? fmt::format("mean of {} draws", times) : "", missing_text(stratum, reference, generated));
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
      row.note = joined(row.note, note);
      row.n_generated = row.n_reference = count;
      row.samples.clear();
      row.extra["classes"] = stratum.classes.size();
      if (stratum.one_class) {
        const std::int64_t label = stratum.classes[0];
        if (reference.class_names.empty())
          row.extra["class"] = label;
        else
          row.extra["class"] = class_text(label, reference.class_names);
      }
      if ((row.metric == "kid_std" || row.metric == "kd_std") && count <= options.kid_subset_size &&
          std::isfinite(row.value)) {
        row.value = std::numeric_limits<double>::quiet_NaN();
        row.note = "one subset of all rows has no spread";
      }
      out.push_back(std::move(row));
    }
  }
  return out;
}

}  // namespace assay
