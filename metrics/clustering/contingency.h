#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/statistics/binomial.h"

namespace assay {

/// How often each pair of labels occurs: the non-empty cells, ascending by (truth, predicted), and the margins. Rows
/// and columns stand for the labels in increasing order.
struct Contingency {
  struct Cell {
    std::int32_t truth, predicted;  // row and column
    std::int64_t count;             // at least 1
  };
  std::int64_t n = 0;
  std::vector<Cell> cells;
  std::vector<std::int64_t> truth, predicted;                // items of each row and column
  std::vector<std::int64_t> truth_labels, predicted_labels;  // their labels
};

/// Labels are any integers. Throws InputError when the two differ in length.
Contingency contingency(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

/// Tables of n items drawn with replacement from the n items of one table: their cells are multinomial. Keeps what all
/// replicates share. Several threads may draw from one object.
class TableResampler {
 public:
  /// `table` must outlive the object.
  explicit TableResampler(const Contingency& table);

  /// Replicate `replicate` of `seed`. Rows and columns that come out empty are dropped.
  Contingency draw(std::uint64_t seed, std::int64_t replicate) const;

 private:
  const Contingency& table_;
  std::vector<Binomial> cells_;  // each among the items that are left to it and the cells after it
};

/// One such table.
Contingency resample(const Contingency& table, std::uint64_t seed, std::int64_t replicate);

}  // namespace assay
