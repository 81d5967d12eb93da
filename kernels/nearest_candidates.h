#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace assay {

/// The items that may be among the k with the smallest scores, where a score is only known up to a margin: everything
/// within `margin` above the k-th smallest score seen so far is kept.
class NearestCandidates {
 public:
  explicit NearestCandidates(std::int64_t k) : k_(static_cast<std::size_t>(k)) {}

  /// Forgets all items, keeps the memory.
  void restart(float margin) {
    margin_ = margin;
    limit_ = std::numeric_limits<float>::infinity();
    prune_at_ = k_ + 16;
    kept_.clear();
  }

  /// An item with a score above this cannot be among the k.
  float limit() const { return limit_; }

  void add(float score, std::int64_t index) {
    if (!(score <= limit_)) return;
    kept_.emplace_back(score, index);
    if (kept_.size() >= prune_at_) prune();
  }

  /// Scores of items [first, first + n).
  void add(const float* scores, std::int64_t first, std::int64_t n) {
    for (std::int64_t j = 0; j < n; ++j) add(scores[j], first + j);
  }

  /// What is left; more than k only where the margin cannot tell.
  const std::vector<std::pair<float, std::int64_t>>& finish() {
    prune();
    return kept_;
  }

 private:
  void prune() {
    if (kept_.size() < k_) return;
    const auto kth = kept_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(kept_.begin(), kth, kept_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    limit_ = kth->first + margin_;
    std::erase_if(kept_, [&](const auto& entry) { return entry.first > limit_; });
    prune_at_ = 2 * kept_.size() + 16;
  }

  std::size_t k_;
  float margin_ = 0.0f;
  float limit_ = std::numeric_limits<float>::infinity();
  std::size_t prune_at_ = 0;
  std::vector<std::pair<float, std::int64_t>> kept_;
};

}  // namespace assay
