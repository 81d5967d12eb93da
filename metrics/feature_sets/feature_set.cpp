#include "metrics/feature_sets/feature_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "core/error.h"
#include "core/hash.h"
#include "metrics/feature_sets/double_features.h"

namespace assay {

FeatureSet select(const FeatureSet& set, std::span<const std::int64_t> samples) {
  struct Rows {
    std::vector<float> features, logits;
    std::vector<double> doubles;
  };
  const auto rows = std::make_shared<Rows>();
  FeatureSet out;
  out.name = set.name;
  out.count = static_cast<std::int64_t>(samples.size());
  out.width = set.width;
  out.classes = set.classes;
  out.class_names = set.class_names;
  out.from_double = set.from_double;
  out.converted_from = set.converted_from;
  out.label_fault = set.label_fault;
  const auto copy = [&](const auto& from, std::int64_t width, auto& to) {
    if (from.empty()) return;
    to.reserve(samples.size() * static_cast<std::size_t>(width));
    for (const std::int64_t i : samples) to.insert(to.end(), from.begin() + i * width, from.begin() + (i + 1) * width);
  };
  copy(set.features, set.width, rows->features);
  copy(set.doubles, set.width, rows->doubles);
  copy(set.logits, set.classes, rows->logits);
  if (!set.names.empty()) {
    out.names.reserve(samples.size());
    for (const std::int64_t i : samples) out.names.push_back(set.names[static_cast<std::size_t>(i)]);
  }
  if (!set.labels.empty()) {
    out.labels.reserve(samples.size());
    for (const std::int64_t i : samples) out.labels.push_back(set.labels[static_cast<std::size_t>(i)]);
  }
  out.features = rows->features;
  out.doubles = rows->doubles;
  out.logits = rows->logits;
  out.storage = rows;
  return out;
}

FeatureSet spatial_of(const FeatureSet& set) {
  if (!set.spatial_statistics) {
    if (set.statistics)
      throw InputError(
          fmt::format("{}: holds statistics without mu_s and sigma_s, those of the spatial features", set.name));
    return set;
  }
  FeatureSet out = set;
  out.statistics = set.spatial_statistics;
  out.width = set.spatial_statistics->width();
  return out;
}

std::string conversions(std::initializer_list<const FeatureSet*> sets) {
  std::set<std::string> types;
  for (const FeatureSet* set : sets)
    if (!set->converted_from.empty()) types.insert(set->converted_from);
  return fmt::format("{}", fmt::join(types, ", "));
}

void check_widths(const FeatureSet& reference, const FeatureSet& generated) {
  if (reference.width != generated.width)
    throw InputError(fmt::format("{} holds {} numbers a sample, {} holds {}: not of one network", reference.name,
                                 reference.width, generated.name, generated.width));
}

Gaussian gaussian(const FeatureSet& set, Divisor divisor) {
  if (set.statistics) return *set.statistics;
  const std::int64_t count = set.moments ? set.moments->count() : set.count;
  if (!set.moments && !set.double_moments && !set.has_features())
    throw InputError(fmt::format("{}: holds neither features nor statistics of them", set.name));
  if (count < 2) throw InputError(fmt::format("{}: holds {} sample; a covariance needs at least 2", set.name, count));
  if (set.double_moments) return set.double_moments->gaussian(divisor);
  if (!set.doubles.empty()) return gaussian_of_doubles(set.doubles, set.width, divisor);
  return set.moments ? gaussian(*set.moments, divisor) : gaussian(set.features, set.width, divisor);
}

std::string hash_of_samples(const FeatureSet& set) {
  Hasher hasher;
  hasher.number(set.count).number(set.width).values(set.features);
  if (!set.doubles.empty()) hasher.values(set.doubles);
  if (!set.logits.empty()) hasher.number(set.classes).values(set.logits);
  return hasher.hex();
}

}  // namespace assay
