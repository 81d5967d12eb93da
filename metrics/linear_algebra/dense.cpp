#include "metrics/linear_algebra/dense.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <new>

#include "core/error.h"
#include "core/parallel.h"

// NOLINTBEGIN(readability-identifier-naming): Fortran's names
extern "C" {
void dgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const double* alpha,
            const double* a, const int* lda, const double* b, const int* ldb, const double* beta, double* c,
            const int* ldc);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dtrsm_(const char* side, const char* uplo, const char* transa, const char* diag, const int* m, const int* n,
            const double* alpha, const double* a, const int* lda, double* b, const int* ldb);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info);
void dgeqrf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work, const int* lwork,
             int* info);
void dgesdd_(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
             const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork, int* info);
/// MKL's; another BLAS does without, and then last bits may depend on its threads.
__attribute__((weak)) int MKL_Set_Num_Threads_Local(int threads);
}
// NOLINTEND(readability-identifier-naming)

namespace assay::dense {
namespace {

/// Products of no more operations take one thread some 10 ms, and others more to start.
constexpr double one_thread_operations = 5e8;

constexpr int tile = 256;  // rows and columns of a triangle that are worked on as a square

struct Tile {
  int row, column, height, width;
};

/// The lower triangle of an n x n matrix, squares on the diagonal whole.
std::vector<Tile> lower_tiles(int n) {
  std::vector<Tile> out;
  for (int j = 0; j < n; j += tile)
    for (int i = j; i < n; i += tile) out.push_back({i, j, std::min(tile, n - i), std::min(tile, n - j)});
  return out;
}

void converged(int info, const char* what) {
  if (info != 0) throw Error(fmt::format("Fréchet distance: the {} did not converge (LAPACK says {})", what, info));
}

std::vector<double> decompose(Matrix& symmetric, const char* job, const char* what) {
  const int n = symmetric.rows();
  std::vector<double> values(static_cast<std::size_t>(n));
  if (n == 0) return values;
  const OneThread small(n <= (*job == 'N' ? 3 * one_thread : one_thread));
  double work_size = 0;
  int int_size = 0, info = 0;
  const int query = -1;
  dsyevd_(job, "L", &n, symmetric.column(0), &n, values.data(), &work_size, &query, &int_size, &query, &info);
  const int lwork = static_cast<int>(work_size);
  Matrix work(lwork, 1);
  std::vector<int> iwork(static_cast<std::size_t>(int_size));
  dsyevd_(job, "L", &n, symmetric.column(0), &n, values.data(), work.column(0), &lwork, iwork.data(), &int_size, &info);
  converged(info, what);
  return values;
}

/// The lower triangle of g + g^T in place.
void add_transposed(Block g) {
  for (int c = 0; c < g.cols; ++c)
    for (int r = c; r < g.rows; ++r) *g.at(r, c, 1, 1).data += *g.at(c, r, 1, 1).data;
}

}  // namespace

OneThread::OneThread(bool wanted) {
  if (wanted && MKL_Set_Num_Threads_Local != nullptr) before_ = MKL_Set_Num_Threads_Local(1);
}

OneThread::~OneThread() {
  if (before_ >= 0) MKL_Set_Num_Threads_Local(before_);
}

Matrix::Matrix(int rows, int cols) : rows_(rows), cols_(cols) {
  const std::size_t bytes = sizeof(double) * static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
  data_.reset(static_cast<double*>(std::aligned_alloc(64, std::max<std::size_t>(64, (bytes + 63) / 64 * 64))));
  if (!data_) throw std::bad_alloc();
}

Matrix::Matrix(const Eigen::MatrixXd& from) : Matrix(static_cast<int>(from.rows()), static_cast<int>(from.cols())) {
  std::copy_n(from.data(), from.size(), data_.get());
}

Matrix::Matrix(const Matrix& from) : Matrix(from.rows_, from.cols_) {
  std::copy_n(from.data_.get(), std::ptrdiff_t{rows_} * cols_, data_.get());
}

Block view(const Eigen::MatrixXd& matrix) {
  const auto rows = static_cast<int>(matrix.rows());
  return {const_cast<double*>(matrix.data()), rows, static_cast<int>(matrix.cols()), rows};
}

void multiply(bool transpose_a, Block a, bool transpose_b, Block b, Block c, double alpha, double beta) {
  if (c.rows == 0 || c.cols == 0) return;
  const int inner = transpose_a ? a.rows : a.cols;
  const OneThread small(2.0 * c.rows * c.cols * inner <= one_thread_operations);
  dgemm_(transpose_a ? "T" : "N", transpose_b ? "T" : "N", &c.rows, &c.cols, &inner, &alpha, a.data, &a.stride, b.data,
         &b.stride, &beta, c.data, &c.stride);
}

Matrix lower_congruence(Block lower, Block symmetric) {
  // S = N + N^T with N lower triangular: L^T S L = L^T (N L) + (N L)^T L, and N L is lower triangular as well.
  const int n = lower.rows;
  Matrix half(n, n), out(n, n);
  // Flat tiles up to the diagonal, and low squares on it, leave little of what is zero.
  constexpr int height_of_tile = tile / 2;
  std::vector<Tile> tiles;
  for (int i = 0; i < n; i += height_of_tile) {
    const int height = std::min(height_of_tile, n - i);
    for (int j = 0; j < i; j += tile) tiles.push_back({i, j, height, std::min(tile, i - j)});
    tiles.push_back({i, i, height, height});
  }
  // Long products first, so that no thread is left with one.
  std::stable_sort(tiles.begin(), tiles.end(), [](Tile a, Tile b) { return a.row - a.column > b.row - b.column; });
  parallel_for(std::ssize(tiles), 0, [&](std::int64_t index, int) {
    const OneThread own;
    const auto [i, j, height, width] = tiles[static_cast<std::size_t>(index)];
    Matrix corner(height, height);  // of N, on the diagonal
    for (int c = 0; c < height; ++c) {
      const double* from = symmetric.at(i, i + c, height, 1).data;
      std::fill_n(corner.column(c), c, 0.0);
      corner.column(c)[c] = 0.5 * from[c];
      std::copy_n(from + c + 1, height - c - 1, corner.column(c) + c + 1);
    }
    const Block to = half.all().at(i, j, height, width);
    multiply(false, corner.all(), false, lower.at(i, j, height, width), to);
    if (i > j) multiply(false, symmetric.at(i, j, height, i - j), false, lower.at(j, j, i - j, width), to, 1.0, 1.0);
  });
  std::stable_sort(tiles.begin(), tiles.end(), [](Tile a, Tile b) { return a.row < b.row; });
  parallel_for(std::ssize(tiles), 0, [&](std::int64_t index, int) {
    const OneThread own;
    const auto [i, j, height, width] = tiles[static_cast<std::size_t>(index)];
    const Block to = out.all().at(i, j, height, width);
    multiply(true, lower.at(i, i, n - i, height), false, half.all().at(i, j, n - i, width), to);
    if (i == j) return add_transposed(to);
    multiply(true, half.all().at(i, i, n - i, height), false, lower.at(i, j, n - i, width), to, 1.0, 1.0);
  });
  return out;
}

Matrix row_congruence(Block rows, Block symmetric) {
  const int k = rows.rows, n = rows.cols;
  Matrix half(k, n), out(k, k);
  multiply(false, rows, false, symmetric, half.all());
  for (int i = 0; i < k; i += tile) {
    const int height = std::min(tile, k - i);
    multiply(false, half.all().at(i, 0, height, n), true, rows.at(0, 0, i + height, n),
             out.all().at(i, 0, height, i + height));
  }
  return out;
}

bool cholesky(Matrix& symmetric) {
  const int n = symmetric.rows();
  if (n == 0) return true;
  const OneThread own;
  const std::vector<Tile> tiles = lower_tiles(n);
  for (int j = 0; j < n; j += tile) {
    const int width = std::min(tile, n - j), below = n - j - width;
    int info = 0;
    dpotrf_("L", &width, symmetric.column(j) + j, &n, &info);
    if (info != 0) return false;
    parallel_for((below + tile - 1) / tile, 0, [&](std::int64_t index, int) {
      const OneThread alone;
      const int i = j + width + static_cast<int>(index) * tile, height = std::min(tile, n - i);
      const double one = 1.0;
      dtrsm_("R", "L", "T", "N", &height, &width, &one, symmetric.column(j) + j, &n, symmetric.column(j) + i, &n);
    });
    std::vector<Tile> rest;
    std::copy_if(tiles.begin(), tiles.end(), std::back_inserter(rest), [&](Tile t) { return t.column > j; });
    parallel_for(std::ssize(rest), 0, [&](std::int64_t index, int) {
      const OneThread alone;
      const auto [i, k, rows, columns] = rest[static_cast<std::size_t>(index)];
      multiply(false, symmetric.all().at(i, j, rows, width), true, symmetric.all().at(k, j, columns, width),
               symmetric.all().at(i, k, rows, columns), -1.0, 1.0);
    });
  }
  for (int j = 0; j < n; ++j) std::fill_n(symmetric.column(j), j, 0.0);
  return true;
}

bool well_conditioned(const Matrix& lower) {
  double largest = 0.0, smallest = std::numeric_limits<double>::infinity();
  for (int j = 0; j < lower.rows(); ++j) {
    largest = std::max(largest, lower(j, j));
    smallest = std::min(smallest, lower(j, j));
  }
  return smallest * smallest > std::numeric_limits<double>::epsilon() * lower.rows() * largest * largest;
}

void solve_lower_transposed(const Matrix& lower, Matrix& a) {
  const int k = a.rows(), n = a.cols();
  if (k == 0 || n == 0) return;
  const OneThread small(n <= one_thread);
  const double one = 1.0;
  dtrsm_("R", "L", "T", "N", &k, &n, &one, lower.column(0), &n, a.column(0), &k);
}

void householder_qr(Block a, double* tau) {
  if (a.rows == 0 || a.cols == 0) return;
  const OneThread small(std::max(a.rows, a.cols) <= one_thread);
  Matrix work(64 * a.cols, 1);
  const int lwork = work.rows();
  int info = 0;
  dgeqrf_(&a.rows, &a.cols, a.data, &a.stride, tau, work.column(0), &lwork, &info);
}

std::vector<double> eigenvalues(Matrix& symmetric) { return decompose(symmetric, "N", "eigenvalues"); }

std::vector<double> eigenvectors(Matrix& symmetric) { return decompose(symmetric, "V", "eigenvectors"); }

std::vector<double> singular_values(Matrix& matrix) {
  const int m = matrix.rows(), n = matrix.cols(), one = 1;
  std::vector<double> values(static_cast<std::size_t>(std::min(m, n)));
  if (values.empty()) return values;
  const OneThread small(std::max(m, n) <= 3 * one_thread);
  std::vector<int> iwork(8 * values.size());
  double work_size = 0, none = 0;
  int info = 0;
  const int query = -1;
  dgesdd_("N", &m, &n, matrix.column(0), &m, values.data(), &none, &one, &none, &one, &work_size, &query, iwork.data(),
          &info);
  const int lwork = static_cast<int>(work_size);
  Matrix work(lwork, 1);
  dgesdd_("N", &m, &n, matrix.column(0), &m, values.data(), &none, &one, &none, &one, work.column(0), &lwork,
          iwork.data(), &info);
  converged(info, "singular values");
  return values;
}

}  // namespace assay::dense
