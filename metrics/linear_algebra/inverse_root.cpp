#include "metrics/linear_algebra/inverse_root.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"

namespace assay {
namespace {

using dense::Block;
using dense::Matrix;

constexpr int width = BandMatrix::width;
constexpr int group = 128;        // reflections that are applied at once, a multiple of `width`
constexpr int tile = 256;         // rows and columns of a triangle that are worked on as a square
constexpr int panel = 4 * width;  // columns of the inverses that are worked on at once

struct Jacobi {
  double sn, cn, dn;
};

/// Jacobi's functions of u at the modulus whose complement is `complement`, by the descending Landen transformation.
Jacobi jacobi(double u, double complement) {
  constexpr int most = 32;
  double a[most + 1] = {1.0}, c[most + 1] = {std::sqrt((1.0 - complement) * (1.0 + complement))};
  double b = complement;
  int n = 0;
  while (n < most && std::abs(c[n]) > 1e-15 * a[n]) {
    a[n + 1] = 0.5 * (a[n] + b);
    c[n + 1] = 0.5 * (a[n] - b);
    b = std::sqrt(a[n] * b);
    ++n;
  }
  double angle = std::ldexp(a[n] * u, n);
  for (; n > 0; --n) angle = 0.5 * (angle + std::asin(c[n] / a[n] * std::sin(angle)));
  const double sn = std::sin(angle), cn = std::cos(angle);
  return {sn, cn, std::hypot(cn, complement * sn)};  // dn^2 = cn^2 + k'^2 sn^2
}

/// pi / 2 over the arithmetic-geometric mean of 1 and k'.
double quarter_period(double complement) {
  double a = 1.0, b = complement;
  while (a - b > 1e-15 * a) a = std::exchange(b, std::sqrt(a * b)) * 0.5 + 0.5 * a;
  return 0.5 * std::numbers::pi / a;
}

/// B as blocks of `width` rows and columns: those on the diagonal, and those below it, which are upper triangular.
class BandBlocks {
 public:
  explicit BandBlocks(BandMatrix band) : band_(std::move(band)) {}

  int count() const { return (band_.size() + width - 1) / width; }
  int size(int i) const { return std::min(width, band_.size() - i * width); }
  Matrix diagonal(int i, double shift) {
    const int n = size(i), at = i * width;
    Matrix out(n, n);
    for (int c = 0; c < n; ++c) {
      for (int r = c; r < n; ++r) out.column(c)[r] = out.column(r)[c] = band_.at(at + r, at + c);
      out.column(c)[c] += shift;
    }
    return out;
  }
  /// Rows of block i + 1, columns of block i.
  Matrix below(int i) {
    Matrix out(size(i + 1), size(i));
    for (int c = 0; c < out.cols(); ++c)
      for (int r = 0; r < out.rows(); ++r)
        out.column(c)[r] = r <= c ? band_.at((i + 1) * width + r, i * width + c) : 0.0;
    return out;
  }

 private:
  BandMatrix band_;
};

/// What the inverse X of B + shift is made of: its blocks on the diagonal, and X[i + 1, j] = -next[i] X[i, j], j <= i.
struct InverseParts {
  std::vector<Matrix> diagonal, next;
};

Matrix product(bool transpose_a, Matrix& a, bool transpose_b, Matrix& b) {
  Matrix out(transpose_a ? a.cols() : a.rows(), transpose_b ? b.rows() : b.cols());
  dense::multiply(transpose_a, a.all(), transpose_b, b.all(), out.all());
  return out;
}

Matrix inverse(Matrix& symmetric) {
  if (!dense::cholesky(symmetric)) throw Error("inverse root: the matrix is not positive definite");
  Matrix root(symmetric.rows(), symmetric.rows());  // L^-T
  for (int j = 0; j < root.cols(); ++j) {
    std::fill_n(root.column(j), root.rows(), 0.0);
    root.column(j)[j] = 1.0;
  }
  dense::solve_lower_transposed(symmetric, root);
  return product(false, root, true, root);
}

/// Eliminates the blocks from the last to the first: the Schur complement of block i is B_ii + shift - E^T next, with E
/// below it.
InverseParts inverse_parts(BandBlocks& band, double shift) {
  const int n = band.count();
  InverseParts out;
  out.diagonal.reserve(static_cast<std::size_t>(n));
  out.next.reserve(static_cast<std::size_t>(n));
  std::vector<Matrix> from_last;  // inverse Schur complements
  from_last.reserve(static_cast<std::size_t>(n));
  for (int i = n - 1; i >= 0; --i) {
    Matrix schur = band.diagonal(i, shift);
    if (i + 1 < n) {
      Matrix below = band.below(i);
      out.next.push_back(product(false, from_last.back(), false, below));
      dense::multiply(true, below.all(), false, out.next.back().all(), schur.all(), -1.0, 1.0);
    }
    from_last.push_back(inverse(schur));
  }
  std::reverse(out.next.begin(), out.next.end());
  for (int i = 0; i < n; ++i) {
    Matrix& x = from_last[static_cast<std::size_t>(n - 1 - i)];
    if (i > 0) {
      Matrix& step = out.next[static_cast<std::size_t>(i - 1)];
      Matrix half = product(false, step, false, out.diagonal.back());
      dense::multiply(false, half.all(), true, step.all(), x.all(), 1.0, 1.0);
    }
    out.diagonal.push_back(std::move(x));
  }
  return out;
}

void add_scaled(const Matrix& from, int cols, double scale, Block to) {
  for (int c = 0; c < cols; ++c) {
    const double* x = from.column(c);
    double* y = to.data + std::ptrdiff_t{c} * to.stride;
    for (int r = 0; r < to.rows; ++r) y[r] += scale * x[r];
  }
}

/// The lower triangle of the sum of weight (B + shift)^-1, of blocks on the diagonal all.
Matrix band_inverse_root(const BandMatrix& band, const std::vector<Pole>& poles, int threads) {
  const int n = band.size();
  std::vector<InverseParts> parts(poles.size());
  parallel_for(std::ssize(poles), threads, [&](std::int64_t p, int) {
    const dense::OneThread own;
    BandBlocks blocks(band);
    parts[static_cast<std::size_t>(p)] = inverse_parts(blocks, poles[static_cast<std::size_t>(p)].shift);
  });
  Matrix out(n, n);
  parallel_for((n + panel - 1) / panel, threads, [&](std::int64_t index, int) {
    const dense::OneThread own;
    const int left = static_cast<int>(index) * panel, columns = std::min(panel, n - left);
    for (int c = left; c < left + columns; ++c) std::fill_n(out.column(c) + left, n - left, 0.0);
    Matrix x(width, panel), next(width, panel);  // a row of blocks
    for (std::size_t p = 0; p < poles.size(); ++p) {
      InverseParts& part = parts[p];
      int known = 0;  // columns that have begun
      for (int row = left; row < n; row += width) {
        const auto i = static_cast<std::size_t>(row / width);
        const int height = std::min(width, n - row);
        if (known > 0) {
          Matrix& step = part.next[i - 1];
          dense::multiply(false, step.all(), false, x.all().at(0, 0, step.cols(), known),
                          next.all().at(0, 0, height, known), -1.0);
          std::swap(x, next);
        }
        if (row < left + columns) {
          for (int c = 0; c < height; ++c) std::copy_n(part.diagonal[i].column(c), height, x.column(known + c));
          known += height;
        }
        add_scaled(x, known, poles[p].weight, out.all().at(row, left, height, known));
      }
    }
  });
  return out;
}

/// Some reflections as 1 - V T V^T, which work on rows from `from` on.
struct Group {
  int from;
  Matrix v, t;

  int rows() const { return v.rows(); }
  int count() const { return v.cols(); }
};

Group group_of(const BandReduction& reduction, int first) {
  const int n = reduction.reflections.rows(), from = first + width;
  const int count = std::min(group, n - from);
  Group out{from, Matrix(n - from, count), Matrix(count, count)};
  for (int c = 0; c < count; ++c) {
    std::fill_n(out.v.column(c), c, 0.0);
    out.v.column(c)[c] = 1.0;
    std::copy_n(reduction.reflections.column(first + c) + from + c + 1, n - from - c - 1, out.v.column(c) + c + 1);
  }
  return out;
}

/// T from V^T V and the factors tau (Schreiber and Van Loan 1989).
void complete(Group& g, const Matrix& gram, const double* taus) {
  for (int j = 0; j < g.count(); ++j) {
    double* t = g.t.column(j);
    std::fill_n(t, g.count(), 0.0);
    for (int l = 0; l < j; ++l) {
      const double share = -taus[j] * gram(l, j);
      for (int i = 0; i <= l; ++i) t[i] += share * g.t(i, l);
    }
    t[j] = taus[j];
  }
}

/// S <- (1 - V T V^T) S (1 - V T^T V^T), of the lower triangle of S.
void reflect_both_sides(Matrix& s, Group& g, const double* taus, int threads) {
  const int from = g.from, rows = g.rows(), k = g.count();
  const int tiles = (rows + tile - 1) / tile;
  const auto top = [&](std::int64_t i) { return static_cast<int>(i) * tile; };
  const auto height = [&](std::int64_t i) { return std::min(tile, rows - top(i)); };
  Matrix x(rows, k), w(rows, k), gram(k, k);  // X = S V
  parallel_for(tiles + 1, threads, [&](std::int64_t i, int) {
    const dense::OneThread own;
    if (i == tiles) return dense::multiply(true, g.v.all(), false, g.v.all(), gram.all());
    const Block to = x.all().at(top(i), 0, height(i), k);
    for (int j = 0; j < tiles; ++j) {
      const Block v = g.v.all().at(top(j), 0, height(j), k);
      const double beta = j == 0 ? 0.0 : 1.0;
      if (j < i) {
        dense::multiply(false, s.all().at(from + top(i), from + top(j), height(i), height(j)), false, v, to, 1.0, beta);
      } else if (j > i) {
        dense::multiply(true, s.all().at(from + top(j), from + top(i), height(j), height(i)), false, v, to, 1.0, beta);
      } else {
        Matrix corner(height(i), height(i));  // both halves
        for (int c = 0; c < corner.cols(); ++c)
          for (int r = c; r < corner.rows(); ++r)
            corner.column(c)[r] = corner.column(r)[c] = s(from + top(i) + r, from + top(i) + c);
        dense::multiply(false, corner.all(), false, v, to, 1.0, beta);
      }
    }
  });
  complete(g, gram, taus);
  // W = Y - V (T V^T Y) / 2 with Y = X T^T.
  Matrix vx(k, k), half(k, k), inner(k, k);
  parallel_for((k + width - 1) / width, threads, [&](std::int64_t index, int) {
    const dense::OneThread own;
    const int c = static_cast<int>(index) * width, columns = std::min(width, k - c);
    dense::multiply(true, g.v.all(), false, x.all().at(0, c, rows, columns), vx.all().at(0, c, k, columns));
  });
  {
    const dense::OneThread own;
    dense::multiply(false, g.t.all(), false, vx.all(), half.all());
    dense::multiply(false, half.all(), true, g.t.all(), inner.all());
  }
  Matrix left(rows, 2 * k), right(rows, 2 * k);  // [V W] and [W V]
  parallel_for(tiles, threads, [&](std::int64_t i, int) {
    const dense::OneThread own;
    const Block to = w.all().at(top(i), 0, height(i), k);
    dense::multiply(false, x.all().at(top(i), 0, height(i), k), true, g.t.all(), to);
    dense::multiply(false, g.v.all().at(top(i), 0, height(i), k), false, inner.all(), to, -0.5, 1.0);
    for (int c = 0; c < k; ++c) {
      const double *v = g.v.column(c) + top(i), *own_w = w.column(c) + top(i);
      std::copy_n(v, height(i), left.column(c) + top(i));
      std::copy_n(v, height(i), right.column(c + k) + top(i));
      std::copy_n(own_w, height(i), left.column(c + k) + top(i));
      std::copy_n(own_w, height(i), right.column(c) + top(i));
    }
  });
  // What lies on the diagonal is worked out whole and half of it is not used.
  std::vector<std::pair<int, int>> squares;
  for (int j = 0; j < tiles; ++j)
    for (int i = j; i < tiles; ++i) squares.emplace_back(i, j);
  const int beside = (from + tile - 1) / tile;  // tiles of the columns before `from`, reflected from one side
  parallel_for(beside + std::ssize(squares), threads, [&](std::int64_t index, int) {
    const dense::OneThread own;
    if (index < beside) {
      const int c = static_cast<int>(index) * tile, columns = std::min(tile, from - c);
      Matrix along(k, columns), turned(k, columns);
      const Block to = s.all().at(from, c, rows, columns);
      dense::multiply(true, g.v.all(), false, to, along.all());
      dense::multiply(false, g.t.all(), false, along.all(), turned.all());
      dense::multiply(false, g.v.all(), false, turned.all(), to, -1.0, 1.0);
      return;
    }
    const auto& [i, j] = squares[static_cast<std::size_t>(index - beside)];
    dense::multiply(false, left.all().at(top(i), 0, height(i), 2 * k), true,
                    right.all().at(top(j), 0, height(j), 2 * k),
                    s.all().at(from + top(i), from + top(j), height(i), height(j)), -1.0, 1.0);
  });
}

}  // namespace

std::vector<Pole> inverse_root_poles(double low, double high, double tolerance) {
  const double ratio = std::min(std::sqrt(low / high), 1.0 - 1e-12);
  const double period = quarter_period(ratio);
  const auto count = static_cast<int>(
      std::ceil(std::log(4.0 / ratio) * std::log(4.0 / tolerance) / (std::numbers::pi * std::numbers::pi)));
  std::vector<Pole> out(static_cast<std::size_t>(count));
  const double step = 2.0 / std::numbers::pi * period / count;
  for (int i = 0; 2 * i < count; ++i) {
    const Jacobi at = jacobi((i + 0.5) * period / count, ratio);
    const double tangent = at.sn / at.cn;
    out[static_cast<std::size_t>(i)] = {low * tangent * tangent, step * std::sqrt(low) * at.dn / (at.cn * at.cn)};
    // Near the other end of the period cn has no digits; its values are those here, by symmetry.
    out[static_cast<std::size_t>(count - 1 - i)] = {high / (tangent * tangent),
                                                    step * std::sqrt(high) * at.dn / (at.sn * at.sn)};
  }
  return out;
}

dense::Matrix inverse_root(const BandReduction& reduction, double low, double high, double tolerance, int threads) {
  Matrix out = band_inverse_root(reduction.band, inverse_root_poles(low, high, tolerance), threads);
  const int n = out.rows(), reflections = std::max(n - width, 0);
  for (int first = (std::max(reflections - 1, 0)) / group * group; first >= 0 && reflections > 0; first -= group) {
    Group last = group_of(reduction, first);
    reflect_both_sides(out, last, reduction.taus.data() + first, threads);
  }
  return out;
}

}  // namespace assay
