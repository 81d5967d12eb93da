#include "metrics/clustering/contingency.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

struct Range {
  std::int64_t low = 0;
  std::uint64_t width = 0;  // highest - lowest

  std::size_t at(std::int64_t label) const {
    return static_cast<std::size_t>(static_cast<std::uint64_t>(label) - static_cast<std::uint64_t>(low));
  }
};

Range range_of(std::span<const std::int64_t> labels) {
  std::int64_t low = labels[0], high = labels[0];
  for (const std::int64_t label : labels) {
    low = std::min(low, label);
    high = std::max(high, label);
  }
  return {low, static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low)};
}

std::vector<std::int64_t> unique_labels(std::span<const std::int64_t> labels, const Range& range) {
  std::vector<std::int64_t> unique;
  if (range.width < 4 * labels.size() + 1024) {  // a table is faster than sorting
    std::vector<std::uint8_t> seen(static_cast<std::size_t>(range.width) + 1, 0);
    for (const std::int64_t label : labels) seen[range.at(label)] = 1;
    unique.reserve(static_cast<std::size_t>(std::count(seen.begin(), seen.end(), 1)));
    for (std::size_t i = 0; i < seen.size(); ++i)
      if (seen[i] != 0) unique.push_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(range.low) + i));
    return unique;
  }
  unique.assign(labels.begin(), labels.end());
  std::sort(unique.begin(), unique.end());
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  return unique;
}

/// Labels renamed 0, 1, ... in increasing order.
std::vector<std::int32_t> renamed(std::span<const std::int64_t> labels, const Range& range,
                                  const std::vector<std::int64_t>& unique) {
  std::vector<std::int32_t> names(labels.size());
  if (range.width < 4 * labels.size() + 1024) {
    std::vector<std::int32_t> name(static_cast<std::size_t>(range.width) + 1);
    for (std::size_t i = 0; i < unique.size(); ++i) name[range.at(unique[i])] = static_cast<std::int32_t>(i);
    for (std::size_t i = 0; i < labels.size(); ++i) names[i] = name[range.at(labels[i])];
  } else {
    for (std::size_t i = 0; i < labels.size(); ++i)
      names[i] = static_cast<std::int32_t>(std::lower_bound(unique.begin(), unique.end(), labels[i]) - unique.begin());
  }
  return names;
}

/// Few possible pairs of labels: one pass counts them all, no label is renamed before.
void count_in_table(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted, const Range& rows,
                    const Range& columns, Contingency& out) {
  const std::size_t height = static_cast<std::size_t>(rows.width) + 1;
  const std::size_t width = static_cast<std::size_t>(columns.width) + 1;
  std::vector<std::int64_t> table(height * width, 0);
  for (std::size_t i = 0; i < truth.size(); ++i) ++table[rows.at(truth[i]) * width + columns.at(predicted[i])];
  std::vector<std::int64_t> row_sums(height, 0), column_sums(width, 0);
  for (std::size_t r = 0; r < height; ++r)
    for (std::size_t c = 0; c < width; ++c) {
      row_sums[r] += table[r * width + c];
      column_sums[c] += table[r * width + c];
    }
  const auto keep = [](const std::vector<std::int64_t>& sums, const Range& range, std::vector<std::int64_t>& counts,
                       std::vector<std::int64_t>& labels) {
    std::vector<std::int32_t> names(sums.size(), -1);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (sums[i] == 0) continue;
      names[i] = static_cast<std::int32_t>(counts.size());
      counts.push_back(sums[i]);
      labels.push_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(range.low) + i));
    }
    return names;
  };
  const auto row_names = keep(row_sums, rows, out.truth, out.truth_labels);
  const auto column_names = keep(column_sums, columns, out.predicted, out.predicted_labels);
  for (std::size_t r = 0; r < height; ++r)
    for (std::size_t c = 0; c < width; ++c)
      if (table[r * width + c] > 0) out.cells.push_back({row_names[r], column_names[c], table[r * width + c]});
}

}  // namespace

Contingency contingency(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted) {
  if (truth.size() != predicted.size()) {
    throw InputError(fmt::format("clustering scores need two labels an item: {} true and {} predicted labels",
                                 truth.size(), predicted.size()));
  }
  Contingency out;
  out.n = static_cast<std::int64_t>(truth.size());
  if (truth.empty()) return out;
  const Range rows = range_of(truth), columns = range_of(predicted);
  const std::uint64_t limit = 4 * truth.size() + 65536;
  if (rows.width < limit && columns.width < limit && (rows.width + 1) * (columns.width + 1) <= limit) {
    count_in_table(truth, predicted, rows, columns, out);
    return out;
  }
  out.truth_labels = unique_labels(truth, rows);
  out.predicted_labels = unique_labels(predicted, columns);
  const std::vector<std::int32_t> row = renamed(truth, rows, out.truth_labels),
                                  column = renamed(predicted, columns, out.predicted_labels);
  out.truth.assign(out.truth_labels.size(), 0);
  out.predicted.assign(out.predicted_labels.size(), 0);
  for (const std::int32_t r : row) ++out.truth[static_cast<std::size_t>(r)];
  for (const std::int32_t c : column) ++out.predicted[static_cast<std::size_t>(c)];
  // The columns of each row side by side, then sorted.
  std::vector<std::size_t> place(out.truth.size() + 1, 0);
  for (std::size_t r = 0; r < out.truth.size(); ++r) place[r + 1] = place[r] + static_cast<std::size_t>(out.truth[r]);
  std::vector<std::int32_t> sorted(column.size());
  std::vector<std::size_t> next(place.begin(), place.end() - 1);
  for (std::size_t i = 0; i < row.size(); ++i) sorted[next[static_cast<std::size_t>(row[i])]++] = column[i];
  for (std::size_t r = 0; r < out.truth.size(); ++r) {
    std::sort(sorted.begin() + static_cast<std::ptrdiff_t>(place[r]),
              sorted.begin() + static_cast<std::ptrdiff_t>(place[r + 1]));
    for (std::size_t i = place[r]; i < place[r + 1];) {
      std::size_t end = i;
      while (end < place[r + 1] && sorted[end] == sorted[i]) ++end;
      out.cells.push_back({static_cast<std::int32_t>(r), sorted[i], static_cast<std::int64_t>(end - i)});
      i = end;
    }
  }
  return out;
}

TableResampler::TableResampler(const Contingency& table) : table_(table) {
  cells_.reserve(table.cells.size());
  std::int64_t weight = table.n;
  for (const Contingency::Cell& cell : table.cells) {
    cells_.emplace_back(static_cast<double>(cell.count) / static_cast<double>(weight));
    weight -= cell.count;
  }
}

Contingency TableResampler::draw(std::uint64_t seed, std::int64_t replicate) const {
  const Contingency& table = table_;
  RandomStream random(seed, Purpose::resample, static_cast<std::uint64_t>(replicate));
  std::vector<std::int64_t> counts(table.cells.size());
  // Each cell is binomial given those before it.
  std::int64_t items = table.n;
  std::size_t filled = 0;
  std::vector<std::int64_t> rows(table.truth.size(), 0), columns(table.predicted.size(), 0);
  for (std::size_t i = 0; i < counts.size() && items > 0; ++i) {
    const Contingency::Cell& cell = table.cells[i];
    counts[i] = cells_[i].draw(items, random);
    items -= counts[i];
    filled += counts[i] > 0 ? 1 : 0;
    rows[static_cast<std::size_t>(cell.truth)] += counts[i];
    columns[static_cast<std::size_t>(cell.predicted)] += counts[i];
  }
  Contingency out;
  out.n = table.n;
  const auto keep = [](const std::vector<std::int64_t>& sums, const std::vector<std::int64_t>& from,
                       std::vector<std::int64_t>& kept, std::vector<std::int64_t>& labels) {
    std::vector<std::int32_t> names(sums.size(), -1);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (sums[i] == 0) continue;
      names[i] = static_cast<std::int32_t>(kept.size());
      kept.push_back(sums[i]);
      labels.push_back(from[i]);
    }
    return names;
  };
  const auto row_names = keep(rows, table.truth_labels, out.truth, out.truth_labels);
  const auto column_names = keep(columns, table.predicted_labels, out.predicted, out.predicted_labels);
  out.cells.reserve(filled);
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0)
      out.cells.push_back({row_names[static_cast<std::size_t>(table.cells[i].truth)],
                           column_names[static_cast<std::size_t>(table.cells[i].predicted)], counts[i]});
  return out;
}

Contingency resample(const Contingency& table, std::uint64_t seed, std::int64_t replicate) {
  return TableResampler(table).draw(seed, replicate);
}

}  // namespace assay
