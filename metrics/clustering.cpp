#include "metrics/clustering.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "core/error.h"

namespace assay {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// No labels, or one cluster on both sides.
bool trivially_equal(const Contingency& table) {
  return table.truth.size() == table.predicted.size() && table.truth.size() <= 1;
}

double entropy(const std::vector<std::int64_t>& counts, std::int64_t n) {
  if (n == 0) return 1.0;
  if (counts.size() == 1) return 0.0;
  const auto total = static_cast<double>(n);
  double sum = 0.0;
  for (const std::int64_t count : counts) {
    const auto c = static_cast<double>(count);
    sum -= c / total * (std::log(c) - std::log(total));
  }
  return sum;
}

double mutual_information(const Contingency& table) {
  if (table.truth.size() <= 1 || table.predicted.size() <= 1) return 0.0;
  const auto n = static_cast<double>(table.n);
  double sum = 0.0;
  for (const Contingency::Cell& cell : table.cells) {
    const auto count = static_cast<double>(cell.count);
    const double outer = static_cast<double>(table.truth[static_cast<std::size_t>(cell.truth)]) *
                         static_cast<double>(table.predicted[static_cast<std::size_t>(cell.predicted)]);
    const double term = count / n * (std::log(count) - std::log(n)) + count / n * (2.0 * std::log(n) - std::log(outer));
    if (std::abs(term) >= epsilon) sum += term;
  }
  return std::max(sum, 0.0);
}

double average_of(double a, double b, Average average) {
  switch (average) {
    case Average::geometric:
      return std::sqrt(a * b);
    case Average::min:
      return std::min(a, b);
    case Average::max:
      return std::max(a, b);
    case Average::arithmetic:
      break;
  }
  return (a + b) / 2.0;
}

/// E[X/n log(n X / (a b))] for X hypergeometric: b draws out of n items of which a count.
/// The probabilities are built outward from the mode by their ratio and divided by their own sum, which avoids the
/// cancellation of log-factorials of order n log n.
double expected_cell(std::int64_t a, std::int64_t b, std::int64_t n, const std::vector<double>& logarithm) {
  const std::int64_t low = std::max<std::int64_t>(0, a + b - n), high = std::min(a, b);
  const auto mode = std::clamp<std::int64_t>(
      static_cast<std::int64_t>((static_cast<double>(a) + 1.0) * (static_cast<double>(b) + 1.0) /
                                (static_cast<double>(n) + 2.0)),
      low, high);
  const double shift =
      std::log(static_cast<double>(n)) - std::log(static_cast<double>(a)) - std::log(static_cast<double>(b));
  const auto term = [&](std::int64_t x) {
    return x == 0 ? 0.0
                  : static_cast<double>(x) / static_cast<double>(n) * (logarithm[static_cast<std::size_t>(x)] + shift);
  };
  constexpr double negligible = 1e-22;
  double weight = 1.0, weights = 1.0, sum = term(mode);
  for (std::int64_t x = mode; x < high; ++x) {
    weight *= static_cast<double>(a - x) * static_cast<double>(b - x) /
              (static_cast<double>(x + 1) * static_cast<double>(n - a - b + x + 1));
    if (weight < negligible) break;
    weights += weight;
    sum += weight * term(x + 1);
  }
  weight = 1.0;
  for (std::int64_t x = mode; x > low; --x) {
    weight *= static_cast<double>(x) * static_cast<double>(n - a - b + x) /
              (static_cast<double>(a - x + 1) * static_cast<double>(b - x + 1));
    if (weight < negligible) break;
    weights += weight;
    sum += weight * term(x - 1);
  }
  return sum / weights;
}

double expected_mutual_information(const Contingency& table) {
  if (table.truth.size() <= 1 || table.predicted.size() <= 1) return 0.0;
  // Clusters of equal size share their terms.
  std::map<std::int64_t, std::int64_t> rows, columns;
  for (const std::int64_t count : table.truth) ++rows[count];
  for (const std::int64_t count : table.predicted) ++columns[count];
  const std::int64_t largest = std::min(rows.rbegin()->first, columns.rbegin()->first);
  std::vector<double> logarithm(static_cast<std::size_t>(largest) + 1);
  for (std::size_t i = 1; i < logarithm.size(); ++i) logarithm[i] = std::log(static_cast<double>(i));
  double sum = 0.0;
  for (const auto& [a, times_a] : rows) {
    for (const auto& [b, times_b] : columns) {
      sum += static_cast<double>(times_a) * static_cast<double>(times_b) * expected_cell(a, b, table.n, logarithm);
    }
  }
  return sum;
}

/// Largest total of table entries with at most one per row and column; rows <= columns. Shortest augmenting paths
/// with potentials (Jonker & Volgenant 1987), O(rows^2 columns). Counts are integers: exact in double.
double best_assignment(const std::vector<std::vector<double>>& gain) {
  const std::size_t rows = gain.size(), columns = gain.front().size();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> u(rows + 1, 0.0), v(columns + 1, 0.0);
  std::vector<std::size_t> row_of(columns + 1, 0), previous(columns + 1, 0);  // counted from 1; 0 is none
  for (std::size_t row = 1; row <= rows; ++row) {
    std::vector<double> slack(columns + 1, infinity);
    std::vector<bool> done(columns + 1, false);
    std::size_t column = 0;
    row_of[0] = row;
    do {
      done[column] = true;
      const std::size_t from = row_of[column];
      double delta = infinity;
      std::size_t next = 0;
      for (std::size_t j = 1; j <= columns; ++j) {
        if (done[j]) continue;
        const double reduced = -gain[from - 1][j - 1] - u[from] - v[j];
        if (reduced < slack[j]) {
          slack[j] = reduced;
          previous[j] = column;
        }
        if (slack[j] < delta) {
          delta = slack[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= columns; ++j) {
        if (done[j]) {
          u[row_of[j]] += delta;
          v[j] -= delta;
        } else {
          slack[j] -= delta;
        }
      }
      column = next;
    } while (row_of[column] != 0);
    while (column != 0) {
      row_of[column] = row_of[previous[column]];
      column = previous[column];
    }
  }
  double total = 0.0;
  for (std::size_t j = 1; j <= columns; ++j) {
    if (row_of[j] != 0) total += gain[row_of[j] - 1][j - 1];
  }
  return total;
}

constexpr double max_entries = 134217728.0;

/// Classes and clusters that are linked through cells, numbered anew from 0.
struct Part {
  std::size_t rows = 0, columns = 0;
  std::vector<Contingency::Cell> cells;
  double entries() const { return static_cast<double>(rows) * static_cast<double>(columns); }
};

std::vector<Part> parts_of(const Contingency& table) {
  const std::size_t rows = table.truth.size(), nodes = rows + table.predicted.size();
  std::vector<std::size_t> parent(nodes);
  for (std::size_t i = 0; i < nodes; ++i) parent[i] = i;
  const auto root = [&](std::size_t node) {
    while (parent[node] != node) node = parent[node] = parent[parent[node]];
    return node;
  };
  const auto column_node = [&](const Contingency::Cell& cell) {
    return rows + static_cast<std::size_t>(cell.predicted);
  };
  for (const Contingency::Cell& cell : table.cells)
    parent[root(static_cast<std::size_t>(cell.truth))] = root(column_node(cell));
  std::vector<Part> parts;
  std::vector<std::size_t> part_of(nodes);
  std::vector<std::int32_t> name(nodes);
  for (std::size_t i = 0; i < nodes; ++i)
    if (root(i) == i) {
      part_of[i] = parts.size();
      parts.emplace_back();
    }
  for (std::size_t i = 0; i < nodes; ++i) {
    Part& part = parts[part_of[root(i)]];
    name[i] = static_cast<std::int32_t>(i < rows ? part.rows++ : part.columns++);
  }
  for (const Contingency::Cell& cell : table.cells) {
    const auto row = static_cast<std::size_t>(cell.truth);
    parts[part_of[root(row)]].cells.push_back({name[row], name[column_node(cell)], cell.count});
  }
  return parts;
}

}  // namespace

double nmi(const Contingency& table, Average average) {
  if (trivially_equal(table)) return 1.0;
  const double information = mutual_information(table);
  if (information <= epsilon) return 0.0;
  return information / average_of(entropy(table.truth, table.n), entropy(table.predicted, table.n), average);
}

double nmi(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted, Average average) {
  return nmi(contingency(truth, predicted), average);
}

double ami(const Contingency& table, Average average) {
  if (trivially_equal(table)) return 1.0;
  if (table.truth.size() == 1 || table.predicted.size() == 1) return 0.0;
  const double expected = expected_mutual_information(table);
  const double normaliser = average_of(entropy(table.truth, table.n), entropy(table.predicted, table.n), average);
  // Every shuffle reaches the maximum (one item a cluster on both sides): a perfect match, and 0 / 0 but for rounding.
  if (normaliser - expected <= 1e-14 * normaliser) return 1.0;
  return (mutual_information(table) - expected) / (normaliser - expected);
}

double ami(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted, Average average) {
  return ami(contingency(truth, predicted), average);
}

double ami_terms(const Contingency& table) {
  std::map<std::int64_t, std::int64_t> rows, columns;
  for (const std::int64_t count : table.truth) ++rows[count];
  for (const std::int64_t count : table.predicted) ++columns[count];
  double terms = 0.0;
  for (const auto& row : rows) {
    for (const auto& column : columns) {
      // A sum ends some ten deviations from the mode.
      const auto a = static_cast<double>(row.first), b = static_cast<double>(column.first);
      terms += std::min({a, b, 10.0 + 20.0 * std::sqrt(a * b / static_cast<double>(table.n))});
    }
  }
  return terms;
}

double ari(const Contingency& table) {
  __extension__ using Wide = __int128;  // a product of pair counts outgrows 64 bits from n of order 1e5
  const auto squares = [](const std::vector<std::int64_t>& counts) {
    Wide sum = 0;
    for (const std::int64_t count : counts) sum += Wide{count} * count;
    return sum;
  };
  Wide cells = 0;
  for (const Contingency::Cell& cell : table.cells) cells += Wide{cell.count} * cell.count;
  const Wide n = table.n, rows = squares(table.truth), columns = squares(table.predicted);
  // Ordered pairs of items: together in both, in the prediction only, in the truth only, in neither.
  const Wide both = cells - n, predicted_only = columns - cells, truth_only = rows - cells;
  const Wide neither = n * n - rows - columns + cells;
  if (predicted_only == 0 && truth_only == 0) return 1.0;
  // n^4 may outgrow 128 bits only beyond n = 3e9.
  const auto numerator = static_cast<long double>(both * neither - truth_only * predicted_only);
  const auto denominator = static_cast<long double>((both + truth_only) * (truth_only + neither) +
                                                    (both + predicted_only) * (predicted_only + neither));
  return static_cast<double>(2.0L * numerator / denominator);
}

double ari(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted) {
  return ari(contingency(truth, predicted));
}

VMeasure v_measure(const Contingency& table) {
  if (table.n == 0) return {1.0, 1.0, 1.0};
  const double of_truth = entropy(table.truth, table.n), of_predicted = entropy(table.predicted, table.n);
  const double information = mutual_information(table);
  const double homogeneity = of_truth > 0.0 ? information / of_truth : 1.0;
  const double completeness = of_predicted > 0.0 ? information / of_predicted : 1.0;
  const double sum = homogeneity + completeness;
  return {homogeneity, completeness, sum > 0.0 ? 2.0 * homogeneity * completeness / sum : 0.0};
}

VMeasure v_measure(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted) {
  return v_measure(contingency(truth, predicted));
}

double accuracy_many_to_one(const Contingency& table) {
  if (table.n == 0) return 1.0;
  std::vector<std::int64_t> best(table.predicted.size(), 0);
  for (const Contingency::Cell& cell : table.cells) {
    std::int64_t& entry = best[static_cast<std::size_t>(cell.predicted)];
    entry = std::max(entry, cell.count);
  }
  std::int64_t right = 0;
  for (const std::int64_t count : best) right += count;
  return static_cast<double>(right) / static_cast<double>(table.n);
}

double accuracy_many_to_one(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted) {
  return accuracy_many_to_one(contingency(truth, predicted));
}

double accuracy_one_to_one(const Contingency& table) {
  if (table.n == 0) return 1.0;
  double right = 0.0;
  for (const Part& part : parts_of(table)) {
    if (part.entries() > max_entries) return std::numeric_limits<double>::quiet_NaN();
    const bool truth_is_short = part.rows <= part.columns;
    const std::size_t rows = std::min(part.rows, part.columns), columns = std::max(part.rows, part.columns);
    if (rows == 1) {
      std::int64_t best = 0;
      for (const Contingency::Cell& cell : part.cells) best = std::max(best, cell.count);
      right += static_cast<double>(best);
      continue;
    }
    std::vector<std::vector<double>> gain(rows, std::vector<double>(columns, 0.0));
    for (const Contingency::Cell& cell : part.cells) {
      const auto row = static_cast<std::size_t>(truth_is_short ? cell.truth : cell.predicted);
      const auto column = static_cast<std::size_t>(truth_is_short ? cell.predicted : cell.truth);
      gain[row][column] = static_cast<double>(cell.count);
    }
    right += best_assignment(gain);
  }
  return right / static_cast<double>(table.n);
}

double accuracy_one_to_one(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted) {
  return accuracy_one_to_one(contingency(truth, predicted));
}

double assignment_steps(const Contingency& table) {
  double steps = 0.0;
  for (const Part& part : parts_of(table))
    steps += part.entries() * static_cast<double>(std::min(part.rows, part.columns));
  return steps;
}

std::vector<ClassMatch> class_matches(const Contingency& table) {
  std::vector<ClassMatch> matches;
  matches.reserve(table.truth.size());
  // Cells come row by row.
  for (std::size_t i = 0; i < table.cells.size();) {
    const Contingency::Cell* best = &table.cells[i];
    const std::int32_t row = best->truth;
    for (; i < table.cells.size() && table.cells[i].truth == row; ++i)
      if (table.cells[i].count > best->count) best = &table.cells[i];
    const auto r = static_cast<std::size_t>(row), c = static_cast<std::size_t>(best->predicted);
    const auto count = static_cast<double>(best->count);
    matches.push_back({table.truth_labels[r], table.truth[r], table.predicted_labels[c],
                       count / static_cast<double>(table.truth[r]), count / static_cast<double>(table.predicted[c])});
  }
  return matches;
}

}  // namespace assay
