#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace assay {

/// Options of k-means as FAISS trains it and Self-Guided Diffusion uses it (its published code).
struct KMeansConfig {
  std::int64_t clusters = 100;   // at least 1, at most the number of training points
  std::int64_t iterations = 30;  // Lloyd iterations, at least 1
  /// Training uses a random subset of at most this many points per cluster; 0 uses all.
  std::int64_t max_points_per_centroid = 256;
  /// Scale training features to unit length (zero vectors stay).
  bool normalise = true;
  /// What is assigned to clusters fitted on unit vectors: false, the raw features, as the published code does (large
  /// norms then favour clusters with long centroids); true, unit vectors.
  bool assign_normalised = false;
  std::uint64_t seed = 0;
};

struct KMeans {
  at::Tensor centroids;             // float32 [K, D] on the CPU
  std::vector<double> inertia;      // sum of squared distances before each iteration's update
  std::vector<std::int64_t> empty;  // clusters that were empty and split a big one, per iteration
  std::int64_t points = 0;          // training points after subsampling
};

/// Called after each iteration with the iterations done, of how many, and the inertia.
using KMeansProgress = std::function<void(std::int64_t, std::int64_t, double)>;

/// Fits clusters to `features` [N, D] float32. Initial centroids are the first K of a random permutation; each
/// iteration assigns by exact search and moves centroids to the mean of their members; an empty cluster takes a copy
/// of a big one (probability proportional to size - 1) and the two are perturbed by factors 1 +- 1/1024, alternating
/// by coordinate. The same bits for any number of threads. Random numbers: RandomStream(seed, clustering).
/// Throws InputError for K < 1 or K > N, other options out of range, a shape that is not [N, D] float32, and a value
/// that is not finite (naming row and column).
KMeans kmeans_fit(const at::Tensor& features, const KMeansConfig& config, const KMeansProgress& progress = {});

/// The same from given centroids [K, D] float32, on the scale of what is trained on (unit vectors where
/// `config.normalise`). `config.clusters` must be K. Errors as for kmeans_fit.
KMeans kmeans_fit_from(const at::Tensor& features, const at::Tensor& initial, const KMeansConfig& config,
                       const KMeansProgress& progress = {});

/// The nearest centroid of each row of `features` [N, D] (equal distances: the smaller id), on unit vectors where
/// `normalised`. Errors as for kmeans_fit.
std::vector<std::int64_t> kmeans_assign(const at::Tensor& features, const at::Tensor& centroids, bool normalised);

/// Rows divided by their Euclidean norm (worked out in double); zero rows stay zero.
at::Tensor normalise_rows(const at::Tensor& features);

}  // namespace assay
