#include "metrics/masks/confusion_set.h"

#include <numeric>

#include "core/parallel.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {

ConfusionSet::ConfusionSet(std::int64_t images, int classes)
    : classes_(classes), images_(static_cast<std::size_t>(images)) {}

void ConfusionSet::set(std::int64_t image, const Confusion& counts) {
  auto& cells = images_[static_cast<std::size_t>(image)];
  cells.clear();
  for (std::size_t cell = 0; cell < counts.counts.size(); ++cell)
    if (counts.counts[cell] > 0) cells.emplace_back(cell, counts.counts[cell]);
}

ConfusionScores ConfusionSet::scores_of(std::span<const std::int64_t> used) const {
  Confusion sum(classes_);
  for (const std::int64_t image : used)
    for (const auto& [cell, count] : images_[static_cast<std::size_t>(image)]) sum.counts[cell] += count;
  return assay::scores(sum);
}

ConfusionScores ConfusionSet::scores() const {
  std::vector<std::int64_t> all(images_.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return scores_of(all);
}

std::vector<ConfusionScores> ConfusionSet::bootstrap(std::int64_t replicates, std::uint64_t seed, int threads) const {
  const auto count = static_cast<std::int64_t>(images_.size());
  if (count < 2 || replicates < 1) return {};
  std::vector<ConfusionScores> found(static_cast<std::size_t>(replicates));
  parallel_for(replicates, threads, [&](std::int64_t r, int) {
    found[static_cast<std::size_t>(r)] = scores_of(resample_indices(count, seed, r));
  });
  return found;
}

bool ConfusionSet::holds_class_zero_alone() const {
  for (const auto& image : images_)
    for (const auto& [cell, count] : image)
      if (cell >= static_cast<std::size_t>(classes_)) return false;
  return true;
}

}  // namespace assay
