#include "metrics/clustering/clustering.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace assay {
namespace {

/// No labels, or one cluster on both sides.
bool trivially_equal(const Contingency& table) {
  return table.truth.size() == table.predicted.size() && table.truth.size() <= 1;
}

/// What an average of the two entropies lies above the mutual information: a mean of the two conditional entropies, of
/// which this is the weight of the truth's.
double weight_of_truth(const MutualInformation& found, Average average) {
  const double truth = std::sqrt(found.truth), predicted = std::sqrt(found.predicted);
  switch (average) {
    case Average::geometric:
      return predicted / (truth + predicted);
    case Average::min:
      return truth <= predicted ? 1.0 : 0.0;
    case Average::max:
      return truth >= predicted ? 1.0 : 0.0;
    case Average::arithmetic:
      break;
  }
  return 0.5;
}

/// Mutual information over itself and what is missing: in [0, 1], and exactly 1 where nothing is missing. 1 for 0 / 0.
double found_of(double shared, double missing) { return missing > 0.0 ? shared / (shared + missing) : 1.0; }

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
  // Most tables hang together early: two nodes under one parent are linked already.
  for (const Contingency::Cell& cell : table.cells) {
    const std::size_t row = static_cast<std::size_t>(cell.truth), column = column_node(cell);
    if (parent[row] != parent[column]) parent[root(row)] = root(column);
  }
  std::vector<Part> parts;
  std::vector<std::size_t> part_of(nodes);
  std::vector<std::int32_t> name(nodes);
  for (std::size_t i = 0; i < nodes; ++i)
    if (root(i) == i) {
      part_of[i] = parts.size();
      parts.emplace_back();
    }
  for (std::size_t i = 0; i < nodes; ++i) {
    part_of[i] = part_of[root(i)];
    Part& part = parts[part_of[i]];
    name[i] = static_cast<std::int32_t>(i < rows ? part.rows++ : part.columns++);
  }
  if (parts.size() == 1) parts[0].cells.reserve(table.cells.size());
  for (const Contingency::Cell& cell : table.cells) {
    const auto row = static_cast<std::size_t>(cell.truth);
    parts[part_of[row]].cells.push_back({name[row], name[column_node(cell)], cell.count});
  }
  return parts;
}

}  // namespace

double nmi(const MutualInformation& found, Average average) {
  if (found.shared == 0.0) return found.truth == 0.0 && found.predicted == 0.0 ? 1.0 : 0.0;
  const double weight = weight_of_truth(found, average);
  return found_of(found.shared, weight * found.truth_given_predicted + (1.0 - weight) * found.predicted_given_truth);
}

double nmi(const Contingency& table, Average average) { return nmi(mutual_information(table), average); }

double nmi(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted, Average average) {
  return nmi(contingency(truth, predicted), average);
}

namespace {

/// `expect()` gives the expected entropies, where they are needed.
template <class Expect>
double ami_of(const Contingency& table, const MutualInformation& found, Average average, const Expect& expect) {
  if (trivially_equal(table)) return 1.0;
  if (table.truth.size() == 1 || table.predicted.size() == 1) return 0.0;
  // (I - E[I]) / (average - E[I]) = 1 - d / E[d], where d = average - I is a sum of what is not negative.
  const double weight = weight_of_truth(found, average);
  const ExpectedEntropies expected = expect();
  const double missing = weight * found.truth_given_predicted + (1.0 - weight) * found.predicted_given_truth,
               usual = weight * expected.truth_given_predicted + (1.0 - weight) * expected.predicted_given_truth;
  // Every shuffle agrees as well as it can (one item a cluster on both sides): a perfect match, and 0 / 0.
  return usual > 0.0 ? 1.0 - missing / usual : 1.0;
}

}  // namespace

double ami(const Contingency& table, const MutualInformation& found, Average average) {
  return ami_of(table, found, average, [&] { return expected_entropies(table); });
}

double ami(const Contingency& table, const MutualInformation& found, SharedTerms& terms) {
  return ami_of(table, found, Average::arithmetic, [&] { return expected_entropies(table, terms); });
}

double ami(const Contingency& table, Average average) { return ami(table, mutual_information(table), average); }

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

VMeasure v_measure(const MutualInformation& found) {
  return {found_of(found.shared, found.truth_given_predicted), found_of(found.shared, found.predicted_given_truth),
          nmi(found, Average::arithmetic)};
}

VMeasure v_measure(const Contingency& table) { return v_measure(mutual_information(table)); }

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
