#include "metrics/clustering/mutual_information.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "core/compensated_sum.h"

namespace assay {
namespace {

__extension__ using Wide = __int128;  // n^2 outgrows 64 bits from n of order 3e9 on

/// log(whole / part) for 1 <= part <= whole, to a few units in the last place of a small result too.
double log_ratio(std::int64_t whole, std::int64_t part) {
  if (whole == part) return 0.0;
  const auto w = static_cast<double>(whole), p = static_cast<double>(part);
  return whole < 2 * part ? std::log1p(static_cast<double>(whole - part) / p) : std::log(w / p);
}

/// log r - 1 + 1/r for r = joint / apart: what a cell adds to the mutual information beyond its share less the share
/// that independent labels would give it. Not negative, and of second order about r = 1, where the three terms cancel.
template <class Count>
double surplus(Count joint, Count apart) {
  const double y = static_cast<double>(joint - apart) / static_cast<double>(joint);  // 1 - 1/r
  if (y > 0.5) return std::log(static_cast<double>(joint) / static_cast<double>(apart)) - y;
  if (std::abs(y) > 0.25) return -std::log1p(-y) - y;
  // log r = 2 artanh(s), and y = 2 s / (1 + s).
  const double s = y / (2.0 - y), square = s * s;
  double series = 0.0;
  for (int odd = 19; odd >= 3; odd -= 2) series = series * square + 1.0 / odd;
  return 2.0 * square / (1.0 + s) + 2.0 * s * square * series;
}

/// `log_of` is log_ratio() or gives what it gave before.
template <class LogOf>
double entropy(const std::vector<std::int64_t>& counts, std::int64_t n, const LogOf& log_of) {
  CompensatedSum sum;
  std::int64_t last = 0;
  double term = 0.0;
  for (const std::int64_t count : counts) {
    if (count != last) term = static_cast<double>(count) * log_of(n, count);  // neighbours are often equal
    last = count;
    sum.add(term);
  }
  return sum.value() / static_cast<double>(n);
}

/// log(1 + 1/x) for x >= 1.
double log_step(std::int64_t x) {
  constexpr std::int64_t tabled = 4096;
  static const std::array<double, tabled> table = [] {
    std::array<double, tabled> values{};
    for (std::size_t i = 1; i < values.size(); ++i) values[i] = std::log1p(1.0 / static_cast<double>(i));
    return values;
  }();
  if (x < tabled) return table[static_cast<std::size_t>(x)];
  // 2 artanh(z), of which the next term is below 1e-16 of the first.
  const double z = 1.0 / static_cast<double>(2 * x + 1);
  return 2.0 * z * (1.0 + z * z / 3.0);
}

/// E[X log(b / X)] for X hypergeometric: b draws out of n items of which a count, and b <= a.
/// The probabilities are built outward from the mode by their ratio and divided by their own sum, which avoids the
/// cancellation of log-factorials of order n log n; the logarithms are built outward as well.
double expected_cell(std::int64_t a, std::int64_t b, std::int64_t n) {
  const std::int64_t low = std::max<std::int64_t>(0, a + b - n), high = b;
  const auto mode = std::clamp<std::int64_t>(
      static_cast<std::int64_t>((static_cast<double>(a) + 1.0) * (static_cast<double>(b) + 1.0) /
                                (static_cast<double>(n) + 2.0)),
      low, high);
  constexpr double negligible = 1e-22;
  const double at_mode = mode > 0 ? log_ratio(b, mode) : 0.0;
  double weight = 1.0, weights = 1.0, sum = static_cast<double>(mode) * at_mode;
  double logarithm = at_mode;  // of b / x
  for (std::int64_t x = mode; x < high; ++x) {
    weight *= static_cast<double>(a - x) * static_cast<double>(b - x) /
              (static_cast<double>(x + 1) * static_cast<double>(n - a - b + x + 1));
    if (weight < negligible) break;
    logarithm = x == 0 ? std::log(static_cast<double>(b)) : logarithm - log_step(x);
    weights += weight;
    if (x + 1 < b) sum += weight * static_cast<double>(x + 1) * logarithm;
  }
  weight = 1.0;
  logarithm = at_mode;
  for (std::int64_t x = mode; x > low; --x) {
    weight *= static_cast<double>(x) * static_cast<double>(n - a - b + x) /
              (static_cast<double>(a - x + 1) * static_cast<double>(b - x + 1));
    if (weight < negligible) break;
    weights += weight;
    if (x == 1) break;  // 0 log 0 adds nothing
    logarithm += log_step(x - 1);
    sum += weight * static_cast<double>(x - 1) * logarithm;
  }
  return sum / weights;
}

template <class LogOf>
MutualInformation information_over(const Contingency& table, const LogOf& log_of) {
  MutualInformation out;
  if (table.n == 0) return out;
  const auto n = static_cast<double>(table.n);
  out.truth = entropy(table.truth, table.n, log_of);
  out.predicted = entropy(table.predicted, table.n, log_of);
  const bool narrow = table.n < std::int64_t{1} << 31;  // n^2 fits in 64 bits, which become a double much faster
  CompensatedSum shared, truth, predicted;
  Wide filled = 0;  // share of the non-empty cells under independence, times n^2
  std::int64_t last_count = 0, last_row = 0, last_column = 0;
  double surplus_term = 0.0, truth_term = 0.0, predicted_term = 0.0;
  for (const Contingency::Cell& cell : table.cells) {
    const std::int64_t row = table.truth[static_cast<std::size_t>(cell.truth)],
                       column = table.predicted[static_cast<std::size_t>(cell.predicted)];
    filled += Wide{row} * column;
    if (cell.count != last_count || row != last_row || column != last_column) {  // neighbours are often equal
      const auto count = static_cast<double>(cell.count);
      surplus_term = count * (narrow ? surplus(cell.count * table.n, row * column)
                                     : surplus(Wide{cell.count} * table.n, Wide{row} * column));
      truth_term = count * log_of(column, cell.count);
      predicted_term = count * log_of(row, cell.count);
      last_count = cell.count, last_row = row, last_column = column;
    }
    shared.add(surplus_term);
    truth.add(truth_term);
    predicted.add(predicted_term);
  }
  shared.add(static_cast<double>(Wide{table.n} * table.n - filled) / n);
  out.shared = shared.value() / n;
  out.truth_given_predicted = truth.value() / n;
  out.predicted_given_truth = predicted.value() / n;
  return out;
}

/// How often each value occurs, ascending.
std::vector<std::pair<std::int64_t, std::int64_t>> occurrences(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  found.reserve(values.size());
  for (const std::int64_t value : values) {
    if (found.empty() || found.back().first != value) found.emplace_back(value, 0);
    ++found.back().second;
  }
  return found;
}

/// `expected_of` gives what SharedTerms keeps of two margins, the larger first.
template <class ExpectedOf>
ExpectedEntropies expected_over(const Contingency& table, const ExpectedOf& expected_of) {
  if (table.n == 0) return {};
  const auto n = static_cast<double>(table.n);
  // Clusters of equal size share their terms.
  const auto rows = occurrences(table.truth), columns = occurrences(table.predicted);
  CompensatedSum truth, predicted;
  for (const auto& [a, times_a] : rows) {
    for (const auto& [b, times_b] : columns) {
      const double times = static_cast<double>(times_a) * static_cast<double>(times_b);
      const SharedTerms::Expected cell = expected_of(std::max(a, b), std::min(a, b));
      const double smaller = times * cell.smaller_log;
      // log(larger / X) is log(smaller / X) and log(larger / smaller), and the mean of X is a b / n.
      const double larger = times * (static_cast<double>(a) * static_cast<double>(b) / n) * cell.log_ratio;
      truth.add(smaller);
      predicted.add(smaller);
      (b > a ? truth : predicted).add(larger);
    }
  }
  return {truth.value() / n, predicted.value() / n};
}

/// Margins come in ascending order: neighbours in `b` lie side by side in memory.
std::size_t place(std::int64_t a, std::int64_t b, std::size_t size) {
  return (static_cast<std::size_t>(a) * 257 + static_cast<std::size_t>(b)) & (size - 1);
}

/// How many terms to keep of about `count` that occur in a table.
std::size_t kept(std::size_t count, std::size_t most) {
  return std::bit_ceil(std::clamp<std::size_t>(4 * std::min(count, most), 64, most));
}

}  // namespace

SharedTerms::SharedTerms(const Contingency& table)
    : n_(table.n),
      expected_(kept(table.truth.size() * table.predicted.size(), std::size_t{1} << 15)),
      logarithms_(kept(table.cells.size(), std::size_t{1} << 13)) {}

const SharedTerms::Expected& SharedTerms::expected(std::int64_t larger, std::int64_t smaller) {
  Expected& term = expected_[place(larger, smaller, expected_.size())];
  if (term.larger != larger || term.smaller != smaller)
    term = {larger, smaller, expected_cell(larger, smaller, n_), assay::log_ratio(larger, smaller)};
  return term;
}

double SharedTerms::log_ratio(std::int64_t whole, std::int64_t part) {
  Logarithm& term = logarithms_[place(whole, part, logarithms_.size())];
  if (term.whole != whole || term.part != part) term = {whole, part, assay::log_ratio(whole, part)};
  return term.value;
}

MutualInformation mutual_information(const Contingency& table) { return information_over(table, log_ratio); }

MutualInformation mutual_information(const Contingency& table, SharedTerms& terms) {
  return information_over(table, [&](std::int64_t whole, std::int64_t part) { return terms.log_ratio(whole, part); });
}

ExpectedEntropies expected_entropies(const Contingency& table) {
  return expected_over(table, [&](std::int64_t larger, std::int64_t smaller) {
    return SharedTerms::Expected{larger, smaller, expected_cell(larger, smaller, table.n), log_ratio(larger, smaller)};
  });
}

ExpectedEntropies expected_entropies(const Contingency& table, SharedTerms& terms) {
  return expected_over(table,
                       [&](std::int64_t larger, std::int64_t smaller) { return terms.expected(larger, smaller); });
}

}  // namespace assay
