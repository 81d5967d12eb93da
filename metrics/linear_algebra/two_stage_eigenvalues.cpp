#include "metrics/linear_algebra/two_stage_eigenvalues.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/parallel.h"
#include "metrics/linear_algebra/tridiagonal_eigenvalues.h"

namespace assay {
namespace {

using dense::Block;
using dense::Matrix;

constexpr int width = BandMatrix::width;
constexpr int square =
    256;                 // the lower triangle is worked on in squares of so many rows and columns, which fit a cache
constexpr int sums = 4;  // columns of squares are summed in so many parts, whatever the number of threads

/// Calls body(first, count) for [from, n), cut where squares end: what lies on the diagonal is one square, of which
/// both halves are kept.
template <typename Body>
void squares(int from, int n, const Body& body) {
  for (int j = from; j < n; j = std::min(n, (j / square + 1) * square))
    body(j, std::min(n, (j / square + 1) * square) - j);
}

void complete_diagonal(Matrix& a) {
  squares(0, a.rows(), [&](int first, int count) {
    for (int j = first; j < first + count; ++j)
      for (int i = j + 1; i < first + count; ++i) a.column(i)[j] = a(i, j);
  });
}

/// H_1 H_2 ... = 1 - V T V^T with T upper triangular (Schreiber and Van Loan 1989), and X = A V on its way to the
/// update A - V W^T - W V^T, which is put off until each square is read for the next panel.
struct Panel {
  explicit Panel(int height) : left(height, 2 * width), right(height, 2 * width), t(width, width) {}

  int from = 0;  // first row and column of the matrix that it updates
  int rows = 0;  // n - from
  int reflections = 0;
  Matrix left, right;  // [V W] and [W V]
  Matrix t;

  Block v() { return left.all().at(0, 0, rows, reflections); }
  Block w() { return left.all().at(0, reflections, rows, reflections); }
  void update(Block a, int row, int column) {
    dense::multiply(false, left.all().at(row - from, 0, a.rows, 2 * reflections), true,
                    right.all().at(column - from, 0, a.cols, 2 * reflections), a, -1.0, 1.0);
  }
};

void compact_form(Panel& panel, const double* tau) {
  const int k = panel.reflections;
  Matrix gram(k, k);
  dense::multiply(true, panel.v(), false, panel.v(), gram.all());
  for (int j = 0; j < k; ++j) {
    std::fill_n(panel.t.column(j), k, 0.0);
    for (int i = 0; i < j; ++i) {
      double sum = 0.0;
      for (int l = i; l < j; ++l) sum += panel.t(i, l) * gram(l, j);
      panel.t.column(j)[i] = -tau[j] * sum;
    }
    panel.t.column(j)[j] = tau[j];
  }
}

/// The reflections that make columns [column, column + width) upper triangular from row column + width on.
void factor(Matrix& a, int column, Panel& panel, std::vector<double>& taus) {
  panel.from = column + width;
  panel.rows = a.rows() - panel.from;
  panel.reflections = std::min(width, panel.rows);
  const Block block = a.all().at(panel.from, column, panel.rows, width);
  double tau[width];
  dense::householder_qr(block, tau);
  for (int c = 0; c < panel.reflections; ++c) {
    double* to = panel.left.column(c);
    std::fill_n(to, c, 0.0);
    to[c] = 1.0;
    std::copy_n(block.data + std::ptrdiff_t{c} * block.stride + c + 1, panel.rows - c - 1, to + c + 1);
  }
  compact_form(panel, tau);
  taus.insert(taus.end(), tau, tau + panel.reflections);
}

/// Updates the trailing matrix of `panel` by the panel `before`, if any, and multiplies it by V of `panel`; each square
/// is read once for both.
void update_and_multiply(Matrix& a, Panel* before, Panel& panel, Matrix (&partial)[sums], int threads) {
  const int n = a.rows(), from = panel.from, k = panel.reflections;
  const Block v = panel.v();
  parallel_for(sums, threads, [&](std::int64_t part, int) {
    const dense::OneThread own;
    const Block out = partial[part].all().at(0, 0, panel.rows, k);
    for (int c = 0; c < k; ++c) std::fill_n(partial[part].column(c), panel.rows, 0.0);
    squares(from, n, [&](int j, int columns) {
      if (j / square % sums != part) return;
      squares(j, n, [&](int i, int rows) {
        const Block block = a.all().at(i, j, rows, columns);
        if (before != nullptr) before->update(block, i, j);
        dense::multiply(false, block, false, v.at(j - from, 0, columns, k), out.at(i - from, 0, rows, k), 1.0, 1.0);
        if (i != j)
          dense::multiply(true, block, false, v.at(i - from, 0, rows, k), out.at(j - from, 0, columns, k), 1.0, 1.0);
      });
    });
  });
}

/// W = Y - V (T^T V^T Y) / 2 with Y = X T, X the sum of the parts.
void complete(Panel& panel, Matrix (&partial)[sums]) {
  const int k = panel.reflections, rows = panel.rows;
  for (int c = 0; c < k; ++c) {
    double* x = partial[0].column(c);
    for (int i = 0; i < rows; ++i) x[i] = (x[i] + partial[1](i, c)) + (partial[2](i, c) + partial[3](i, c));
  }
  const Block x = partial[0].all().at(0, 0, rows, k), t = panel.t.all().at(0, 0, k, k);
  Matrix vy(k, k), half(k, k);
  dense::multiply(false, x, false, t, panel.w());
  dense::multiply(true, panel.v(), false, panel.w(), vy.all());
  dense::multiply(true, t, false, vy.all(), half.all());
  dense::multiply(false, panel.v(), false, half.all(), panel.w(), -0.5, 1.0);
  for (int c = 0; c < k; ++c) {
    std::copy_n(panel.left.column(c + k), rows, panel.right.column(c));
    std::copy_n(panel.left.column(c), rows, panel.right.column(c + k));
  }
}

/// Overwrites the lower triangle by band and reflections, of which `taus` gets the factors.
BandMatrix reduce(Matrix& a, std::vector<double>& taus, int threads) {
  const dense::OneThread own;
  const int n = a.rows(), height = std::max(n - width, 0);
  complete_diagonal(a);
  Panel panels[2] = {Panel(height), Panel(height)};
  Panel *before = nullptr, *panel = &panels[0], *spare = &panels[1];
  Matrix partial[sums] = {{height, width}, {height, width}, {height, width}, {height, width}};
  int j = 0;
  for (; j + width < n; j += width) {
    if (before != nullptr) before->update(a.all().at(j, j, n - j, width), j, j);
    factor(a, j, *panel, taus);
    update_and_multiply(a, before, *panel, partial, threads);
    complete(*panel, partial);
    before = std::exchange(panel, spare);
    spare = before;
  }
  if (before != nullptr) before->update(a.all().at(j, j, n - j, n - j), j, j);
  BandMatrix out(n);
  for (int c = 0; c < n; ++c)  // below the band lie the reflections
    std::copy_n(a.column(c) + c, std::min(n - c, width + 1), out.window(c, c));
  return out;
}

}  // namespace

BandReduction reduce_to_band(Matrix symmetric, int threads) {
  std::vector<double> taus;
  taus.reserve(static_cast<std::size_t>(std::max(symmetric.rows() - width, 0)));
  BandMatrix band = reduce(symmetric, taus, threads);
  return {std::move(symmetric), std::move(taus), std::move(band)};
}

std::vector<double> band_eigenvalues(BandMatrix& band, int threads) {
  return tridiagonal_eigenvalues(tridiagonal(band, threads));
}

std::vector<double> two_stage_eigenvalues(Matrix& symmetric, int threads) {
  std::vector<double> taus;
  BandMatrix band = reduce(symmetric, taus, threads);
  return band_eigenvalues(band, threads);
}

}  // namespace assay
