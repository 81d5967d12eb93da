#pragma once
#include <cstdint>
#include <span>
#include <vector>

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

/// The table of n items drawn with replacement from the items of `table`, as replicate `replicate` of `seed`: its
/// cells are multinomial. Rows and columns that come out empty are dropped.
Contingency resample(const Contingency& table, std::uint64_t seed, std::int64_t replicate);

}  // namespace assay
