#include "metrics/statistics/level_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/student_t.h"

namespace assay {
namespace {

/// Sums of a row of values, for means and squares of any part of it.
class Sums {
 public:
  explicit Sums(std::span<const double> values) : sums_{0.0}, squares_{0.0} {
    sums_.reserve(values.size() + 1);
    squares_.reserve(values.size() + 1);
    // About the first value, so that squares of a small spread do not cancel.
    for (const double value : values) {
      const double shifted = value - values.front();
      sums_.push_back(sums_.back() + shifted);
      squares_.push_back(squares_.back() + shifted * shifted);
    }
  }
  double mean(std::int64_t begin, std::int64_t end) const {
    return (at(sums_, end) - at(sums_, begin)) / static_cast<double>(end - begin);
  }
  /// Squared distances to the mean of the part. What is left of rounding counts as none.
  double squares(std::int64_t begin, std::int64_t end) const {
    const double total = at(squares_, end) - at(squares_, begin);
    const double sum = at(sums_, end) - at(sums_, begin);
    const double about_mean = total - sum * sum / static_cast<double>(end - begin);
    return about_mean > 1e-13 * at(squares_, end) ? about_mean : 0.0;
  }

 private:
  static double at(const std::vector<double>& values, std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
  std::vector<double> sums_, squares_;
};

/// Standard errors between the means of two parts that meet at `split`.
double distance(const Sums& sums, std::int64_t begin, std::int64_t split, std::int64_t end, double variance) {
  const double difference = std::abs(sums.mean(split, end) - sums.mean(begin, split));
  if (difference == 0.0) return 0.0;
  const double error =
      std::sqrt(variance * (1.0 / static_cast<double>(split - begin) + 1.0 / static_cast<double>(end - split)));
  return error > 0.0 ? difference / error : HUGE_VAL;
}

class Search {
 public:
  Search(std::span<const double> values, double alpha, const KnownVariance& known)
      : sums_(values), alpha_(alpha), closed_(known) {}

  /// The next step within [begin, end), if the values up to `end` show one.
  std::optional<std::int64_t> step(std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> tails;
    for (std::int64_t tail = 1, next = 2; tail < end - begin; tail = std::exchange(next, tail + next))
      tails.push_back(tail);
    const double degrees = closed_.degrees + static_cast<double>(end - begin - 2);
    if (tails.empty() || degrees < 1.0) return std::nullopt;
    const double limit = alpha_ / static_cast<double>(tails.size());
    for (const std::int64_t tail : tails) {
      const std::int64_t split = end - tail;
      const double t = distance(sums_, begin, split, end, variance(begin, split, end, degrees));
      // No t distribution has lighter tails than the normal one, whose tail is cheap.
      if (0.5 * std::erfc(t / std::sqrt(2.0)) <= limit && student_t_upper_tail(t, degrees) <= limit)
        return likeliest(begin, end);
    }
    return std::nullopt;
  }

  void close(std::int64_t begin, std::int64_t end) {
    closed_.squares += sums_.squares(begin, end);
    closed_.degrees += static_cast<double>(end - begin - 1);
  }

  /// Where two levels leave the smallest squares.
  std::int64_t likeliest(std::int64_t begin, std::int64_t end) const {
    std::int64_t best = begin + 1;
    double smallest = HUGE_VAL;
    for (std::int64_t split = begin + 1; split < end; ++split) {
      const double squares = sums_.squares(begin, split) + sums_.squares(split, end);
      if (squares < smallest) {
        smallest = squares;
        best = split;
      }
    }
    return best;
  }

  const Sums& sums() const { return sums_; }

 private:
  double variance(std::int64_t begin, std::int64_t split, std::int64_t end, double degrees) const {
    return (closed_.squares + sums_.squares(begin, split) + sums_.squares(split, end)) / degrees;
  }

  Sums sums_;
  double alpha_;
  KnownVariance closed_;  // of levels that have ended, and what was known before
};

}  // namespace

std::size_t LevelSteps::level_of(std::int64_t value) const {
  std::size_t i = 0;
  while (i + 1 < levels.size() && value >= levels[i + 1].first) ++i;
  return i;
}

LevelSteps find_levels(std::span<const double> values, double alpha, const KnownVariance& known) {
  if (!(alpha > 0.0 && alpha < 1.0))
    throw InputError(fmt::format("steps need a chance of false alarms between 0 and 1, got {}", alpha));
  if (!std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); }))
    throw InputError("steps are sought among finite numbers alone");
  LevelSteps found;
  if (values.empty()) return found;
  Search search(values, alpha, known);
  const auto n = static_cast<std::int64_t>(values.size());
  std::vector<std::int64_t> bounds{0};
  for (std::int64_t end = 2; end <= n; ++end) {
    while (const std::optional<std::int64_t> split = search.step(bounds.back(), end)) {
      search.close(bounds.back(), *split);
      bounds.push_back(*split);
    }
  }
  bounds.push_back(n);
  for (std::size_t i = 1; i + 1 < bounds.size(); ++i) bounds[i] = search.likeliest(bounds[i - 1], bounds[i + 1]);
  const Sums& sums = search.sums();
  double squares = known.squares;
  found.degrees = known.degrees;
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    const std::int64_t begin = bounds[i];
    const std::int64_t count = bounds[i + 1] - begin;
    found.levels.push_back({begin, count, values.front() + sums.mean(begin, begin + count)});
    squares += sums.squares(begin, begin + count);
    found.degrees += static_cast<double>(count - 1);
  }
  if (found.degrees > 0.0) found.variance = squares / found.degrees;
  return found;
}

}  // namespace assay
