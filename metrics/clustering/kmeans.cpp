#include "metrics/clustering/kmeans.h"

#include <ATen/ops/empty_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "kernels/chosen_rows.h"
#include "kernels/parallel_for.h"
#include "kernels/smallest_distances_math.h"
#include "metrics/clustering/nearest_centroids.h"

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

/// The first `count` of the rows in a random order.
at::Tensor some_rows(const at::Tensor& rows, std::int64_t count, RandomStream& random) {
  std::vector<std::int64_t> order = permutation(rows.size(0), random);
  order.resize(static_cast<std::size_t>(count));
  return chosen_rows(rows, order);
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
    points = some_rows(points, clusters * config.max_points_per_centroid, random);
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
  const auto nearest = nearest_centroids(points, searched, clusters);
  ClusterMeans means(points, clusters);
  for (std::int64_t iteration = 0; iteration < config.iterations; ++iteration) {
    stop_if_interrupted();
    nearest->update(out.centroids);
    const Members members = members_of(nearest->labels().data(), n, clusters);
    const double inertia = means.move(nearest->labels(), members, out.centroids);
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
  return lloyd(points.to(features.device()), points, some_rows(points, config.clusters, start), config, progress);
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
  const auto nearest = nearest_centroids(points, points.to(features.device()), means.size(0));
  nearest->update(means);
  return nearest->labels();
}

}  // namespace assay
