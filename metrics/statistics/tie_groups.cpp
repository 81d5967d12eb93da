#include "metrics/statistics/tie_groups.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace assay {
namespace {

/// a, b, ..., z, aa, ab, ...
std::string name_of_group(std::size_t index) {
  std::string name;
  for (std::size_t rest = index + 1; rest > 0; rest = (rest - 1) / 26)
    name += static_cast<char>('a' + static_cast<int>((rest - 1) % 26));
  std::reverse(name.begin(), name.end());
  return name;
}

}  // namespace

std::vector<std::string> tie_groups(std::int64_t items, std::span<const std::pair<std::int64_t, std::int64_t>> apart) {
  using Group = std::vector<char>;  // which items are in it
  std::vector<Group> groups = {Group(static_cast<std::size_t>(items), 1)};
  const auto inside = [](const Group& small, const Group& large) {
    for (std::size_t i = 0; i < small.size(); ++i)
      if (small[i] != 0 && large[i] == 0) return false;
    return true;
  };
  for (const auto& [first, second] : apart) {
    if (first < 0 || second < 0 || first >= items || second >= items || first == second)
      throw InputError(fmt::format("items {} and {} of {} cannot differ", first, second, items));
    const auto a = static_cast<std::size_t>(first), b = static_cast<std::size_t>(second);
    // A group that holds both is split into one without the first and one without the second.
    std::vector<Group> next;
    for (const Group& group : groups) {
      if (group[a] == 0 || group[b] == 0) {
        next.push_back(group);
        continue;
      }
      next.push_back(group);
      next.back()[a] = 0;
      next.push_back(group);
      next.back()[b] = 0;
    }
    groups.clear();
    for (std::size_t i = 0; i < next.size(); ++i) {
      bool absorbed = false;
      for (std::size_t j = 0; j < next.size() && !absorbed; ++j)
        absorbed = i != j && inside(next[i], next[j]) && (j < i || !inside(next[j], next[i]));
      if (!absorbed) groups.push_back(next[i]);
    }
  }
  std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a > b; });
  const bool separated = groups.size() > 26;
  std::vector<std::string> letters(static_cast<std::size_t>(items));
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::size_t i = 0; i < letters.size(); ++i)
      if (groups[g][i] != 0) {
        if (separated && !letters[i].empty()) letters[i] += ',';
        letters[i] += name_of_group(g);
      }
  return letters;
}

}  // namespace assay
