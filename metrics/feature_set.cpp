#include "metrics/feature_set.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/hash.h"

namespace assay {

Gaussian gaussian(const FeatureSet& set, Divisor divisor) {
  if (set.statistics) return *set.statistics;
  const std::int64_t count = set.moments ? set.moments->count() : set.count;
  if (!set.moments && !set.has_features())
    throw InputError(fmt::format("{}: holds neither features nor statistics of them", set.name));
  if (count < 2) throw InputError(fmt::format("{}: holds {} sample; a covariance needs at least 2", set.name, count));
  return set.moments ? gaussian(*set.moments, divisor) : gaussian(set.features, set.width, divisor);
}

std::string hash_of_samples(const FeatureSet& set) {
  Hasher hasher;
  hasher.number(set.count).number(set.width).values(set.features);
  if (!set.logits.empty()) hasher.number(set.classes).values(set.logits);
  return hasher.hex();
}

}  // namespace assay
