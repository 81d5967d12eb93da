#include "metrics/kmeans.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/philox.h"
#include "kernels/smallest_distances.h"
#include "kernels/smallest_distances_math.h"

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
  const at::Tensor host = features.detach().cpu().contiguous();
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

/// Each centroid sums its own members in index order, so threads do not change a bit. Empty clusters keep theirs.
void move_to_means(const at::Tensor& points, const Members& members, at::Tensor& centroids) {
  const std::int64_t width = points.size(1);
  const float* x = points.const_data_ptr<float>();
  float* out = centroids.mutable_data_ptr<float>();
  at::parallel_for(0, centroids.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> sum(static_cast<std::size_t>(width));
    for (std::int64_t c = begin; c < end; ++c) {
      const std::int64_t first = members.start[static_cast<std::size_t>(c)],
                         last = members.start[static_cast<std::size_t>(c) + 1];
      if (first == last) continue;
      std::fill(sum.begin(), sum.end(), 0.0);
      for (std::int64_t m = first; m < last; ++m) {
        const float* row = x + members.order[static_cast<std::size_t>(m)] * width;
        for (std::int64_t d = 0; d < width; ++d) sum[static_cast<std::size_t>(d)] += row[d];
      }
      for (std::int64_t d = 0; d < width; ++d) {
        out[c * width + d] = static_cast<float>(sum[static_cast<std::size_t>(d)] / static_cast<double>(last - first));
      }
    }
  });
}

/// The nearest centroid of every point while the centroids move. On the CPU a point is searched for again only where
/// its second nearest centroid may have come closer than its own (Hamerly 2010); the answer is that of a full search.
class NearestCentroids {
 public:
  /// `searched` holds the same points on the device that searches.
  NearestCentroids(const at::Tensor& points, const at::Tensor& searched)
      : points_(points),
        searched_(searched),
        labels_(static_cast<std::size_t>(points.size(0))),
        distances_(labels_.size()),
        reach_(labels_.size(), 0.0) {}

  void update(const at::Tensor& centroids) {
    if (!searched_.is_cpu()) {
      keep(smallest_distances(searched_, centroids.to(searched_.device()), 1), nullptr);
      return;
    }
    const std::vector<std::int64_t> open = before_.defined() ? left_open(centroids) : all();
    before_ = centroids.clone();
    if (open.empty()) return;
    const std::int64_t k = std::min<std::int64_t>(2, centroids.size(0));
    // Copies pay where they spare much.
    if (open.size() > labels_.size() / 4 * 3) return keep(smallest_distances(points_, centroids, k), nullptr);
    const at::Tensor rows = gather(points_, open, static_cast<std::int64_t>(open.size()));
    keep(smallest_distances(rows, centroids, k), open.data());
  }

  const std::vector<std::int64_t>& labels() const { return labels_; }
  /// Squared.
  const std::vector<double>& distances() const { return distances_; }

 private:
  std::vector<std::int64_t> all() const {
    std::vector<std::int64_t> out(labels_.size());
    std::iota(out.begin(), out.end(), std::int64_t{0});
    return out;
  }

  /// The points whose own centroid may not be the nearest any more. Brings the distances of the others up to date.
  std::vector<std::int64_t> left_open(const at::Tensor& centroids) {
    const std::int64_t width = points_.size(1), clusters = centroids.size(0);
    const float *x = points_.const_data_ptr<float>(), *means = centroids.const_data_ptr<float>();
    // A centroid other than a point's own comes closer by the largest of the others' moves at most.
    std::vector<double> moves;
    for (std::int64_t c = 0; c < clusters; ++c)
      moves.push_back(
          std::sqrt(squared_distance(means + c * width, before_.const_data_ptr<float>() + c * width, width)));
    const auto farthest = std::max_element(moves.begin(), moves.end()) - moves.begin();
    double second = 0.0;
    for (std::int64_t c = 0; c < clusters; ++c)
      if (c != farthest) second = std::max(second, moves[static_cast<std::size_t>(c)]);
    const double most = moves[static_cast<std::size_t>(farthest)];
    constexpr double rounding = 1e-9;  // far above that of a distance summed in double
    std::vector<char> open(labels_.size());
    at::parallel_for(0, static_cast<std::int64_t>(labels_.size()), 512, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = begin; at < end; ++at) {
        const auto i = static_cast<std::size_t>(at);
        reach_[i] -= (labels_[i] == farthest ? second : most) * (1.0 + rounding);
        const double own = std::sqrt(distances_[i]) + moves[static_cast<std::size_t>(labels_[i])];
        open[i] = own * (1.0 + rounding) < reach_[i] ? 0 : 1;
        if (open[i] == 0) distances_[i] = squared_distance(x + at * width, means + labels_[i] * width, width);
      }
    });
    std::vector<std::int64_t> out;
    for (std::size_t i = 0; i < open.size(); ++i)
      if (open[i] != 0) out.push_back(static_cast<std::int64_t>(i));
    return out;
  }

  /// Row r of what was found is of point `rows[r]`, or of point r.
  void keep(const SmallestDistances& found, const std::int64_t* rows) {
    const at::Tensor indices = found.indices.cpu().contiguous(), distances = found.distances.cpu().contiguous();
    const std::int64_t k = indices.size(1);
    for (std::int64_t r = 0; r < indices.size(0); ++r) {
      const auto i = static_cast<std::size_t>(rows != nullptr ? rows[r] : r);
      labels_[i] = indices.const_data_ptr<std::int64_t>()[r * k];
      distances_[i] = distances.const_data_ptr<double>()[r * k];
      reach_[i] = k > 1 ? std::sqrt(distances.const_data_ptr<double>()[r * k + 1]) : endless;
    }
  }

  static constexpr double endless = std::numeric_limits<double>::infinity();
  at::Tensor points_, searched_, before_;
  std::vector<std::int64_t> labels_;
  std::vector<double> distances_;
  std::vector<double> reach_;  ///< no other centroid than its own is closer to the point
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
  NearestCentroids nearest(points, searched);
  for (std::int64_t iteration = 0; iteration < config.iterations; ++iteration) {
    nearest.update(out.centroids);
    const double inertia = std::accumulate(nearest.distances().begin(), nearest.distances().end(), 0.0);
    out.inertia.push_back(inertia);

    const Members members = members_of(nearest.labels().data(), n, clusters);
    move_to_means(points, members, out.centroids);
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
  const at::Tensor labels =
      smallest_distances(points.to(features.device()), means.to(features.device()), 1).indices.cpu().contiguous();
  const std::int64_t* data = labels.const_data_ptr<std::int64_t>();
  return {data, data + labels.numel()};
}

}  // namespace assay
