#include "metrics/generative/fid_infinity.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "core/progress.h"
#include "metrics/generative/frechet.h"

namespace assay {

FidInfinity fid_infinity(const FeatureSet& reference, const FeatureSet& generated, std::uint64_t seed, double level) {
  constexpr std::int64_t points = 15, smallest = 5000, fewest = 2 * points;
  if (!generated.has_features())
    throw InputError(fmt::format("{}: fid-infinity draws subsets: expected features, not statistics", generated.name));
  if (generated.count < fewest)
    throw InputError(
        fmt::format("{}: fid-infinity needs at least {} samples, got {}", generated.name, fewest, generated.count));
  check_widths(reference, generated);
  const Gaussian fitted = gaussian(reference);
  FidInfinity out;
  out.sizes = spread_sizes(std::min(smallest, generated.count / 2), generated.count, points);
  const auto width = static_cast<std::size_t>(generated.width);
  Progress progress("fid-infinity", points, "subsets");
  for (const std::int64_t size : out.sizes) {
    stop_if_interrupted();
    RandomStream random(seed, Purpose::resample, out.values.size());
    const auto order = permutation(generated.count, random);
    std::vector<float> subset(static_cast<std::size_t>(size) * width);
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i)
      std::copy_n(generated.features.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(order[i]) * width),
                  width, subset.begin() + static_cast<std::ptrdiff_t>(i * width));
    out.values.push_back(frechet(fitted, gaussian(subset, generated.width)).value);
    progress.update(static_cast<std::int64_t>(out.values.size()));
  }
  out.fit = fit_inverse(out.sizes, out.values, level);
  return out;
}

}  // namespace assay
