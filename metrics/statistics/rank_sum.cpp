#include "metrics/statistics/rank_sum.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/error.h"

namespace assay {
namespace {

constexpr std::size_t most_exact = 400;  // pairs

/// Pairs in which the value of `a` is the larger one, ties as halves, and the sum of t^3 - t over tied groups of t.
struct Ranks {
  double larger_pairs = 0.0;
  double ties = 0.0;
};

Ranks ranks_of(std::span<const double> a, std::span<const double> b) {
  std::vector<std::pair<double, bool>> values;  // and whether it is of a
  values.reserve(a.size() + b.size());
  for (const double value : a) values.emplace_back(value, true);
  for (const double value : b) values.emplace_back(value, false);
  std::sort(values.begin(), values.end());
  Ranks ranks;
  double rank_sum = 0.0;
  for (std::size_t begin = 0; begin < values.size();) {
    std::size_t end = begin;
    double of_a = 0.0;
    for (; end < values.size() && values[end].first == values[begin].first; ++end) of_a += values[end].second ? 1 : 0;
    const auto tied = static_cast<double>(end - begin);
    rank_sum += of_a * (static_cast<double>(begin + end + 1) / 2.0);
    ranks.ties += tied * tied * tied - tied;
    begin = end;
  }
  const auto n = static_cast<double>(a.size());
  ranks.larger_pairs = rank_sum - n * (n + 1.0) / 2.0;
  return ranks;
}

/// P(U >= u) without ties: how many of all orders of n and m values have so many pairs, by the recurrence of Mann and
/// Whitney, whose counts are divided by their number at the end.
double exact_upper_tail(std::size_t n, std::size_t m, std::size_t u) {
  // ways[k] after value j of a was placed: orders of the first j values of a among m of b with k larger pairs. As the
  // Gaussian binomial coefficient, the product over j of (1 - q^(m + j)) / (1 - q^j).
  std::vector<double> ways(n * m + 1, 0.0);
  ways[0] = 1.0;
  for (std::size_t j = 1; j <= n; ++j) {
    for (std::size_t k = ways.size(); k-- > m + j;) ways[k] -= ways[k - m - j];
    for (std::size_t k = j; k < ways.size(); ++k) ways[k] += ways[k - j];
  }
  double all = 0.0, above = 0.0;
  for (std::size_t k = 0; k < ways.size(); ++k) {
    all += ways[k];
    if (k >= u) above += ways[k];
  }
  return above / all;
}

}  // namespace

double rank_sum_p_value(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) throw InputError("a rank test needs values on both sides");
  for (const auto side : {a, b})
    if (std::any_of(side.begin(), side.end(), [](double value) { return std::isnan(value); }))
      throw InputError("a rank test cannot order NaN");
  const Ranks ranks = ranks_of(a, b);
  const auto n = static_cast<double>(a.size());
  const auto m = static_cast<double>(b.size());
  const double larger = std::max(ranks.larger_pairs, n * m - ranks.larger_pairs);
  if (ranks.ties == 0.0 && a.size() * b.size() <= most_exact)
    return std::min(1.0, 2.0 * exact_upper_tail(a.size(), b.size(), static_cast<std::size_t>(larger)));
  const double all = n + m;
  const double variance = n * m / 12.0 * (all + 1.0 - ranks.ties / (all * (all - 1.0)));
  if (!(variance > 0.0)) return 1.0;
  const double z = (larger - n * m / 2.0 - 0.5) / std::sqrt(variance);
  return std::min(1.0, std::erfc(z / std::sqrt(2.0)));
}

}  // namespace assay
