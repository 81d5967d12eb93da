#include "metrics/generative/prdc.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <c10/util/Half.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "kernels/nearest_candidates.h"
#include "kernels/parallel_for.h"
#include "kernels/smallest_distances_math.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

constexpr std::int64_t panel_rows = 256;
constexpr std::int64_t tile = 512;
constexpr std::int64_t lanes = 16;  // scores that are tested together
constexpr double half_unit = FLT_EPSILON / 2.0;
constexpr std::uint64_t swap_stream = std::uint64_t{1} << 42;
constexpr std::uint64_t half_stream = std::uint64_t{1} << 43;

double to_half(double value) { return static_cast<double>(static_cast<float>(c10::Half(static_cast<float>(value)))); }

/// The rows of a set: as the protocol compares them, and centred for the products.
struct Side {
  std::vector<float> rounded;  // to float16, where the protocol does that
  const float* rows = nullptr;
  std::int64_t count = 0, width = 0;
  at::Tensor centred;              // float32 [count, width]
  std::vector<double> lengths;     // of the centred rows
  std::vector<float> norms;        // their squares
  std::vector<double> raw_norms;   // of the rows themselves, half_squared only
  std::vector<double> half_norms;  // as float16 gives them, half_squared only
  double longest = 0.0, largest_raw_norm = 0.0;

  const float* row(std::int64_t i) const { return rows + i * width; }
};

std::vector<float> mean_row(const FeatureRows& rows) {
  std::vector<double> sum(static_cast<std::size_t>(rows.width), 0.0);
  for (std::int64_t i = 0; i < rows.count(); ++i)
    for (std::int64_t d = 0; d < rows.width; ++d) sum[static_cast<std::size_t>(d)] += double{rows.row(i)[d]};
  std::vector<float> mean(sum.size());
  for (std::size_t d = 0; d < sum.size(); ++d) mean[d] = static_cast<float>(sum[d] / static_cast<double>(rows.count()));
  return mean;
}

Side make_side(const FeatureRows& rows, const std::vector<float>& centre, BallDistance distance, const char* what) {
  Side side;
  side.rows = rows.values.data();
  side.count = rows.count();
  side.width = rows.width;
  if (distance == BallDistance::half_squared) {
    side.rounded.assign(rows.values.begin(), rows.values.end());
    for (float& value : side.rounded) value = static_cast<float>(c10::Half(value));
    side.rows = side.rounded.data();
    side.raw_norms.resize(static_cast<std::size_t>(side.count));
    side.half_norms.resize(static_cast<std::size_t>(side.count));
  }
  side.centred = at::empty({side.count, side.width}, at::kFloat);
  float* centred = side.centred.mutable_data_ptr<float>();
  side.lengths.resize(static_cast<std::size_t>(side.count));
  side.norms.resize(side.lengths.size());
  at::parallel_for(0, side.count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = side.row(i);
      float* to = centred + i * side.width;
      double sum = 0.0;
      for (std::int64_t d = 0; d < side.width; ++d) to[d] = from[d] - centre[static_cast<std::size_t>(d)];
      for (std::int64_t d = 0; d < side.width; ++d) sum += double{to[d]} * double{to[d]};
      const auto at = static_cast<std::size_t>(i);
      side.lengths[at] = std::sqrt(sum);
      side.norms[at] = static_cast<float>(sum);
      if (distance != BallDistance::half_squared) continue;
      double raw = 0.0, squares = 0.0;
      for (std::int64_t d = 0; d < side.width; ++d) {
        const double square = double{from[d]} * double{from[d]};
        raw += square;
        squares += to_half(square);
      }
      side.raw_norms[at] = raw;
      side.half_norms[at] = to_half(squares);
    }
  });
  for (std::size_t i = 0; i < side.lengths.size(); ++i) {
    // float32 products would overflow; infinity, where a value does not fit float16, fails the comparison too.
    if (!(side.lengths[i] < 3e18))
      throw InputError(fmt::format("{}: row {} holds values too large to compare (up to 1e18 is accepted{})", what, i,
                                   distance == BallDistance::half_squared ? ", 65504 in float16" : ""));
    side.longest = std::max(side.longest, side.lengths[i]);
    if (!side.raw_norms.empty()) side.largest_raw_norm = std::max(side.largest_raw_norm, side.raw_norms[i]);
  }
  return side;
}

/// The distances of a protocol between rows, and bounds between them and float32 scores.
class Metric {
 public:
  Metric(BallDistance distance, std::int64_t width) : distance_(distance), width_(width) {}

  double between(const Side& x, std::int64_t i, const Side& y, std::int64_t j) const {
    if (distance_ == BallDistance::euclidean)
      return double{std::sqrt(static_cast<float>(squared_distance(x.row(i), y.row(j), width_)))};
    double product = 0.0;
    const float *a = x.row(i), *b = y.row(j);
    for (std::int64_t d = 0; d < width_; ++d) product += double{a[d]} * double{b[d]};
    const double less = to_half(x.half_norms[static_cast<std::size_t>(i)] - 2.0 * to_half(product));
    return std::max(0.0, to_half(less + y.half_norms[static_cast<std::size_t>(j)]));
  }

  /// By how much float32 scores may differ from the squares of the true distances, of a row with any of the other side.
  double score_slack(const Side& x, std::int64_t i, const Side& y) const {
    const double a = x.lengths[static_cast<std::size_t>(i)], b = y.longest;
    return score_error(a, b, width_ + 8) + 8.0 * half_unit * (a * a + b * b) + distance_slack(x, i, y);
  }

  /// Squares of true distances beyond this lie outside a ball of this radius, in any case.
  double outside(double radius) const {
    return distance_ == BallDistance::euclidean ? radius * radius * (1.0 + 8.0 * half_unit) + FLT_MIN : radius;
  }
  /// Below this they lie inside.
  double inside(double radius) const {
    return distance_ == BallDistance::euclidean ? radius * radius * (1.0 - 8.0 * half_unit) - FLT_MIN : radius;
  }

 private:
  /// Between the square of a true distance and what `between` compares, where that is no function of the former.
  double distance_slack(const Side& x, std::int64_t i, const Side& y) const {
    if (distance_ == BallDistance::euclidean) return 0.0;
    return 8.0 / 2048.0 * (x.raw_norms[static_cast<std::size_t>(i)] + y.largest_raw_norm) +
           static_cast<double>(width_ + 8) / 8388608.0;
  }

  BallDistance distance_;
  std::int64_t width_;
};

/// The `length` nearest other rows of each row, nearest first, equal distances by smaller index.
struct Neighbours {
  std::int64_t length = 0;
  std::vector<double> distances;      // [count, length]
  std::vector<std::int32_t> indices;  // [count, length]
  double farthest(std::int64_t i) const { return distances[static_cast<std::size_t>((i + 1) * length - 1)]; }
};

/// Products with all other rows, in panels of rows on and right of the diagonal: half of them.
Neighbours neighbours(const Side& side, std::int64_t length, const Metric& metric) {
  const std::int64_t n = side.count;
  std::vector<NearestCandidates> candidates(static_cast<std::size_t>(n), NearestCandidates(length));
  for (std::int64_t i = 0; i < n; ++i)
    candidates[static_cast<std::size_t>(i)].restart(static_cast<float>(2.02 * metric.score_slack(side, i, side)));
  std::vector<float> limits(static_cast<std::size_t>(n), std::numeric_limits<float>::infinity());
  const at::Tensor transposed = side.centred.t();
  const at::Tensor panel = at::empty({std::min(panel_rows, n), n}, at::kFloat);
  float* products = panel.mutable_data_ptr<float>();
  const float* norms = side.norms.data();

  const auto offer = [&](std::int64_t to, float score, std::int64_t from) {
    NearestCandidates& list = candidates[static_cast<std::size_t>(to)];
    list.add(score, from);
    limits[static_cast<std::size_t>(to)] = list.limit();
  };
  for (std::int64_t first = 0; first < n; first += panel_rows) {
    stop_if_interrupted();
    const std::int64_t count = std::min(panel_rows, n - first);
    const std::int64_t tiles = (n - first + tile - 1) / tile;
    at::parallel_for(0, tiles, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t column = first + t * tile, columns = std::min(tile, n - column);
        at::Tensor block = panel.narrow(0, 0, count).narrow(1, column, columns);
        at::mm_out(block, side.centred.narrow(0, first, count), transposed.narrow(1, column, columns));
        // The rows of the panel, offered to the columns that are rows of later panels.
        const std::int64_t from = std::max(column, first + count), to = column + columns;
        for (std::int64_t i = 0; i < count; ++i) {
          const float norm = norms[first + i];
          const float* row = products + i * n;
          for (std::int64_t j = from; j < to; j += lanes) {
            const std::int64_t stop = std::min(j + lanes, to);
            bool any = false;
            for (std::int64_t l = j; l < stop; ++l) any |= norm - 2.0f * row[l] <= limits[static_cast<std::size_t>(l)];
            if (!any) continue;
            for (std::int64_t l = j; l < stop; ++l) offer(l, norm - 2.0f * row[l], first + i);
          }
        }
      }
    });
    at::parallel_for(0, count, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t query = first + i;
        const float* row = products + i * n;
        for (std::int64_t j = first; j < n; j += lanes) {
          const std::int64_t stop = std::min(j + lanes, n);
          const float limit = limits[static_cast<std::size_t>(query)];
          bool any = false;
          for (std::int64_t l = j; l < stop; ++l) any |= norms[l] - 2.0f * row[l] <= limit;
          if (!any) continue;
          for (std::int64_t l = j; l < stop; ++l)
            if (l != query) offer(query, norms[l] - 2.0f * row[l], l);
        }
      }
    });
  }

  Neighbours out;
  out.length = length;
  out.distances.resize(static_cast<std::size_t>(n * length));
  out.indices.resize(out.distances.size());
  at::parallel_for(0, n, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::pair<double, std::int32_t>> exact;
    for (std::int64_t i = begin; i < end; ++i) {
      exact.clear();
      for (const auto& [score, j] : candidates[static_cast<std::size_t>(i)].finish())
        exact.emplace_back(metric.between(side, i, side, j), static_cast<std::int32_t>(j));
      std::partial_sort(exact.begin(), exact.begin() + length, exact.end());
      for (std::int64_t l = 0; l < length; ++l) {
        const auto at = static_cast<std::size_t>(i * length + l);
        std::tie(out.distances[at], out.indices[at]) = exact[static_cast<std::size_t>(l)];
      }
    }
  });
  return out;
}

/// The k-th nearest distance of each row: element k of its sorted distances, its own among them.
std::vector<double> radii(const Side& side, const Neighbours& near, std::int64_t k, const Metric& metric) {
  std::vector<double> out(static_cast<std::size_t>(side.count));
  for (std::int64_t i = 0; i < side.count; ++i) {
    const double* row = near.distances.data() + i * near.length;
    const double own = metric.between(side, i, side, i);  // rounding in float16 may leave something
    double radius = std::max(own, row[k - 1]);
    if (near.length > k) radius = std::min(radius, row[k]);
    out[static_cast<std::size_t>(i)] = radius;
  }
  return out;
}

/// One generated row that may hold a reference row in its ball: it does where fewer than k of its neighbours are among
/// its first `rank`.
struct Reach {
  std::int32_t generated;
  std::int32_t rank;
};

constexpr std::size_t most_inside = 64;
constexpr std::size_t most_reach = 256;

/// What lies in whose ball.
struct Incidence {
  std::vector<std::int32_t> balls;                // of each generated row: reference balls around it
  std::vector<std::vector<std::int32_t>> inside;  // of each reference row: generated rows in its ball, at most 64
  std::vector<char> covered, recalled;            // of each reference row
  std::vector<std::vector<Reach>> reach;          // of each reference row, the nearest ranks first, at most 256
};

struct Balls {
  const Side& side;
  std::vector<double> radii;
};

/// `inside` and `reach` are filled where `near`, the neighbour lists of the generated rows, is given.
Incidence incidence(const Balls& reference, const Balls& generated, const Neighbours* near, bool closed,
                    const Metric& metric) {
  const Side &r = reference.side, &g = generated.side;
  const std::int64_t n = g.count, m = r.count;
  const auto holds = [closed](double radius, double distance) {
    return closed ? distance <= radius : distance < radius;
  };
  Incidence out;
  out.balls.assign(static_cast<std::size_t>(n), 0);
  out.inside.resize(static_cast<std::size_t>(m));
  out.covered.assign(static_cast<std::size_t>(m), 0);
  out.recalled.assign(static_cast<std::size_t>(m), 0);
  if (near != nullptr) out.reach.resize(static_cast<std::size_t>(m));

  std::vector<double> reach_radii = generated.radii;
  if (near != nullptr)
    for (std::int64_t j = 0; j < n; ++j) reach_radii[static_cast<std::size_t>(j)] = near->farthest(j);
  std::vector<float> reach_limits(static_cast<std::size_t>(n));
  // Rounded up: a limit in float32 must not lie below the true one.
  const auto above = [](double value) {
    return std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity());
  };
  for (std::size_t j = 0; j < reach_limits.size(); ++j)
    reach_limits[j] = above(metric.outside(reach_radii[j]) * (1.0 + 8.0 * half_unit));

  const at::Tensor transposed = g.centred.t();
  const at::Tensor panel = at::empty({std::min(panel_rows, m), n}, at::kFloat);
  float* products = panel.mutable_data_ptr<float>();
  const float* norms = g.norms.data();
  const auto examine = [&](std::int64_t i, std::int64_t j, double squared, double slack) {
    const auto at = static_cast<std::size_t>(i), to = static_cast<std::size_t>(j);
    double distance = -1.0;
    const auto decide = [&](double radius) {
      if (squared > metric.outside(radius) + slack) return false;
      if (squared < metric.inside(radius) - slack) return true;
      if (distance < 0.0) distance = metric.between(r, i, g, j);
      return holds(radius, distance);
    };
    if (decide(reference.radii[at])) {
      std::atomic_ref<std::int32_t>(out.balls[to]).fetch_add(1, std::memory_order_relaxed);
      out.covered[at] = 1;
      if (near != nullptr && out.inside[at].size() < most_inside)
        out.inside[at].push_back(static_cast<std::int32_t>(j));
    }
    if (out.recalled[at] == 0 && decide(generated.radii[to])) out.recalled[at] = 1;
    if (near == nullptr || !decide(reach_radii[to])) return;
    if (distance < 0.0) distance = metric.between(r, i, g, j);
    const auto begin = near->distances.begin() + j * near->length, end = begin + near->length;
    const auto rank =
        (closed ? std::lower_bound(begin, end, distance) : std::upper_bound(begin, end, distance)) - begin;
    out.reach[at].push_back({static_cast<std::int32_t>(j), static_cast<std::int32_t>(rank)});
  };

  for (std::int64_t first = 0; first < m; first += panel_rows) {
    stop_if_interrupted();
    const std::int64_t count = std::min(panel_rows, m - first);
    at::parallel_for(0, (n + tile - 1) / tile, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t columns = std::min(tile, n - t * tile);
        at::Tensor block = panel.narrow(0, 0, count).narrow(1, t * tile, columns);
        at::mm_out(block, r.centred.narrow(0, first, count), transposed.narrow(1, t * tile, columns));
      }
    });
    at::parallel_for(0, count, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = begin; at < end; ++at) {
        const std::int64_t i = first + at;
        const float* row = products + at * n;
        const double norm = double{r.norms[static_cast<std::size_t>(i)]};
        const double slack = metric.score_slack(r, i, g);
        const float own = above(metric.outside(reference.radii[static_cast<std::size_t>(i)]) - norm + slack);
        const float shift = above(slack - norm + 4.0 * half_unit * (norm + slack));
        for (std::int64_t j = 0; j < n; j += lanes) {
          const std::int64_t stop = std::min(j + lanes, n);
          bool any = false;
          for (std::int64_t l = j; l < stop; ++l) {
            const float score = norms[l] - 2.0f * row[l];
            any |= score <= own;
            // `shift` and the limit leave room for the rounding of this sum.
            any |= score - shift <= reach_limits[static_cast<std::size_t>(l)];
          }
          if (!any) continue;
          for (std::int64_t l = j; l < stop; ++l) examine(i, l, double{norms[l]} - 2.0 * double{row[l]} + norm, slack);
        }
        if (near == nullptr) continue;
        auto& reach = out.reach[static_cast<std::size_t>(i)];
        std::sort(reach.begin(), reach.end(), [](const Reach& a, const Reach& b) {
          return std::pair(a.rank, a.generated) < std::pair(b.rank, b.generated);
        });
        if (reach.size() > most_reach) reach.resize(most_reach);
        reach.shrink_to_fit();
      }
    });
  }
  return out;
}

double share(const std::vector<char>& flags) {
  return static_cast<double>(std::count(flags.begin(), flags.end(), 1)) / static_cast<double>(flags.size());
}

/// Where in its list each row finds its k-th neighbour of its own part; the list's length where it does not.
void find_kth(const Neighbours& near, const std::vector<char>& part, std::int64_t k, std::vector<std::int32_t>& kth) {
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

PartScores part_scores(const Incidence& incidence, const std::vector<char>& part, char which,
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
void add_halves(Prdc& out, const Incidence& found, const Neighbours& near, const PrdcOptions& options) {
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

/// Whether float16 can hold what the protocol rounds to it.
bool fits_half(const FeatureRows& rows) {
  for (std::int64_t i = 0; i < rows.count(); ++i) {
    double norm = 0.0;
    for (std::int64_t d = 0; d < rows.width; ++d) norm += double{rows.row(i)[d]} * double{rows.row(i)[d]};
    if (!(norm < 16000.0)) return false;  // a distance may be four times that
  }
  return true;
}

struct Reference {
  Side side;
  std::vector<double> radii;
};

Reference make_reference(const FeatureRows& rows, const std::vector<float>& centre, BallDistance distance,
                         const PrdcOptions& options) {
  Reference out;
  out.side = make_side(rows, centre, distance, "reference features");
  const Metric metric(distance, rows.width);
  const std::int64_t length = std::min(options.k + 1, rows.count() - 1);
  out.radii = radii(out.side, neighbours(out.side, length, metric), options.k, metric);
  return out;
}

Prdc score(const FeatureRows& generated, const Reference& reference, const std::vector<float>& centre,
           BallDistance distance, const PrdcOptions& options) {
  const Metric metric(distance, generated.width);
  const std::int64_t n = generated.count();
  const bool halves = options.replicates > 0 && n / 2 > options.k;
  const std::int64_t length = std::min(halves ? 4 * options.k + 16 : options.k + 1, n - 1);
  const Side side = make_side(generated, centre, distance, "generated features");
  const Neighbours near = neighbours(side, length, metric);
  const std::vector<double> own = radii(side, near, options.k, metric);
  const Balls reference_balls{reference.side, reference.radii}, generated_balls{side, own};
  Incidence found = incidence(reference_balls, generated_balls, halves ? &near : nullptr, options.closed, metric);
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
  const Metric metric(distance, reference.width);
  const Side side = make_side({both, a.width}, centre, distance, "generated features");
  const Neighbours near = neighbours(side, std::min(6 * options.k + 24, 2 * n - 1), metric);
  const Incidence found = incidence({balls.side, balls.radii}, {side, std::vector<double>(both.size(), 0.0)}, &near,
                                    options.closed, metric);
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
