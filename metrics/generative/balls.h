#pragma once
#include <cstdint>
#include <vector>

#include "metrics/generative/ball_distances.h"

namespace assay {

/// The `length` nearest other rows of each row, nearest first, equal distances by smaller index.
struct NearestRows {
  std::int64_t length = 0;
  std::vector<double> distances;      // [count, length]
  std::vector<std::int32_t> indices;  // [count, length]
  double farthest(std::int64_t i) const { return distances[static_cast<std::size_t>((i + 1) * length - 1)]; }
};

/// Of every row of `side` among the others; `length` must be below their count. The same for any number of threads.
/// Memory O(n length). Throws Interrupted after Ctrl-C.
NearestRows nearest_rows(const ComparedRows& side, std::int64_t length, const BallMetric& metric);

/// The k-th nearest distance of each row: element k of its sorted distances, its own among them.
std::vector<double> ball_radii(const ComparedRows& side, const NearestRows& near, std::int64_t k,
                               const BallMetric& metric);

/// One ball about each row of a side.
struct Balls {
  const ComparedRows& side;
  std::vector<double> radii;
};

/// One generated row that may hold a reference row in its ball: it does where fewer than k of its neighbours are among
/// its first `rank`.
struct Reach {
  std::int32_t generated;
  std::int32_t rank;
};

/// What lies in whose ball.
struct BallIncidence {
  std::vector<std::int32_t> balls;                // of each generated row: reference balls around it
  std::vector<std::vector<std::int32_t>> inside;  // of each reference row: generated rows in its ball, at most 64
  std::vector<char> covered, recalled;            // of each reference row
  std::vector<std::vector<Reach>> reach;          // of each reference row, the nearest ranks first, at most 256
};

/// `inside` and `reach` are filled where `near`, the neighbour lists of the generated rows, is given. `closed` balls
/// hold their border. Memory beyond the result O(rows), no matrix of all pairs. Throws Interrupted after Ctrl-C.
BallIncidence ball_incidence(const Balls& reference, const Balls& generated, const NearestRows* near, bool closed,
                             const BallMetric& metric);

}  // namespace assay
