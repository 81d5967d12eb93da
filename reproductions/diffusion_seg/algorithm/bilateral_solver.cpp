#include "reproductions/diffusion_seg/algorithm/bilateral_solver.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/config.h"
#include "core/error.h"

namespace assay::diffusion_seg {
namespace {

constexpr std::size_t dimensions = 5;
// Of a coordinate in a key. The last number of so many bits is no place: a step above the last place makes it, and so
// does one below the first, which borrows from the next coordinate. Neither is any vertex's.
constexpr int place_bits = 12;
constexpr std::int64_t most_places = (std::int64_t{1} << place_bits) - 1;
constexpr double least_diagonal = 1e-5;  // of the preconditioner

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// floor(numerator / (denominator * sigma)). Whole numbers in the numerator keep multiples of sigma exact.
std::int64_t place(std::int64_t numerator, double denominator, double sigma) {
  return static_cast<std::int64_t>(std::floor(static_cast<double>(numerator) / (denominator * sigma)));
}

void check_places(double largest, double sigma, const char* name) {
  // Written so that NaN fails.
  if (!(sigma > 0 && largest / sigma < static_cast<double>(most_places)))
    throw InputError(fmt::format("bilateral solver: {} {} divides 0 to {} into too many places; accepted: at most {}",
                                 name, sigma, largest, most_places));
}

/// The system that y solves, without its matrix.
class System {
 public:
  System(const BilateralGrid& grid, const Balance& balance, double lambda, std::vector<double> confidence)
      : grid_(grid), balance_(balance), lambda_(lambda), confidence_(std::move(confidence)) {}

  std::vector<double> times(std::span<const double> y) const {
    std::vector<double> scaled(y.size());
    for (std::size_t v = 0; v < y.size(); ++v) scaled[v] = balance_.n[v] * y[v];
    std::vector<double> out = grid_.blur(scaled);
    for (std::size_t v = 0; v < y.size(); ++v)
      out[v] = lambda_ * (balance_.m[v] * y[v] - balance_.n[v] * out[v]) + confidence_[v] * y[v];
    return out;
  }

  std::vector<double> diagonal() const {
    std::vector<double> out(confidence_.size());
    for (std::size_t v = 0; v < out.size(); ++v)
      out[v] = lambda_ * (balance_.m[v] - 2.0 * dimensions * balance_.n[v] * balance_.n[v]) + confidence_[v];
    return out;
  }

 private:
  const BilateralGrid& grid_;
  const Balance& balance_;
  double lambda_;
  std::vector<double> confidence_;
};

/// Preconditioned conjugate gradients from `y`, which becomes the solution.
void descend(const System& system, const std::vector<double>& right, const BilateralOptions& options,
             std::vector<double>& y, BilateralSolution& solution) {
  const std::size_t size = y.size();
  std::vector<double> inverse = system.diagonal(), residual = system.times(y), z(size), direction;
  for (std::size_t v = 0; v < size; ++v) {
    inverse[v] = 1.0 / std::max(inverse[v], least_diagonal);
    residual[v] = right[v] - residual[v];
  }
  const double scale = std::sqrt(dot(right, right));
  double along = 0.0;
  while (true) {
    const double norm = std::sqrt(dot(residual, residual));
    // A right side of zero has the solution zero, from which it starts.
    solution.residual = scale > 0 ? norm / scale : norm;
    if (norm <= options.tolerance * scale || solution.iterations == options.iterations) return;
    for (std::size_t v = 0; v < size; ++v) z[v] = inverse[v] * residual[v];
    const double next = dot(residual, z);
    if (solution.iterations == 0)
      direction = z;
    else
      for (std::size_t v = 0; v < size; ++v) direction[v] = z[v] + next / along * direction[v];
    along = next;
    const std::vector<double> image = system.times(direction);
    const double length = along / dot(direction, image);
    for (std::size_t v = 0; v < size; ++v) {
      y[v] += length * direction[v];
      residual[v] -= length * image[v];
    }
    ++solution.iterations;
  }
}

}  // namespace

BilateralOptions read_bilateral_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  BilateralOptions o;
  o.sigma_spatial = reader.real("sigma_spatial", o.sigma_spatial, 0.1, 1e6);
  o.sigma_luma = reader.real("sigma_luma", o.sigma_luma, 0.1, 1e6);
  o.sigma_chroma = reader.real("sigma_chroma", o.sigma_chroma, 0.1, 1e6);
  o.lambda = reader.real("lambda", o.lambda, 0.0, 1e9);
  o.confidence = reader.real("confidence", o.confidence, 1e-9, 1e9);
  o.balancing_steps = reader.integer("balancing_steps", o.balancing_steps, 0, 10000);
  o.iterations = reader.integer("iterations", o.iterations, 0, 1000000);
  o.tolerance = reader.real("tolerance", o.tolerance, 0.0, 1.0);
  o.threshold = reader.real("threshold", o.threshold, 0.0, 1.0);
  reader.finish();
  return o;
}

nlohmann::json to_json(const BilateralOptions& o) {
  return {{"sigma_spatial", o.sigma_spatial}, {"sigma_luma", o.sigma_luma},
          {"sigma_chroma", o.sigma_chroma},   {"lambda", o.lambda},
          {"confidence", o.confidence},       {"balancing_steps", o.balancing_steps},
          {"iterations", o.iterations},       {"tolerance", o.tolerance},
          {"threshold", o.threshold}};
}

BilateralGrid::BilateralGrid(const Image& image, double sigma_spatial, double sigma_luma, double sigma_chroma) {
  if (image.channels != 3 || image.width < 1 || image.height < 1)
    throw InputError(fmt::format("bilateral solver: an image of {} x {} pixels and {} channels; accepted: 3 channels",
                                 image.width, image.height, image.channels));
  check_places(std::max(image.width, image.height) - 1, sigma_spatial, "sigma_spatial");
  check_places(255, sigma_luma, "sigma_luma");
  check_places(255.5, sigma_chroma, "sigma_chroma");

  std::vector<std::int64_t> key_of;
  key_of.reserve(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const std::uint8_t* rgb = image.at(x, y);
      const std::int64_t r = rgb[0], g = rgb[1], b = rgb[2];
      const std::array<std::int64_t, dimensions> places = {
          place(x, 1, sigma_spatial), place(y, 1, sigma_spatial), place(299 * r + 587 * g + 114 * b, 1e3, sigma_luma),
          place(128'000'000 - 168'736 * r - 331'264 * g + 500'000 * b, 1e6, sigma_chroma),
          place(128'000'000 + 500'000 * r - 418'688 * g - 81'312 * b, 1e6, sigma_chroma)};
      std::int64_t key = 0;
      for (std::size_t d = dimensions; d-- > 0;) key = key << place_bits | places[d];
      key_of.push_back(key);
    }

  std::vector<std::int64_t> keys = key_of;
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  vertices_ = static_cast<std::int64_t>(keys.size());
  const auto vertex = [&](std::int64_t key) {
    const auto found = std::lower_bound(keys.begin(), keys.end(), key);
    return found != keys.end() && *found == key ? found - keys.begin() : none;
  };
  vertex_of_.reserve(key_of.size());
  for (const std::int64_t key : key_of) vertex_of_.push_back(vertex(key));
  neighbours_.resize(keys.size());
  for (std::size_t v = 0; v < keys.size(); ++v)
    for (std::size_t d = 0; d < dimensions; ++d) {
      const std::int64_t step = std::int64_t{1} << place_bits * static_cast<int>(d);
      neighbours_[v][2 * d] = vertex(keys[v] - step);
      neighbours_[v][2 * d + 1] = vertex(keys[v] + step);
    }
}

std::vector<double> BilateralGrid::splat(std::span<const double> of_pixels) const {
  std::vector<double> out(static_cast<std::size_t>(vertices_), 0.0);
  for (std::size_t i = 0; i < of_pixels.size(); ++i) out[static_cast<std::size_t>(vertex_of_[i])] += of_pixels[i];
  return out;
}

std::vector<double> BilateralGrid::slice(std::span<const double> of_vertices) const {
  std::vector<double> out;
  out.reserve(vertex_of_.size());
  for (const std::int64_t v : vertex_of_) out.push_back(of_vertices[static_cast<std::size_t>(v)]);
  return out;
}

std::vector<double> BilateralGrid::blur(std::span<const double> of_vertices) const {
  std::vector<double> out(of_vertices.size());
  for (std::size_t v = 0; v < out.size(); ++v) {
    double sum = 2.0 * dimensions * of_vertices[v];
    for (const std::int64_t other : neighbours_[v])
      if (other != none) sum += of_vertices[static_cast<std::size_t>(other)];
    out[v] = sum;
  }
  return out;
}

Balance balance(const BilateralGrid& grid, std::int64_t steps) {
  const std::vector<double> counts = grid.splat(std::vector<double>(static_cast<std::size_t>(grid.pixels()), 1.0));
  Balance out{.n = std::vector<double>(counts.size(), 1.0), .m = {}};
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::vector<double> blurred = grid.blur(out.n);
    for (std::size_t v = 0; v < counts.size(); ++v) out.n[v] = std::sqrt(out.n[v] * counts[v] / blurred[v]);
  }
  out.m = grid.blur(out.n);
  for (std::size_t v = 0; v < counts.size(); ++v) out.m[v] *= out.n[v];
  return out;
}

BilateralSolution solve_bilateral(const Image& image, std::span<const float> target, const BilateralOptions& options,
                                  std::span<const float> confidence) {
  const BilateralGrid grid(image, options.sigma_spatial, options.sigma_luma, options.sigma_chroma);
  const auto pixels = static_cast<std::size_t>(grid.pixels());
  if (target.size() != pixels || (!confidence.empty() && confidence.size() != pixels))
    throw InputError(fmt::format("bilateral solver: {} values{} for {} x {} pixels", target.size(),
                                 confidence.empty() ? "" : fmt::format(" and {} of confidence", confidence.size()),
                                 image.width, image.height));
  std::vector<double> weights(pixels, options.confidence), weighted(pixels);
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (std::size_t i = 0; i < pixels; ++i) {
    if (!confidence.empty()) weights[i] = static_cast<double>(confidence[i]);
    const auto value = static_cast<double>(target[i]);
    if (!std::isfinite(value) || !std::isfinite(weights[i]) || weights[i] < 0)
      throw InputError(
          fmt::format("bilateral solver: pixel {} has target {} and confidence {}; accepted: numbers, the "
                      "latter from 0 on",
                      i, value, weights[i]));
    weighted[i] = weights[i] * value;
    if (weights[i] == 0) continue;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  if (least > most) throw InputError("bilateral solver: no pixel of the target has any confidence");

  const std::vector<double> trust = grid.splat(weights), right = grid.splat(weighted);
  const double mean =
      std::accumulate(weighted.begin(), weighted.end(), 0.0) / std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> y(trust.size());
  for (std::size_t v = 0; v < y.size(); ++v) y[v] = trust[v] > 0 ? right[v] / trust[v] : mean;
  const Balance balanced = balance(grid, options.balancing_steps);
  BilateralSolution solution{.map = {}, .vertices = grid.vertices()};
  descend(System(grid, balanced, options.lambda, trust), right, options, y, solution);

  solution.map.reserve(pixels);
  for (const double value : grid.slice(y)) solution.map.push_back(static_cast<float>(std::clamp(value, least, most)));
  return solution;
}

}  // namespace assay::diffusion_seg
