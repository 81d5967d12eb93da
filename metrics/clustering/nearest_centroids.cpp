#include "metrics/clustering/nearest_centroids.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <c10/util/SmallVector.h>
#include <fmt/format.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "kernels/chosen_rows.h"
#include "kernels/parallel_for.h"
#include "kernels/smallest_distances.h"
#include "kernels/smallest_distances_math.h"
#include "kernels/squared_norms.h"

namespace assay {
namespace {

/// A full search of the device at every update.
class FullSearch final : public NearestCentroids {
 public:
  explicit FullSearch(const at::Tensor& searched) : NearestCentroids(searched.size(0)), searched_(searched) {}

  void update(const at::Tensor& centroids) override {
    const at::Tensor found =
        smallest_distances(searched_, centroids.to(searched_.device()), 1).indices.cpu().contiguous();
    std::copy_n(found.const_data_ptr<std::int64_t>(), labels_.size(), labels_.begin());
  }

 private:
  at::Tensor searched_;
};

/// On the CPU each point keeps lower bounds of its distances to groups of centroids (Ding et al. 2015; with a group a
/// centroid Elkan 2003, with one of all Hamerly 2010), which fall by as much as centroids move, and looks at a group
/// again only where its bound no longer tells.
class BoundedSearch final : public NearestCentroids {
 public:
  BoundedSearch(const at::Tensor& points, std::int64_t clusters)
      : NearestCentroids(points.size(0)), points_(points), clusters_(clusters), width_(points.size(1)) {
    constexpr std::int64_t most_bounds = std::int64_t{1} << 26;  // 256 MiB
    const std::int64_t groups = std::clamp<std::int64_t>(most_bounds / points.size(0), 1, clusters);
    group_ = (clusters + groups - 1) / groups;
    groups_ = (clusters + group_ - 1) / group_;
    own_.resize(labels_.size());
    bounds_.resize(labels_.size() * static_cast<std::size_t>(groups_));
    norms_ = squared_norms(points);
    // float32 products of longer rows would overflow.
    for (std::size_t i = 0; i < norms_.size(); ++i)
      if (!(norms_[i] < 1e37))
        throw InputError(fmt::format("k-means: row {} is {} long; accepted: below 3e18", i, std::sqrt(norms_[i])));
  }

  void update(const at::Tensor& centroids) override {
    std::vector<std::int64_t> open(labels_.size());
    std::iota(open.begin(), open.end(), std::int64_t{0});
    if (before_.defined()) open = look_again(centroids);
    before_ = centroids.clone();
    if (open.empty()) return;
    // Copies pay where they spare much.
    if (open.size() > labels_.size() / 4 * 3) {
      open.resize(labels_.size());
      std::iota(open.begin(), open.end(), std::int64_t{0});
      search(points_, open, centroids);
    } else {
      search(chosen_rows(points_, open), open, centroids);
    }
  }

 private:
  static constexpr double rounding = 1e-9;                    // far above that of a distance summed in double
  static constexpr double bound_rounding = 1e-6;              // of float32
  static constexpr float below = 1.0F - 16.0F * FLT_EPSILON;  // the same of a root of scores
  static constexpr double endless = std::numeric_limits<double>::infinity();

  /// The smallest two of some squared distances, equal ones by smaller index.
  struct NearestTwo {
    double first = endless, second = endless;
    std::int64_t index = -1;

    void add(double value, std::int64_t at) {
      if (nearer(value, at, first, index)) {
        second = std::exchange(first, value);
        index = at;
      } else {
        second = std::min(second, value);
      }
    }
  };

  /// The least of n values, in eight lanes.
  static float least_of(const float* values, std::int64_t n) {
    float lanes[8];
    std::fill(std::begin(lanes), std::end(lanes), std::numeric_limits<float>::infinity());
    std::int64_t i = 0;
    for (; i + 8 <= n; i += 8)
      for (int lane = 0; lane < 8; ++lane)
        lanes[lane] = values[i + lane] < lanes[lane] ? values[i + lane] : lanes[lane];
    float least = *std::min_element(std::begin(lanes), std::end(lanes));
    for (; i < n; ++i) least = std::min(least, values[i]);
    return least;
  }

  /// The roots of shift + score, by which centroids are at least that far. Eight at once: the compiler leaves roots,
  /// which may set errno, one by one.
  static void bounds_of_scores(const float* scores, std::int64_t n, float shift, float* bounds) {
    std::int64_t i = 0;
#ifdef __AVX__
    for (; i + 8 <= n; i += 8) {
      const __m256 squares =
          _mm256_max_ps(_mm256_add_ps(_mm256_loadu_ps(scores + i), _mm256_set1_ps(shift)), _mm256_setzero_ps());
      _mm256_storeu_ps(bounds + i, _mm256_mul_ps(_mm256_sqrt_ps(squares), _mm256_set1_ps(below)));
    }
#endif
    for (; i < n; ++i) bounds[i] = std::sqrt(std::max(0.0F, shift + scores[i])) * below;
  }

  static float bound_below(double distance) { return static_cast<float>(distance * (1.0 - bound_rounding)); }
  float* bounds_of(std::int64_t point) { return bounds_.data() + point * groups_; }

  /// Brings bounds up to date and looks at the groups that they leave open. Returns the points of which so much is left
  /// open that a search by matrix products is cheaper.
  std::vector<std::int64_t> look_again(const at::Tensor& centroids) {
    const float *x = points_.const_data_ptr<float>(), *means = centroids.const_data_ptr<float>();
    std::vector<double> moves;
    moves.reserve(static_cast<std::size_t>(clusters_));
    for (std::int64_t c = 0; c < clusters_; ++c)
      moves.push_back(
          std::sqrt(squared_distance(means + c * width_, before_.const_data_ptr<float>() + c * width_, width_)) *
          (1.0 + rounding));
    std::vector<float> group_moves(static_cast<std::size_t>(groups_), 0.0F);
    for (std::int64_t c = 0; c < clusters_; ++c) {
      float& most = group_moves[static_cast<std::size_t>(c / group_)];
      most = std::max(most, static_cast<float>(moves[static_cast<std::size_t>(c)] * (1.0 + bound_rounding)));
    }
    std::vector<char> left(labels_.size(), 0);
    at::parallel_for(0, static_cast<std::int64_t>(labels_.size()), 256, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* __restrict__ bounds = bounds_of(i);
        const float* __restrict__ moved = group_moves.data();
        for (std::int64_t g = 0; g < groups_; ++g) bounds[g] = (bounds[g] - moved[g]) * (1.0F - 2.0F * FLT_EPSILON);
        const float lowest = least_of(bounds, groups_);
        const auto at = static_cast<std::size_t>(i);
        if (own_[at] + moves[static_cast<std::size_t>(labels_[at])] < lowest) {
          own_[at] += moves[static_cast<std::size_t>(labels_[at])];
          continue;
        }
        if (moves[static_cast<std::size_t>(labels_[at])] > 0) {
          own_[at] =
              std::sqrt(squared_distance(x + i * width_, means + labels_[at] * width_, width_)) * (1.0 + rounding);
          if (own_[at] < lowest) continue;
        }
        left[at] = compare(i, means) ? 0 : 1;
      }
    });
    std::vector<std::int64_t> out;
    for (std::size_t i = 0; i < left.size(); ++i)
      if (left[i] != 0) out.push_back(static_cast<std::int64_t>(i));
    return out;
  }

  /// Squared distances of a point to the centroids asked for, in the order they were asked for.
  class RivalDistances {
   public:
    RivalDistances(const float* x, const float* means, std::int64_t width) : x_(x), means_(means), width_(width) {}
    void ask(std::int64_t centroid) { asked_.push_back(means_ + centroid * width_); }
    double next() {
      if (given_ % 4 == 0) {
        const float* rows[4];
        for (std::size_t k = 0; k < 4; ++k) rows[k] = asked_[std::min(given_ + k, asked_.size() - 1)];
        squared_distances(x_, rows, width_, values_);
      }
      return values_[given_++ % 4];
    }

   private:
    const float *x_, *means_;
    std::int64_t width_;
    c10::SmallVector<const float*, 64> asked_;
    double values_[4] = {};
    std::size_t given_ = 0;
  };

  /// Compares a point's own centroid with those of the groups left open. False, and nothing done, where these are too
  /// many.
  bool compare(std::int64_t point, const float* means) {
    const auto at = static_cast<std::size_t>(point);
    float* bounds = bounds_of(point);
    // Of float32 rather than of its own precision, so that the comparison is one instruction for eight groups.
    const auto limit = static_cast<float>(own_[at] * (1.0 + bound_rounding));
    std::int64_t open = 0;
    for (std::int64_t g = 0; g < groups_; ++g) open += bounds[g] <= limit ? 1 : 0;
    // A distance by itself takes about this many times its share of a matrix product.
    constexpr std::int64_t dearer = 6;
    if (dearer * open * group_ > clusters_) return false;

    const std::int64_t label = labels_[at];
    const float* x = points_.const_data_ptr<float>() + point * width_;
    RivalDistances distances(x, means, width_);
    for (std::int64_t g = 0; g < groups_; ++g)
      for (std::int64_t c = g * group_; bounds[g] <= limit && c < std::min(clusters_, (g + 1) * group_); ++c)
        if (c != label) distances.ask(c);
    double best = endless, own = endless, second_in_its_group = endless;
    for (std::int64_t g = 0; g < groups_; ++g) {
      if (bounds[g] > limit) continue;
      NearestTwo in_group;
      for (std::int64_t c = g * group_; c < std::min(clusters_, (g + 1) * group_); ++c)
        if (c != label) in_group.add(distances.next(), c);
      bounds[g] = bound_below(std::sqrt(in_group.first));
      if (in_group.first > own_[at] * own_[at] * (1.0 + rounding)) continue;
      if (own == endless) best = own = squared_distance(x, means + label * width_, width_);
      if (!nearer(in_group.first, in_group.index, best, labels_[at])) continue;
      best = in_group.first;
      labels_[at] = in_group.index;
      second_in_its_group = in_group.second;
    }
    if (labels_[at] == label) return true;
    own_[at] = std::sqrt(best) * (1.0 + rounding);
    bounds[labels_[at] / group_] = bound_below(std::sqrt(second_in_its_group));
    float& former = bounds[label / group_];
    former = std::min(former, bound_below(std::sqrt(own)));
    return true;
  }

  /// Finds the nearest centroid of each of `rows`, row r being point `numbers[r]`, and all its bounds. Decided in
  /// float32 where the rounding cannot matter.
  void search(const at::Tensor& rows, const std::vector<std::int64_t>& numbers, const at::Tensor& centroids) {
    const std::int64_t count = rows.size(0), row_block = std::clamp<std::int64_t>((1 << 20) / clusters_, 16, 256);
    const std::vector<double> exact = squared_norms(centroids);
    const std::vector<float> norms(exact.begin(), exact.end());
    const double largest = std::sqrt(*std::max_element(exact.begin(), exact.end()));
    if (!(largest < 3e18))
      throw InputError(fmt::format("k-means: a centroid is {} long; accepted: below 3e18", largest));
    const at::Tensor transposed = centroids.t();
    at::parallel_for(0, (count + row_block - 1) / row_block, 1, [&](std::int64_t begin, std::int64_t end) {
      at::Tensor products = at::empty({row_block, clusters_}, rows.options());
      for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t top = block * row_block, height = std::min(row_block, count - top);
        at::Tensor view = products.narrow(0, 0, height);
        at::mm_out(view, rows.narrow(0, top, height), transposed);
        float* __restrict__ scores = view.mutable_data_ptr<float>();
        for (std::int64_t r = 0; r < height; ++r, scores += clusters_) {
          // Squared distances less |x|^2.
          for (std::int64_t c = 0; c < clusters_; ++c)
            scores[c] = norms[static_cast<std::size_t>(c)] - 2.0F * scores[c];
          settle(numbers[static_cast<std::size_t>(top + r)], scores, largest, centroids.const_data_ptr<float>());
        }
      }
    });
  }

  /// Label and bounds of a point from its scores.
  void settle(std::int64_t point, const float* scores, double largest, const float* means) {
    const auto at = static_cast<std::size_t>(point);
    const double error = 1.01 * score_error(std::sqrt(norms_[at]), largest, width_);
    const float lowest = least_of(scores, clusters_);
    const auto limit = static_cast<float>((lowest + 2.0 * error) + FLT_EPSILON * std::abs(lowest));
    std::int64_t close = 0;
    for (std::int64_t c = 0; c < clusters_; ++c) close += scores[c] <= limit ? 1 : 0;
    const float* x = points_.const_data_ptr<float>() + point * width_;
    if (close == 1) {
      labels_[at] = std::find(scores, scores + clusters_, lowest) - scores;
      own_[at] = std::sqrt(std::max(0.0, norms_[at] + lowest + error)) * (1.0 + rounding);
    } else {
      NearestTwo found;
      for (std::int64_t c = 0; c < clusters_; ++c)
        if (scores[c] <= limit) found.add(squared_distance(x, means + c * width_, width_), c);
      labels_[at] = found.index;
      own_[at] = std::sqrt(found.first) * (1.0 + rounding);
    }
    float* bounds = bounds_of(point);
    const auto shift = static_cast<float>(norms_[at] * (1.0 - 4.0 * FLT_EPSILON) - 1.1 * error);
    if (group_ == 1) {
      bounds_of_scores(scores, clusters_, shift, bounds);
      bounds[labels_[at]] = std::numeric_limits<float>::infinity();
      return;
    }
    for (std::int64_t g = 0; g < groups_; ++g) {
      float least = std::numeric_limits<float>::infinity();
      for (std::int64_t c = g * group_; c < std::min(clusters_, (g + 1) * group_); ++c)
        if (c != labels_[at]) least = std::min(least, scores[c]);
      bounds[g] = std::sqrt(std::max(0.0F, shift + least)) * below;
    }
  }

  at::Tensor points_, before_;
  std::int64_t clusters_, width_;
  std::int64_t group_ = 1, groups_ = 1;  // centroids a group, of which the last may have fewer; groups
  std::vector<double> norms_;            // squared
  std::vector<double> own_;              // its own centroid is at most this far from the point
  std::vector<float> bounds_;            // [N, groups]: no centroid of a group, other than its own, is closer
};

}  // namespace

std::unique_ptr<NearestCentroids> nearest_centroids(const at::Tensor& points, const at::Tensor& searched,
                                                    std::int64_t clusters) {
  if (!searched.is_cpu()) return std::make_unique<FullSearch>(searched);
  return std::make_unique<BoundedSearch>(points, clusters);
}

}  // namespace assay
