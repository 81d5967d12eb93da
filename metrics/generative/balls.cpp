#include "metrics/generative/balls.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "core/interrupt.h"
#include "kernels/nearest_candidates.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

constexpr std::int64_t panel_rows = 256;
constexpr std::int64_t tile = 512;
constexpr std::int64_t lanes = 16;  // scores that are tested together
constexpr std::size_t most_inside = 64;
constexpr std::size_t most_reach = 256;

}  // namespace

/// Products with all other rows, in panels of rows on and right of the diagonal: half of them.
NearestRows nearest_rows(const ComparedRows& side, std::int64_t length, const BallMetric& metric) {
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

  NearestRows out;
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

std::vector<double> ball_radii(const ComparedRows& side, const NearestRows& near, std::int64_t k,
                               const BallMetric& metric) {
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

BallIncidence ball_incidence(const Balls& reference, const Balls& generated, const NearestRows* near, bool closed,
                             const BallMetric& metric) {
  const ComparedRows &r = reference.side, &g = generated.side;
  const std::int64_t n = g.count, m = r.count;
  const auto holds = [closed](double radius, double distance) {
    return closed ? distance <= radius : distance < radius;
  };
  BallIncidence out;
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
    reach_limits[j] = above(metric.outside(reach_radii[j]) * (1.0 + 8.0 * float32_rounding));

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
        const float shift = above(slack - norm + 4.0 * float32_rounding * (norm + slack));
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

}  // namespace assay
