#include "reproductions/self_guided/algorithm/long_tailed_set.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/philox.h"
#include "datasets/imbalance.h"
#include "metrics/statistics/least_squares.h"

namespace assay::self_guided {
namespace {

/// Streams of Purpose::condition beyond those of the other parts: of groups, and of samples.
constexpr std::uint64_t group_streams = std::uint64_t{1} << 40;
constexpr std::uint64_t sample_streams = group_streams + (std::uint64_t{1} << 20);

/// The images of each class that occurs, by class.
std::vector<std::vector<std::int64_t>> members_of(std::span<const std::int64_t> ids) {
  std::map<std::int64_t, std::vector<std::int64_t>> by_class;
  for (std::size_t i = 0; i < ids.size(); ++i) by_class[ids[i]].push_back(static_cast<std::int64_t>(i));
  std::vector<std::vector<std::int64_t>> classes;
  classes.reserve(by_class.size());
  for (auto& [id, members] : by_class) classes.push_back(std::move(members));
  return classes;
}

}  // namespace

std::vector<std::vector<std::int64_t>> shuffled_groups(std::span<const std::int64_t> ids, std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> groups = members_of(ids);
  for (std::size_t c = 0; c < groups.size(); ++c) {
    RandomStream random(seed, Purpose::condition, group_streams + c);
    const std::vector<std::int64_t> members = groups[c];
    const std::vector<std::int64_t> order = permutation(static_cast<std::int64_t>(members.size()), random);
    for (std::size_t i = 0; i < members.size(); ++i) groups[c][i] = members[static_cast<std::size_t>(order[i])];
  }
  return groups;
}

std::vector<std::int64_t> thinned(const std::vector<std::vector<std::int64_t>>& groups, double rho) {
  std::size_t smallest = groups.front().size();
  for (const auto& members : groups) smallest = std::min(smallest, members.size());
  const std::vector<std::int64_t> counts = imbalanced_counts(
      {Imbalance::Kind::exponential, rho, 0}, static_cast<int>(groups.size()), static_cast<std::int64_t>(smallest));
  std::vector<std::int64_t> kept;
  for (std::size_t c = 0; c < groups.size(); ++c)
    kept.insert(kept.end(), groups[c].begin(), groups[c].begin() + counts[c]);
  std::sort(kept.begin(), kept.end());
  return kept;
}

std::vector<std::int64_t> drawn_sources(std::span<const std::int64_t> ids, ConditionDraw draw, std::int64_t count,
                                        std::uint64_t seed) {
  const std::vector<std::vector<std::int64_t>> classes = members_of(ids);
  std::vector<std::int64_t> sources;
  sources.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    RandomStream random(seed, Purpose::condition, sample_streams + static_cast<std::uint64_t>(i));
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random.below(n)); };
    if (draw == ConditionDraw::uniform) {
      const std::vector<std::int64_t>& members = classes[below(classes.size())];
      sources.push_back(members[below(members.size())]);
    } else {
      sources.push_back(static_cast<std::int64_t>(below(ids.size())));
    }
  }
  return sources;
}

double gain_over_log_imbalance(std::span<const double> rhos, std::span<const double> gains) {
  std::vector<double> logarithms;
  logarithms.reserve(rhos.size());
  for (const double rho : rhos) logarithms.push_back(std::log(rho));
  return least_squares_slope(logarithms, gains);
}

}  // namespace assay::self_guided
