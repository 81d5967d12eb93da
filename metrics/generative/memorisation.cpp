#include "metrics/generative/memorisation.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "kernels/chosen_rows.h"
#include "kernels/parallel_for.h"
#include "kernels/smallest_distances.h"
#include "kernels/smallest_distances_math.h"
#include "metrics/clustering/kmeans.h"
#include "metrics/feature_sets/moments.h"
#include "metrics/linear_algebra/dense.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

constexpr std::uint64_t held_out_stream = std::uint64_t{1} << 44;

using Indices = std::vector<std::int64_t>;

at::Tensor as_tensor(const FeatureRows& rows) {
  return at::from_blob(const_cast<float*>(rows.values.data()), {rows.count(), rows.width}, at::kFloat);
}

/// The main axes of the rows by falling variance, [width, dimensions] row after row, and the mean that they start from.
struct Axes {
  std::vector<double> mean, directions;
  std::int64_t dimensions = 0;
};

Axes principal_axes(const FeatureRows& rows, std::int64_t dimensions) {
  FeatureMoments moments(rows.width);
  moments.add(0, rows.values);
  const Eigen::VectorXd mean = moments.mean();
  dense::Matrix covariance(moments.covariance());
  const dense::OneThread one_thread;
  dense::eigenvectors(covariance);
  Axes axes{{mean.begin(), mean.end()}, {}, dimensions};
  axes.directions.resize(static_cast<std::size_t>(rows.width * dimensions));
  for (std::int64_t d = 0; d < rows.width; ++d)
    for (std::int64_t c = 0; c < dimensions; ++c)
      axes.directions[static_cast<std::size_t>(d * dimensions + c)] =
          covariance(static_cast<int>(d), static_cast<int>(rows.width - 1 - c));
  return axes;
}

at::Tensor projected(const FeatureRows& rows, const Axes& axes) {
  at::Tensor out = at::empty({rows.count(), axes.dimensions}, at::kFloat);
  float* to = out.mutable_data_ptr<float>();
  at::parallel_for(0, rows.count(), 64, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> sums(static_cast<std::size_t>(axes.dimensions));
    for (std::int64_t i = begin; i < end; ++i) {
      std::fill(sums.begin(), sums.end(), 0.0);
      const double* direction = axes.directions.data();
      for (std::int64_t d = 0; d < rows.width; ++d) {
        const double value = double{rows.row(i)[d]} - axes.mean[static_cast<std::size_t>(d)];
        for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += value * *direction++;
      }
      std::copy(sums.begin(), sums.end(), to + i * axes.dimensions);
    }
  });
  return out;
}

/// Rows far from each other to begin with: each is drawn by the square of its distance to those before it (k-means++,
/// Arthur and Vassilvitskii 2007).
at::Tensor spread_rows(const at::Tensor& rows, std::int64_t count, RandomStream& random) {
  const std::int64_t n = rows.size(0), width = rows.size(1);
  const float* values = rows.const_data_ptr<float>();
  Indices chosen = {static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(n)))};
  std::vector<double> nearest(static_cast<std::size_t>(n), std::numeric_limits<double>::infinity());
  while (static_cast<std::int64_t>(chosen.size()) < count) {
    double all = 0.0;
    for (std::int64_t i = 0; i < n; ++i) {
      double& least = nearest[static_cast<std::size_t>(i)];
      least = std::min(least, squared_distance(values + i * width, values + chosen.back() * width, width));
      all += least;
    }
    double left = random.uniform() * all;
    std::int64_t next = 0;
    while (next + 1 < n && left >= nearest[static_cast<std::size_t>(next)])
      left -= nearest[static_cast<std::size_t>(next++)];
    chosen.push_back(next);
  }
  return chosen_rows(rows, chosen);
}

at::Tensor tightest_centroids(const at::Tensor& training, const DataCopyingOptions& options) {
  at::Tensor best;
  double least = std::numeric_limits<double>::infinity();
  for (std::int64_t fit = 0; fit < options.fits; ++fit) {
    stop_if_interrupted();
    RandomStream random(options.seed, Purpose::clustering, static_cast<std::uint64_t>(fit));
    KMeans found = kmeans_fit_from(
        training, spread_rows(training, options.cells, random),
        {.clusters = options.cells, .iterations = 100, .max_points_per_centroid = 0, .normalise = false});
    if (found.inertia.back() >= least) continue;
    least = found.inertia.back();
    best = std::move(found.centroids);
  }
  return best;
}

/// Rows of each cell.
std::vector<Indices> members(const at::Tensor& rows, const at::Tensor& centroids) {
  std::vector<Indices> cells(static_cast<std::size_t>(centroids.size(0)));
  const Indices ids = kmeans_assign(rows, centroids, false);
  for (std::size_t i = 0; i < ids.size(); ++i)
    cells[static_cast<std::size_t>(ids[i])].push_back(static_cast<std::int64_t>(i));
  return cells;
}

/// Squared distances of these rows to the nearest training row of their cell.
std::vector<double> distances(const at::Tensor& rows, const Indices& numbers, const at::Tensor& training) {
  if (numbers.empty()) return {};
  const at::Tensor found = smallest_distances(chosen_rows(rows, numbers), training, 1).distances.contiguous();
  const double* begin = found.const_data_ptr<double>();
  return {begin, begin + found.numel()};
}

/// One row of a cell: how far it lies from the training rows, how often it was drawn, and whether it is generated.
struct Ranked {
  double distance;
  std::int64_t row;
  bool generated;
};

/// The rows of a cell by rising distance.
std::vector<Ranked> ranked(const std::vector<double>& generated, const Indices& generated_rows,
                           const std::vector<double>& held_out, const Indices& held_out_rows) {
  std::vector<Ranked> rows;
  rows.reserve(generated.size() + held_out.size());
  for (std::size_t i = 0; i < generated.size(); ++i) rows.push_back({generated[i], generated_rows[i], true});
  for (std::size_t i = 0; i < held_out.size(); ++i) rows.push_back({held_out[i], held_out_rows[i], false});
  std::sort(rows.begin(), rows.end(), [](const Ranked& a, const Ranked& b) { return a.distance < b.distance; });
  return rows;
}

struct CellScore {
  double generated = 0, held_out = 0, z = 0;
};

/// `times(row, generated)` says how often a row was drawn.
template <class Times>
CellScore score(const std::vector<Ranked>& rows, const Times& times) {
  CellScore out;
  double larger = 0.0;  // pairs in which the generated row lies farther
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin;
    double generated = 0.0, held_out = 0.0;
    for (; end < rows.size() && rows[end].distance == rows[begin].distance; ++end)
      (rows[end].generated ? generated : held_out) += times(rows[end]);
    larger += generated * (out.held_out + 0.5 * held_out);
    out.generated += generated;
    out.held_out += held_out;
    begin = end;
  }
  const double pairs = out.generated * out.held_out;
  if (pairs > 0.0)
    out.z = (larger - (pairs / 2.0 - 0.5)) / std::sqrt(pairs * (out.generated + out.held_out + 1.0) / 12.0);
  return out;
}

/// NaN where no cell counts.
double mean_z(const std::vector<CellScore>& cells, std::int64_t fewest) {
  double sum = 0.0, weights = 0.0;
  for (const CellScore& cell : cells) {
    if (!(cell.generated > static_cast<double>(fewest))) continue;
    sum += cell.held_out * cell.z;
    weights += cell.held_out;
  }
  return weights > 0.0 ? sum / weights : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> replicates(const std::vector<std::vector<Ranked>>& cells, std::int64_t generated,
                               std::int64_t held_out, const DataCopyingOptions& options) {
  std::vector<double> values(static_cast<std::size_t>(options.replicates));
  const auto drawn = [&](std::int64_t n, std::uint64_t stream, std::int64_t r) {
    std::vector<double> times(static_cast<std::size_t>(n), 0.0);
    for (const std::int64_t i :
         resample_indices(n, options.seed, static_cast<std::int64_t>(stream + static_cast<std::uint64_t>(r))))
      times[static_cast<std::size_t>(i)] += 1.0;
    return times;
  };
  at::parallel_for(0, options.replicates, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      stop_if_interrupted();
      const std::vector<double> of_generated = drawn(generated, 0, r),
                                of_held_out = drawn(held_out, held_out_stream, r);
      std::vector<CellScore> scores;
      scores.reserve(cells.size());
      for (const auto& cell : cells)
        scores.push_back(score(cell, [&](const Ranked& row) {
          return (row.generated ? of_generated : of_held_out)[static_cast<std::size_t>(row.row)];
        }));
      values[static_cast<std::size_t>(r)] = mean_z(scores, options.fewest);
    }
  });
  values.erase(std::remove_if(values.begin(), values.end(), [](double value) { return std::isnan(value); }),
               values.end());
  return values;
}

}  // namespace

Authenticity authenticity(const FeatureRows& generated, const FeatureRows& training) {
  check_pair(generated, training);
  if (generated.count() < 1 || training.count() < 2)
    throw InputError(fmt::format("authenticity of {} generated rows beside {} training rows; expected at least 1 and 2",
                                 generated.count(), training.count()));
  const at::Tensor x = as_tensor(generated), t = as_tensor(training);
  const SmallestDistances nearest = smallest_distances(x, t, 1);
  const at::Tensor indices = nearest.indices.contiguous(), distances = nearest.distances.contiguous();
  // The second nearest training row of a training row: the nearest, at distance 0, is the row itself or its equal.
  const std::span<const std::int64_t> owners(indices.const_data_ptr<std::int64_t>(),
                                             static_cast<std::size_t>(generated.count()));
  const at::Tensor own = smallest_distances(chosen_rows(t, owners), t, 2).distances.contiguous();
  Authenticity out{0, generated.count()};
  for (std::int64_t i = 0; i < out.rows; ++i)
    out.authentic += own.const_data_ptr<double>()[2 * i + 1] < distances.const_data_ptr<double>()[i] ? 1 : 0;
  return out;
}

DataCopying data_copying(const FeatureRows& generated, const FeatureRows& held_out, const FeatureRows& training,
                         const DataCopyingOptions& options) {
  check_pair(generated, training);
  check_rows(held_out, "held-out features");
  if (held_out.width != training.width)
    throw InputError(fmt::format("held-out features are {} wide and reference features {}; expected equal widths",
                                 held_out.width, training.width));
  if (training.count() < std::max<std::int64_t>(options.cells, 2) || generated.count() < 1 || held_out.count() < 1)
    throw InputError(fmt::format(
        "a C_T test in {} cells of {} training, {} held-out and {} generated rows; expected at least as many "
        "training rows, and one of the others",
        options.cells, training.count(), held_out.count(), generated.count()));
  at::Tensor x = as_tensor(generated), p = as_tensor(held_out), t = as_tensor(training);
  if (training.width > options.dimensions) {
    const Axes axes = principal_axes(training, options.dimensions);
    x = projected(generated, axes);
    p = projected(held_out, axes);
    t = projected(training, axes);
  }
  const at::Tensor centroids = tightest_centroids(t, options);
  const auto of_x = members(x, centroids), of_p = members(p, centroids), of_t = members(t, centroids);
  DataCopying out;
  std::vector<std::vector<Ranked>> cells;
  std::vector<CellScore> scores;
  for (std::size_t c = 0; c < of_t.size(); ++c) {
    if (of_p[c].empty() || of_t[c].empty())
      throw InputError(fmt::format(
          "a C_T test needs held-out and training rows in each of its {} cells, and cell {} holds {} and {}; "
          "give more held-out rows of the training rows' kind",
          options.cells, c, of_p[c].size(), of_t[c].size()));
    const at::Tensor training_rows = chosen_rows(t, of_t[c]);
    cells.push_back(
        ranked(distances(x, of_x[c], training_rows), of_x[c], distances(p, of_p[c], training_rows), of_p[c]));
    scores.push_back(score(cells.back(), [](const Ranked&) { return 1.0; }));
    out.cells.push_back({static_cast<std::int64_t>(of_t[c].size()), static_cast<std::int64_t>(of_p[c].size()),
                         static_cast<std::int64_t>(of_x[c].size()), scores.back().z});
  }
  out.value = mean_z(scores, options.fewest);
  if (options.replicates > 0) out.replicates = replicates(cells, generated.count(), held_out.count(), options);
  return out;
}

}  // namespace assay
