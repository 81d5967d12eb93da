#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/safetensors.h"

namespace assay {

/// What a covariance is divided by.
enum class Divisor {
  n_minus_1,  // numpy.cov's default, as the published FID code uses
  n           // maximum likelihood
};

/// Count, mean and sums of outer products of feature vectors, gathered in double, sample by sample index.
///
/// The result is a function of the set of (index, vector) pairs alone: the same bits for any batch size, order of
/// batches, number of ranks, thread count or restart. Samples are summed in fixed blocks of `block` indices
/// (kernels/moments.h); whole blocks are joined pairwise along the fixed binary tree over block indices, so a state
/// holds only the O(log n) largest whole subtrees and the raw rows of unfinished blocks.
class FeatureMoments {
 public:
  static constexpr std::int64_t block = 256;

  /// Throws InputError unless width >= 1.
  explicit FeatureMoments(std::int64_t width);

  /// Adds rows [rows.size() / width, width] of samples first_index, first_index + 1, ... Throws InputError when the
  /// size is no multiple of the width, an index is negative or was already added, or a value is not finite (naming
  /// sample and column).
  void add(std::int64_t first_index, std::span<const float> rows);

  /// Adds all of `other`. Throws InputError when widths differ or a sample index is in both.
  void merge(const FeatureMoments& other);

  std::int64_t width() const { return width_; }
  std::int64_t count() const { return count_; }
  /// The ranges [first, last] of sample indices below the largest that were not added, in order.
  std::vector<std::pair<std::int64_t, std::int64_t>> gaps() const;
  /// Throws Error without samples.
  Eigen::VectorXd mean() const;
  /// (sum of x x^T - n mean mean^T) / divisor, symmetric to the bit. Throws Error with fewer than two samples.
  Eigen::MatrixXd covariance(Divisor divisor = Divisor::n_minus_1) const;

  /// The whole state, so that gathering can go on after reading it back; tensor names start with `prefix`.
  void save(SafetensorsWriter& writer, const std::string& prefix) const;
  /// Throws InputError when a tensor is missing or its shape does not fit.
  static FeatureMoments load(const SafetensorsFile& file, const std::string& prefix);

 private:
  struct Sums {
    Eigen::VectorXd sum;
    Eigen::VectorXd outer;  // lower triangle, row after row
    Sums& operator+=(const Sums& other);
  };
  struct Partial {
    std::vector<bool> present;
    std::vector<float> rows;
    std::int64_t count = 0;
  };
  /// The subtree of 2^level blocks that starts at block `first`.
  struct Node {
    int level;
    Sums sums;
  };

  Sums block_sums(const Partial& partial) const;
  void add_row(std::int64_t index, const float* row);
  void insert(std::int64_t first_block, int level, Sums sums);
  bool covered(std::int64_t first_block, std::int64_t blocks) const;
  Sums total() const;

  std::int64_t width_;
  std::int64_t count_ = 0;
  std::map<std::int64_t, Node> nodes_;        // by first block
  std::map<std::int64_t, Partial> partials_;  // by block
};

}  // namespace assay
