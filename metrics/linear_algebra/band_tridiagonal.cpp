#include "metrics/linear_algebra/band_tridiagonal.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>

#include "core/parallel.h"

namespace assay {
namespace {

constexpr int width = BandMatrix::width;
constexpr int lanes = 4;
constexpr int chunks = width / lanes;
constexpr std::ptrdiff_t stride = BandMatrix::stride;

using Vector = double __attribute__((vector_size(lanes * sizeof(double))));
using Mask = std::int64_t __attribute__((vector_size(lanes * sizeof(std::int64_t))));

Vector load(const double* from) {
  Vector out;
  std::memcpy(&out, from, sizeof out);
  return out;
}
void store(double* to, Vector value) { std::memcpy(to, &value, sizeof value); }
Vector all(double value) { return Vector{value, value, value, value}; }
double sum(Vector v) { return (v[0] + v[2]) + (v[1] + v[3]); }
Vector masked(Vector value, Mask mask) { return mask ? value : Vector{}; }

/// H = 1 - tau v v^T, v[0] = 1.
struct Reflection {
  alignas(64) double v[width];
  double tau;
};

/// The reflection that maps x onto the first axis; x becomes that image.
Reflection reflect(double* x) {
  Vector squares{};
  for (int c = 0; c < chunks; ++c) squares += load(x + lanes * c) * load(x + lanes * c);
  Reflection out;
  const double rest = sum(squares) - x[0] * x[0];
  double below = 0.0;
  if (rest < 1e-2 * x[0] * x[0]) {  // a difference would lose digits
    for (int i = 1; i < width; ++i) below += x[i] * x[i];
  } else {
    below = rest;
  }
  if (below == 0.0) {
    std::memset(out.v, 0, sizeof out.v);
    out.v[0] = 1.0;
    out.tau = 0.0;
    return out;
  }
  const double image = -std::copysign(std::sqrt(x[0] * x[0] + below), x[0]);
  out.tau = (image - x[0]) / image;
  const Vector scale = all(1.0 / (x[0] - image));
  for (int c = 0; c < chunks; ++c) store(out.v + lanes * c, load(x + lanes * c) * scale);
  out.v[0] = 1.0;
  std::memset(x, 0, width * sizeof(double));
  x[0] = image;
  return out;
}

/// block <- block H, then its first column is reflected onto the first axis and the rest with it. That reflection.
Reflection pass_on(double* block, const Reflection& from) {
  Vector y[chunks] = {};
  for (int k = 0; k < width; ++k) {
    const Vector v = all(from.v[k] * from.tau);
#pragma GCC unroll 8
    for (int c = 0; c < chunks; ++c) y[c] += load(block + k * stride + lanes * c) * v;
  }
#pragma GCC unroll 8
  for (int c = 0; c < chunks; ++c) store(block + lanes * c, load(block + lanes * c) - y[c]);
  const Reflection to = reflect(block);
  for (int k = 1; k < width; ++k) {
    double* column = block + k * stride;
    const Vector v = all(from.v[k]);
    Vector x[chunks], dot{}, dot2{};
#pragma GCC unroll 8
    for (int c = 0; c < chunks; ++c) x[c] = load(column + lanes * c) - y[c] * v;
#pragma GCC unroll 8
    for (int c = 0; c < chunks; c += 2) {
      dot += load(to.v + lanes * c) * x[c];
      dot2 += load(to.v + lanes * (c + 1)) * x[c + 1];
    }
    const Vector along = all(sum(dot + dot2) * to.tau);
#pragma GCC unroll 8
    for (int c = 0; c < chunks; ++c) store(column + lanes * c, x[c] - load(to.v + lanes * c) * along);
  }
  return to;
}

constexpr Mask from_row[lanes] = {{-1, -1, -1, -1}, {0, -1, -1, -1}, {0, 0, -1, -1}, {0, 0, 0, -1}};
constexpr Mask below_row[lanes] = {{0, -1, -1, -1}, {0, 0, -1, -1}, {0, 0, 0, -1}, {0, 0, 0, 0}};

/// Adds to y what columns 4 first ... 4 first + 3 of the lower half of a symmetric block give in its product with v.
template <int first>
void add_columns(const double* block, const double* v, Vector* y, double* mirrored) {
  for (int k = 0; k < lanes; ++k) {
    const double* column = block + (lanes * first + k) * stride;
    const Vector vk = all(v[lanes * first + k]);
    const Vector head = load(column + lanes * first);
    y[first] += masked(head, from_row[k]) * vk;
    Vector dot = masked(head, below_row[k]) * load(v + lanes * first);
#pragma GCC unroll 8
    for (int c = first + 1; c < chunks; ++c) {
      const Vector x = load(column + lanes * c);
      y[c] += x * vk;
      dot += x * load(v + lanes * c);
    }
    mirrored[lanes * first + k] = sum(dot);
  }
  if constexpr (first + 1 < chunks) add_columns<first + 1>(block, v, y, mirrored);
}

/// block <- H block H, of which the lower half is stored.
void reflect_both_sides(double* block, const Reflection& h) {
  Vector y[chunks] = {};
  alignas(64) double w[width];
  add_columns<0>(block, h.v, y, w);
  Vector dot{};
  for (int c = 0; c < chunks; ++c) {
    y[c] = (y[c] + load(w + lanes * c)) * all(h.tau);
    dot += y[c] * load(h.v + lanes * c);
  }
  const Vector half = all(0.5 * h.tau * sum(dot));
  for (int c = 0; c < chunks; ++c) store(w + lanes * c, y[c] - half * load(h.v + lanes * c));
  for (int k = 0; k < width; ++k) {
    double* column = block + k * stride;
    const Vector wk = all(w[k]), vk = all(h.v[k]);
    for (int c = k / lanes; c < chunks; ++c) {
      Vector x = load(column + lanes * c);
      x -= load(h.v + lanes * c) * wk + load(w + lanes * c) * vk;
      store(column + lanes * c, x);
    }
  }
}

/// One column's way to the end: steps are taken in order, and may be taken a few at a time.
struct Sweep {
  int column = 0, steps_done = 0;
  Reflection last;

  int steps(int size) const { return (size - column - 2) / width + 1; }
  void advance(BandMatrix& band, int until) {
    until = std::min(until, steps(band.size()));
    for (; steps_done < until; ++steps_done) {
      const int row = column + 1 + steps_done * width;
      last = steps_done == 0 ? reflect(band.window(row, column)) : pass_on(band.window(row, row - width), last);
      reflect_both_sides(band.window(row, row), last);
    }
  }
};

constexpr int group = 8;     // sweeps that follow each other on one thread, while their window is in its cache
constexpr int distance = 2;  // steps that a sweep stays behind the one before it
constexpr int stretch = 4;   // steps between two looks at the progress of the group ahead

}  // namespace

BandMatrix::BandMatrix(int size)
    : size_(size), memory_((static_cast<std::size_t>(size) + 2 * width) * static_cast<std::size_t>(stride + 1), 0.0) {}

Tridiagonal tridiagonal(BandMatrix& band, int threads) {
  const int n = band.size();
  const int sweeps = std::max(n - 2, 0);
  const int groups = (sweeps + group - 1) / group;
  // How many steps the last sweep of each group has done.
  const auto progress = std::make_unique<std::atomic<int>[]>(static_cast<std::size_t>(groups));
  parallel_for(groups, threads, [&](std::int64_t g, int) {
    Sweep sweep[group];
    const int first = static_cast<int>(g) * group, count = std::min(group, sweeps - first);
    for (int i = 0; i < count; ++i) sweep[i].column = first + i;
    const int all_steps = sweep[0].steps(n);
    std::atomic<int>& mine = progress[static_cast<std::size_t>(g)];
    for (int until = stretch; until - stretch < all_steps + distance * count; until += stretch) {
      if (g > 0) {
        const std::atomic<int>& ahead = progress[static_cast<std::size_t>(g - 1)];
        const int needed = std::min(until, all_steps) + distance;
        while (ahead.load(std::memory_order_acquire) < needed) std::this_thread::yield();
      }
      for (int i = 0; i < count; ++i) sweep[i].advance(band, until - distance * i);
      const Sweep& last = sweep[count - 1];
      mine.store(last.steps_done, std::memory_order_release);
    }
    mine.store(n, std::memory_order_release);
  });
  Tridiagonal out;
  for (int i = 0; i < n; ++i) out.diagonal.push_back(band.at(i, i));
  for (int i = 0; i + 1 < n; ++i) out.off.push_back(band.at(i + 1, i));
  return out;
}

}  // namespace assay
