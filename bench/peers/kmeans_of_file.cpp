// Our side of the k-means case of tools/peers: one fit and one assignment of the features in a file, from the centroids
// that the file gives, timed, in the form of `assay metric --json`.
//
//   kmeans_of_file FILE.safetensors ITERATIONS
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "metrics/clustering/kmeans.h"

namespace assay {
namespace {

/// The matrix of that name; lives as long as the file.
at::Tensor matrix(const SafetensorsFile& file, const std::string& name) {
  const TensorView view = file.at(name);
  return at::from_blob(const_cast<float*>(view.f32(name).data()), view.shape, at::kFloat);
}

double inertia_of(const at::Tensor& points, const at::Tensor& centroids, const std::vector<std::int64_t>& labels) {
  const std::int64_t width = points.size(1);
  double sum = 0.0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const float* x = points.const_data_ptr<float>() + static_cast<std::int64_t>(i) * width;
    const float* c = centroids.const_data_ptr<float>() + labels[i] * width;
    for (std::int64_t d = 0; d < width; ++d) sum += (double{x[d]} - c[d]) * (double{x[d]} - c[d]);
  }
  return sum;
}

int run(const std::string& path, std::int64_t iterations) {
  const SafetensorsFile file(path);
  const at::Tensor points = matrix(file, "features"), initial = matrix(file, "centroids");
  const auto start = std::chrono::steady_clock::now();
  const KMeans fitted = kmeans_fit_from(
      points, initial,
      {.clusters = initial.size(0), .iterations = iterations, .max_points_per_centroid = 0, .normalise = false});
  const std::vector<std::int64_t> labels = kmeans_assign(points, fitted.centroids, false);
  const double seconds = seconds_since(start);
  const double inertia = inertia_of(points, fitted.centroids, labels);
  const nlohmann::json row = {{"metric", "inertia"}, {"value", inertia}};
  fmt::print("{}\n", nlohmann::json{{"results", {row}}, {"seconds", {{"total", seconds}}}}.dump());
  return 0;
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw assay::InputError("usage: kmeans_of_file FILE.safetensors ITERATIONS");
    return assay::run(argv[1], std::stoll(argv[2]));
  } catch (const std::exception& error) {
    fmt::print(stderr, "kmeans_of_file: {}\n", error.what());
    return 2;
  }
}
