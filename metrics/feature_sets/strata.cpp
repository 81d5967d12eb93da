#include "metrics/feature_sets/strata.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/philox.h"
#include "metrics/feature_sets/class_join.h"

namespace assay {
namespace {

/// Items of RandomStream(seed, Purpose::resample, item) beyond those of the bootstrap.
constexpr std::uint64_t match_stream = std::uint64_t{1} << 44;

constexpr std::string_view many_few = "many-few:";

std::map<std::int64_t, std::int64_t> counts_of(std::span<const std::int64_t> labels) {
  std::map<std::int64_t, std::int64_t> counts;
  for (const std::int64_t label : labels) ++counts[label];
  return counts;
}

std::vector<std::int64_t> rows_of(std::int64_t label, std::span<const std::int64_t> labels) {
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] == label) rows.push_back(static_cast<std::int64_t>(i));
  return rows;
}

void keep_some(std::vector<std::int64_t>& rows, std::size_t count, RandomStream& random) {
  if (rows.size() <= count) return;
  const std::vector<std::int64_t> order = permutation(static_cast<std::int64_t>(rows.size()), random);
  std::vector<std::int64_t> kept;
  kept.reserve(count);
  for (std::size_t i = 0; i < count; ++i) kept.push_back(rows[static_cast<std::size_t>(order[i])]);
  rows = std::move(kept);
}

}  // namespace

TailRule parse_tail_rule(const std::string& text) {
  TailRule rule{text, 0, 0};
  if (text == "thirds") return rule;
  const std::string_view view = text;
  if (view.starts_with(many_few)) {
    const char *at = view.data() + many_few.size(), *end = view.data() + view.size();
    const auto [comma, first] = std::from_chars(at, end, rule.head);
    if (first == std::errc() && comma != end && *comma == ',') {
      const auto [stop, second] = std::from_chars(comma + 1, end, rule.tail);
      if (second == std::errc() && stop == end && rule.tail >= 1 && rule.head >= rule.tail) return rule;
    }
  }
  throw InputError(
      fmt::format("'{}' is no rule for head, medium and tail; expected 'thirds' or 'many-few:A,B' with "
                  "A >= B >= 1, as in many-few:100,20",
                  text));
}

std::vector<Stratum> class_strata(std::span<const std::int64_t> reference_labels,
                                  std::span<const std::int64_t> generated_labels,
                                  const std::vector<std::string>& names) {
  std::set<std::int64_t> labels(reference_labels.begin(), reference_labels.end());
  labels.insert(generated_labels.begin(), generated_labels.end());
  std::vector<Stratum> strata;
  strata.reserve(labels.size());
  for (const std::int64_t label : labels)
    strata.push_back({fmt::format("class {}", class_text(label, names)), {label}, true});
  return strata;
}

std::vector<Stratum> tail_strata(std::span<const std::int64_t> reference_labels, const TailRule& rule) {
  if (reference_labels.empty()) throw InputError("head, medium and tail need labels of the reference");
  const auto counted = counts_of(reference_labels);
  std::vector<std::pair<std::int64_t, std::int64_t>> counts(counted.begin(), counted.end());
  std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<Stratum> strata = {{"head", {}}, {"medium", {}}, {"tail", {}}};
  const std::size_t classes = counts.size(), third = (classes + 2) / 3, two_thirds = third + (classes + 1) / 3;
  for (std::size_t i = 0; i < classes; ++i) {
    const auto [label, count] = counts[i];
    std::size_t part = i < third ? 0 : i < two_thirds ? 1 : 2;
    if (rule.head > 0) part = count > rule.head ? 0 : count >= rule.tail ? 1 : 2;
    strata[part].classes.push_back(label);
  }
  return strata;
}

MatchedRows draw_matched(const Stratum& stratum, std::span<const std::int64_t> generated_labels,
                         std::span<const std::int64_t> reference_labels, std::uint64_t seed, std::int64_t draw) {
  MatchedRows out;
  RandomStream random(seed, Purpose::resample, match_stream + static_cast<std::uint64_t>(draw));
  for (const std::int64_t label : stratum.classes) {
    std::vector<std::int64_t> generated = rows_of(label, generated_labels),
                              reference = rows_of(label, reference_labels);
    const std::size_t count = std::min(generated.size(), reference.size());
    keep_some(generated, count, random);
    keep_some(reference, count, random);
    out.generated.insert(out.generated.end(), generated.begin(), generated.end());
    out.reference.insert(out.reference.end(), reference.begin(), reference.end());
  }
  std::sort(out.generated.begin(), out.generated.end());
  std::sort(out.reference.begin(), out.reference.end());
  return out;
}

bool has_choice(const Stratum& stratum, std::span<const std::int64_t> generated_labels,
                std::span<const std::int64_t> reference_labels) {
  return std::any_of(stratum.classes.begin(), stratum.classes.end(), [&](std::int64_t label) {
    const auto generated = std::count(generated_labels.begin(), generated_labels.end(), label);
    return generated > 0 && generated != std::count(reference_labels.begin(), reference_labels.end(), label);
  });
}

}  // namespace assay
