#include "metrics/clustering/kmeans.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <c10/util/SmallVector.h>
#include <fmt/format.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "kernels/parallel_for.h"
#include "kernels/smallest_distances.h"
#include "kernels/smallest_distances_math.h"
#include "kernels/squared_norms.h"

namespace assay {
namespace {

/// Items of the clustering streams.
constexpr std::uint64_t subset_stream = 0, start_stream = 1, split_stream = 2;

/// Contiguous float32 on the CPU, checked.
at::Tensor checked(const at::Tensor& features, const char* what) {
  if (features.dim() != 2 || features.scalar_type() != at::kFloat) {
    throw InputError(fmt::format("k-means needs {} as float32 [N, D], got {} dimensions of {}", what, features.dim(),
                                 c10::toString(features.scalar_type())));
  }
  at::Tensor host = features.detach().cpu().contiguous();
  const float* data = host.const_data_ptr<float>();
  const std::int64_t width = host.size(1);
  for (std::int64_t i = 0; i < host.numel(); ++i) {
    if (!std::isfinite(data[i])) {
      throw InputError(fmt::format("k-means: {} row {}, column {} is {}", what, i / width, i % width, data[i]));
    }
  }
  return host;
}

at::Tensor gather(const at::Tensor& rows, const std::vector<std::int64_t>& order, std::int64_t count) {
  const std::int64_t width = rows.size(1);
  at::Tensor out = at::empty({count, width}, rows.options());
  const float* from = rows.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i)
    std::copy_n(from + order[static_cast<std::size_t>(i)] * width, width, to + i * width);
  return out;
}

/// Members of each cluster in index order: cluster c holds order[start[c]] to order[start[c + 1] - 1].
struct Members {
  std::vector<std::int64_t> start, order;
};

Members members_of(const std::int64_t* labels, std::int64_t n, std::int64_t clusters) {
  Members out;
  out.start.assign(static_cast<std::size_t>(clusters) + 1, 0);
  for (std::int64_t i = 0; i < n; ++i) ++out.start[static_cast<std::size_t>(labels[i]) + 1];
  for (std::size_t c = 1; c < out.start.size(); ++c) out.start[c] += out.start[c - 1];
  out.order.resize(static_cast<std::size_t>(n));
  std::vector<std::int64_t> next(out.start.begin(), out.start.end() - 1);
  for (std::int64_t i = 0; i < n; ++i)
    out.order[static_cast<std::size_t>(next[static_cast<std::size_t>(labels[i])]++)] = i;
  return out;
}

/// Where the members of each cluster have their mean, and how far they are from their centroid.
class ClusterMeans {
 public:
  explicit ClusterMeans(const at::Tensor& points, std::int64_t clusters)
      : points_(points), inertia_(static_cast<std::size_t>(clusters), 0.0) {}

  /// Moves every centroid to the mean of its members, and returns the sum of squared distances to where they were
  /// before. Each centroid sums its own members in index order, so threads do not change a bit. A cluster with the
  /// members and the centroid of the last call is left alone, and an empty one keeps its centroid.
  double move(const std::vector<std::int64_t>& labels, const Members& members, at::Tensor& centroids) {
    const std::vector<char> stale = changed(labels, centroids);
    before_ = centroids.clone();
    labels_ = labels;
    if (means_.defined()) centroids.copy_(means_);
    const std::int64_t width = points_.size(1);
    const float *x = points_.const_data_ptr<float>(), *from = before_.const_data_ptr<float>();
    float* out = centroids.mutable_data_ptr<float>();
    at::parallel_for(0, centroids.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<double> sum(static_cast<std::size_t>(width));
      for (std::int64_t c = begin; c < end; ++c) {
        const auto at = static_cast<std::size_t>(c);
        if (stale[at] == 0) continue;
        const std::int64_t first = members.start[at], last = members.start[at + 1];
        std::fill(sum.begin(), sum.end(), 0.0);
        double* __restrict__ total = sum.data();
        inertia_[at] = 0.0;
        for (std::int64_t m = first; m < last; m += 4) {
          const float* rows[4];
          for (std::int64_t k = 0; k < 4; ++k)
            rows[k] = x + members.order[static_cast<std::size_t>(std::min(m + k, last - 1))] * width;
          double distances[4];
          squared_distances(from + c * width, rows, width, distances);
          for (std::int64_t k = 0; k < std::min<std::int64_t>(4, last - m); ++k) {
            const float* __restrict__ row = rows[k];
            inertia_[at] += distances[k];
            for (std::int64_t d = 0; d < width; ++d) total[d] += row[d];
          }
        }
        for (std::int64_t d = 0; d < width; ++d)
          out[c * width + d] =
              first == last ? from[c * width + d] : static_cast<float>(total[d] / static_cast<double>(last - first));
      }
    });
    means_ = centroids.clone();
    return std::accumulate(inertia_.begin(), inertia_.end(), 0.0);
  }

 private:
  std::vector<char> changed(const std::vector<std::int64_t>& labels, const at::Tensor& centroids) const {
    std::vector<char> stale(inertia_.size(), before_.defined() ? 0 : 1);
    if (!before_.defined()) return stale;
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (labels[i] != labels_[i])
        stale[static_cast<std::size_t>(labels[i])] = stale[static_cast<std::size_t>(labels_[i])] = 1;
    const std::int64_t width = points_.size(1);
    const float *now = centroids.const_data_ptr<float>(), *then = before_.const_data_ptr<float>();
    for (std::size_t c = 0; c < stale.size(); ++c) {
      const auto row = static_cast<std::ptrdiff_t>(c) * width;
      if (!std::equal(now + row, now + row + width, then + row)) stale[c] = 1;
    }
    return stale;
  }

  at::Tensor points_;
  at::Tensor before_, means_;         // centroids of the last call before and after it
  std::vector<std::int64_t> labels_;  // of the last call
  std::vector<double> inertia_;
};

/// The nearest centroid of every point while the centroids move. On the CPU each point keeps lower bounds of its
/// distances to groups of centroids (Ding et al. 2015; with a group a centroid Elkan 2003, with one of all Hamerly
/// 2010), which fall by as much as centroids move, and looks at a group again only where its bound no longer tells. The
/// answer is that of a full search by distances summed in double, equal distances by smaller index.
class NearestCentroids {
 public:
  /// `searched` holds the same points on the device that searches.
  NearestCentroids(const at::Tensor& points, const at::Tensor& searched, std::int64_t clusters)
      : points_(points),
        searched_(searched),
        clusters_(clusters),
        width_(points.size(1)),
        labels_(static_cast<std::size_t>(points.size(0))) {
    if (!searched.is_cpu()) return;
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

  void update(const at::Tensor& centroids) {
    if (!searched_.is_cpu()) {
      const at::Tensor found =
          smallest_distances(searched_, centroids.to(searched_.device()), 1).indices.cpu().contiguous();
      std::copy_n(found.const_data_ptr<std::int64_t>(), labels_.size(), labels_.begin());
      return;
    }
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
      search(gather(points_, open, static_cast<std::int64_t>(open.size())), open, centroids);
    }
  }

  const std::vector<std::int64_t>& labels() const { return labels_; }

 private:
  static constexpr double rounding = 1e-9;        // far above that of a distance summed in double
  static constexpr double bound_rounding = 1e-6;  // of float32
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
    for (std::int64_t g = 0; g < groups_; ++g) {
      float least = std::numeric_limits<float>::infinity();
      for (std::int64_t c = g * group_; c < std::min(clusters_, (g + 1) * group_); ++c)
        if (c != labels_[at]) least = std::min(least, scores[c]);
      bounds[g] = std::sqrt(std::max(0.0F, shift + least)) * (1.0F - 16.0F * FLT_EPSILON);
    }
  }

  at::Tensor points_, searched_, before_;
  std::int64_t clusters_, width_;
  std::int64_t group_ = 1, groups_ = 1;  ///< centroids a group, of which the last may have fewer; groups
  std::vector<std::int64_t> labels_;
  std::vector<double> norms_;  ///< squared
  std::vector<double> own_;    ///< its own centroid is at most this far from the point
  std::vector<float> bounds_;  ///< [N, groups]: no centroid of a group, other than its own, is closer to the point
};

/// FAISS's rule for empty clusters. Returns how many there were.
std::int64_t split_big_clusters(std::vector<std::int64_t>& sizes, std::int64_t n, at::Tensor& centroids,
                                RandomStream& random) {
  constexpr float nudge = 1.0f / 1024.0f;
  const auto clusters = static_cast<std::int64_t>(sizes.size());
  const std::int64_t width = centroids.size(1);
  float* data = centroids.mutable_data_ptr<float>();
  std::int64_t empty = 0;
  for (std::int64_t c = 0; c < clusters; ++c) {
    if (sizes[static_cast<std::size_t>(c)] != 0) continue;
    ++empty;
    // Walk round the clusters, stopping at each with probability (size - 1) / (n - clusters); with n == clusters an
    // empty cluster means that another holds two, and that one is taken.
    std::int64_t from = 0;
    for (;; from = (from + 1) % clusters) {
      const auto spare = static_cast<double>(sizes[static_cast<std::size_t>(from)] - 1);
      if (spare > 0.0 && random.uniform() * static_cast<double>(n - clusters) < spare) break;
    }
    for (std::int64_t d = 0; d < width; ++d) {
      const float value = data[from * width + d], sign = d % 2 == 0 ? nudge : -nudge;
      data[c * width + d] = value * (1.0f + sign);
      data[from * width + d] = value * (1.0f - sign);
    }
    sizes[static_cast<std::size_t>(c)] = sizes[static_cast<std::size_t>(from)] / 2;
    sizes[static_cast<std::size_t>(from)] -= sizes[static_cast<std::size_t>(c)];
  }
  return empty;
}

/// What is trained on, on the CPU: all of the features or a random subset, as they are or as unit vectors.
at::Tensor training_points(const at::Tensor& features, const KMeansConfig& config) {
  at::Tensor points = checked(features, "features");
  const std::int64_t clusters = config.clusters;
  if (clusters < 1) throw InputError(fmt::format("k-means needs at least 1 cluster, got {}", clusters));
  if (clusters > points.size(0)) {
    throw InputError(fmt::format("k-means cannot make {} clusters of {} points", clusters, points.size(0)));
  }
  if (config.iterations < 1)
    throw InputError(fmt::format("k-means needs at least 1 iteration, got {}", config.iterations));
  if (config.max_points_per_centroid < 0) {
    throw InputError(fmt::format("max_points_per_centroid must be at least 0, got {}", config.max_points_per_centroid));
  }
  if (config.max_points_per_centroid > 0 && points.size(0) / config.max_points_per_centroid >= clusters &&
      points.size(0) > clusters * config.max_points_per_centroid) {
    RandomStream random(config.seed, Purpose::clustering, subset_stream);
    points = gather(points, permutation(points.size(0), random), clusters * config.max_points_per_centroid);
  }
  return config.normalise ? normalise_rows(points) : points;
}

/// Lloyd's iterations on `points`; `searched` is the same on the device that searches.
KMeans lloyd(const at::Tensor& searched, const at::Tensor& points, at::Tensor centroids, const KMeansConfig& config,
             const KMeansProgress& progress) {
  const std::int64_t n = points.size(0), clusters = config.clusters;
  KMeans out;
  out.points = n;
  out.centroids = std::move(centroids);
  RandomStream split(config.seed, Purpose::clustering, split_stream);
  NearestCentroids nearest(points, searched, clusters);
  ClusterMeans means(points, clusters);
  for (std::int64_t iteration = 0; iteration < config.iterations; ++iteration) {
    stop_if_interrupted();
    nearest.update(out.centroids);
    const Members members = members_of(nearest.labels().data(), n, clusters);
    const double inertia = means.move(nearest.labels(), members, out.centroids);
    out.inertia.push_back(inertia);
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(clusters));
    for (std::size_t c = 0; c < sizes.size(); ++c) sizes[c] = members.start[c + 1] - members.start[c];
    out.empty.push_back(split_big_clusters(sizes, n, out.centroids, split));
    if (progress) progress(iteration + 1, config.iterations, inertia);
  }
  return out;
}

}  // namespace

at::Tensor normalise_rows(const at::Tensor& features) {
  const at::Tensor host = checked(features, "features");
  at::Tensor out = at::empty_like(host);
  const std::int64_t width = host.size(1);
  const float* x = host.const_data_ptr<float>();
  float* y = out.mutable_data_ptr<float>();
  at::parallel_for(0, host.size(0), 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      double squared = 0.0;
      for (std::int64_t d = 0; d < width; ++d) squared += double{x[i * width + d]} * x[i * width + d];
      const double scale = squared > 0.0 ? 1.0 / std::sqrt(squared) : 0.0;
      for (std::int64_t d = 0; d < width; ++d) y[i * width + d] = static_cast<float>(x[i * width + d] * scale);
    }
  });
  return out.to(features.device());
}

KMeans kmeans_fit(const at::Tensor& features, const KMeansConfig& config, const KMeansProgress& progress) {
  const at::Tensor points = training_points(features, config);
  RandomStream start(config.seed, Purpose::clustering, start_stream);
  at::Tensor initial = gather(points, permutation(points.size(0), start), config.clusters);
  return lloyd(points.to(features.device()), points, std::move(initial), config, progress);
}

KMeans kmeans_fit_from(const at::Tensor& features, const at::Tensor& initial, const KMeansConfig& config,
                       const KMeansProgress& progress) {
  const at::Tensor points = training_points(features, config);
  const at::Tensor centroids = checked(initial, "initial centroids");
  if (centroids.size(0) != config.clusters || centroids.size(1) != points.size(1)) {
    throw InputError(fmt::format("k-means: initial centroids are [{}, {}]; expected [{}, {}]", centroids.size(0),
                                 centroids.size(1), config.clusters, points.size(1)));
  }
  return lloyd(points.to(features.device()), points, centroids.clone(), config, progress);
}

std::vector<std::int64_t> kmeans_assign(const at::Tensor& features, const at::Tensor& centroids, bool normalised) {
  const at::Tensor means = checked(centroids, "centroids");
  at::Tensor points = checked(features, "features");
  if (points.size(1) != means.size(1) || means.size(0) < 1) {
    throw InputError(fmt::format("k-means: features have {} columns, the {} centroids {}", points.size(1),
                                 means.size(0), means.size(1)));
  }
  if (normalised) points = normalise_rows(points);
  NearestCentroids nearest(points, points.to(features.device()), means.size(0));
  nearest.update(means);
  return nearest.labels();
}

}  // namespace assay
