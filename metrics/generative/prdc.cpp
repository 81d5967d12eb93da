#include "metrics/generative/prdc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "kernels/parallel_for.h"
#include "metrics/generative/balls.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

constexpr std::uint64_t swap_stream = std::uint64_t{1} << 42;
constexpr std::uint64_t half_stream = std::uint64_t{1} << 43;

double share(const std::vector<char>& flags) {
  return static_cast<double>(std::count(flags.begin(), flags.end(), 1)) / static_cast<double>(flags.size());
}

/// Where in its list each row finds its k-th neighbour of its own part; the list's length where it does not.
void find_kth(const NearestRows& near, const std::vector<char>& part, std::int64_t k, std::vector<std::int32_t>& kth) {
  const auto n = static_cast<std::int64_t>(part.size());
  for (std::int64_t j = 0; j < n; ++j) {
    const std::int32_t* list = near.indices.data() + j * near.length;
    std::int64_t found = 0, at = 0;
    for (; at < near.length; ++at)
      if (part[static_cast<std::size_t>(list[at])] == part[static_cast<std::size_t>(j)] && ++found == k) break;
    kth[static_cast<std::size_t>(j)] = static_cast<std::int32_t>(at);
  }
}

/// Share of reference rows in a ball of, and of reference balls that hold, a generated row of this part.
struct PartScores {
  double recall = 0, coverage = 0;
};

PartScores part_scores(const BallIncidence& incidence, const std::vector<char>& part, char which,
                       const std::vector<std::int32_t>& kth) {
  std::int64_t recalled = 0, covered = 0;
  for (std::size_t i = 0; i < incidence.inside.size(); ++i) {
    recalled += std::any_of(incidence.reach[i].begin(), incidence.reach[i].end(), [&](const Reach& reach) {
      const auto j = static_cast<std::size_t>(reach.generated);
      return part[j] == which && kth[j] >= reach.rank;
    });
    covered += std::any_of(incidence.inside[i].begin(), incidence.inside[i].end(),
                           [&](std::int32_t j) { return part[static_cast<std::size_t>(j)] == which; });
  }
  const auto m = static_cast<double>(incidence.inside.size());
  return {static_cast<double>(recalled) / m, static_cast<double>(covered) / m};
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void centre_on(double value, double scale, std::vector<double>& replicates) {
  const double mean = mean_of(replicates);
  for (double& replicate : replicates) replicate = value + scale * (replicate - mean);
}

/// Halves of the generated rows.
void add_halves(Prdc& out, const BallIncidence& found, const NearestRows& near, const PrdcOptions& options) {
  const auto n = static_cast<std::int64_t>(out.balls.size()), half = n / 2;
  if (half < options.k + 1) return;
  auto& recall = out.replicates.recall;
  auto& coverage = out.replicates.coverage;
  recall.resize(static_cast<std::size_t>(options.replicates));
  coverage.resize(recall.size());
  at::parallel_for(0, options.replicates, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> kth(static_cast<std::size_t>(n));
    for (std::int64_t r = begin; r < end; ++r) {
      stop_if_interrupted();
      RandomStream random(options.bootstrap_seed, Purpose::resample, half_stream + static_cast<std::uint64_t>(r));
      const std::vector<std::int64_t> order = permutation(n, random);
      std::vector<char> part(static_cast<std::size_t>(n), 0);
      for (std::int64_t i = 0; i < half; ++i) part[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = 1;
      find_kth(near, part, options.k, kth);
      const PartScores scores = part_scores(found, part, 1, kth);
      recall[static_cast<std::size_t>(r)] = scores.recall;
      coverage[static_cast<std::size_t>(r)] = scores.coverage;
    }
  });
  // The mean of a half varies about that of the whole by (n - half) / half of what the whole varies.
  const double scale = std::sqrt(static_cast<double>(half) / static_cast<double>(n - half));
  centre_on(out.recall, scale, recall);
  centre_on(out.coverage, scale, coverage);
}

void add_resamples(Prdc& out, const PrdcOptions& options) {
  const auto n = static_cast<std::int64_t>(out.balls.size());
  auto& precision = out.replicates.precision;
  auto& density = out.replicates.density;
  precision.reserve(static_cast<std::size_t>(options.replicates));
  density.reserve(precision.capacity());
  for (std::int64_t r = 0; r < options.replicates; ++r) {
    std::int64_t precise = 0, balls = 0;
    for (const std::int64_t i : resample_indices(n, options.bootstrap_seed, r)) {
      const std::int32_t around = out.balls[static_cast<std::size_t>(i)];
      precise += around > 0;
      balls += around;
    }
    precision.push_back(static_cast<double>(precise) / static_cast<double>(n));
    density.push_back(static_cast<double>(balls) / static_cast<double>(n) / static_cast<double>(options.k));
  }
  centre_on(out.precision, 1.0, precision);
  centre_on(out.density, 1.0, density);
}

void check(const FeatureRows& generated, const FeatureRows& reference, const PrdcOptions& options) {
  check_pair(generated, reference);
  if (options.k < 1) throw InputError(fmt::format("{} nearest neighbours; expected at least 1", options.k));
  if (generated.count() <= options.k || reference.count() <= options.k)
    throw InputError(
        fmt::format("balls to the {} nearest neighbours need at least {} rows a side, and there are {} "
                    "generated and {} reference rows",
                    options.k, options.k + 1, generated.count(), reference.count()));
}

struct Reference {
  ComparedRows side;
  std::vector<double> radii;
};

Reference make_reference(const FeatureRows& rows, const std::vector<float>& centre, BallDistance distance,
                         const PrdcOptions& options) {
  Reference out;
  out.side = compared_rows(rows, centre, distance, "reference features");
  const BallMetric metric(distance, rows.width);
  const std::int64_t length = std::min(options.k + 1, rows.count() - 1);
  out.radii = ball_radii(out.side, nearest_rows(out.side, length, metric), options.k, metric);
  return out;
}

Prdc score(const FeatureRows& generated, const Reference& reference, const std::vector<float>& centre,
           BallDistance distance, const PrdcOptions& options) {
  const BallMetric metric(distance, generated.width);
  const std::int64_t n = generated.count();
  const bool halves = options.replicates > 0 && n / 2 > options.k;
  const std::int64_t length = std::min(halves ? 4 * options.k + 16 : options.k + 1, n - 1);
  const ComparedRows side = compared_rows(generated, centre, distance, "generated features");
  const NearestRows near = nearest_rows(side, length, metric);
  const std::vector<double> own = ball_radii(side, near, options.k, metric);
  const Balls reference_balls{reference.side, reference.radii}, generated_balls{side, own};
  BallIncidence found =
      ball_incidence(reference_balls, generated_balls, halves ? &near : nullptr, options.closed, metric);
  Prdc out;
  out.balls = std::move(found.balls);
  out.coverage = share(found.covered);
  out.density = static_cast<double>(std::accumulate(out.balls.begin(), out.balls.end(), std::int64_t{0})) /
                static_cast<double>(n) / static_cast<double>(options.k);
  out.precision = static_cast<double>(std::count_if(out.balls.begin(), out.balls.end(), [](auto c) { return c > 0; })) /
                  static_cast<double>(n);
  out.recall = share(found.recalled);
  if (options.replicates > 0) add_resamples(out, options);
  if (halves) add_halves(out, found, near, options);
  return out;
}

BallDistance distance_for(std::initializer_list<FeatureRows> sets, const PrdcOptions& options) {
  if (options.distance == BallDistance::half_squared &&
      !std::all_of(sets.begin(), sets.end(), [](const FeatureRows& rows) { return fits_half(rows); }))
    return BallDistance::euclidean;
  return options.distance;
}

}  // namespace

Prdc prdc(const FeatureRows& generated, const FeatureRows& reference, const PrdcOptions& options) {
  check(generated, reference, options);
  const std::vector<float> centre = mean_row(reference);
  const BallDistance distance = distance_for({generated, reference}, options);
  return score(generated, make_reference(reference, centre, distance, options), centre, distance, options);
}

PrdcPair prdc_pair(const FeatureRows& a, const FeatureRows& b, const FeatureRows& reference, const PrdcOptions& options,
                   std::int64_t swaps) {
  check(a, reference, options);
  check(b, reference, options);
  const std::int64_t n = a.count();
  if (b.count() != n)
    throw InputError(fmt::format("a paired comparison of {} rows with {}; expected row i of both from the same noise",
                                 n, b.count()));
  const std::vector<float> centre = mean_row(reference);
  const BallDistance distance = distance_for({a, b, reference}, options);
  const Reference balls = make_reference(reference, centre, distance, options);
  PrdcPair out;
  out.a = score(a, balls, centre, distance, options);
  out.b = score(b, balls, centre, distance, options);
  if (swaps == 0) return out;

  std::vector<float> both(a.values.begin(), a.values.end());
  both.insert(both.end(), b.values.begin(), b.values.end());
  const BallMetric metric(distance, reference.width);
  const ComparedRows side = compared_rows({both, a.width}, centre, distance, "generated features");
  const NearestRows near = nearest_rows(side, std::min(6 * options.k + 24, 2 * n - 1), metric);
  const BallIncidence found = ball_incidence({balls.side, balls.radii}, {side, std::vector<double>(both.size(), 0.0)},
                                             &near, options.closed, metric);
  const auto rows = static_cast<std::size_t>(n);
  const auto difference = [&](const std::vector<char>& part, std::vector<std::int32_t>& kth) {
    find_kth(near, part, options.k, kth);
    const PartScores first = part_scores(found, part, 0, kth), second = part_scores(found, part, 1, kth);
    return PartScores{first.recall - second.recall, first.coverage - second.coverage};
  };
  std::vector<char> unswapped(2 * rows, 0);
  for (std::size_t i = rows; i < 2 * rows; ++i) unswapped[i] = 1;
  std::vector<std::int32_t> kth(2 * rows);
  const PartScores observed = difference(unswapped, kth);
  out.recall.observed = observed.recall;
  out.coverage.observed = observed.coverage;
  out.recall.swapped.resize(static_cast<std::size_t>(swaps));
  out.coverage.swapped.resize(static_cast<std::size_t>(swaps));
  at::parallel_for(0, swaps, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> found_kth(2 * rows);
    std::vector<char> part(2 * rows);
    for (std::int64_t r = begin; r < end; ++r) {
      stop_if_interrupted();
      RandomStream random(options.bootstrap_seed, Purpose::resample, swap_stream + static_cast<std::uint64_t>(r));
      for (std::size_t i = 0; i < rows; ++i) {
        part[i] = static_cast<char>(random.bits() & 1u);
        part[rows + i] = static_cast<char>(1 - part[i]);
      }
      const PartScores swapped = difference(part, found_kth);
      out.recall.swapped[static_cast<std::size_t>(r)] = swapped.recall;
      out.coverage.swapped[static_cast<std::size_t>(r)] = swapped.coverage;
    }
  });
  return out;
}

}  // namespace assay
