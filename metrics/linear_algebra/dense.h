#pragma once
#include <Eigen/Core>
#include <cstdlib>
#include <memory>
#include <vector>

namespace assay::dense {

/// A rectangle of a column-major matrix: element (i, j) is data[i + j * stride].
struct Block {
  double* data;
  int rows, cols, stride;

  Block at(int row, int col, int height, int width) const {
    return {data + row + std::ptrdiff_t{col} * stride, height, width, stride};
  }
};

/// A column-major matrix that starts on a cache line, so that a run repeats to the bit.
class Matrix {
 public:
  /// Not initialised.
  Matrix(int rows, int cols);
  explicit Matrix(const Eigen::MatrixXd& from);
  explicit Matrix(const Matrix& from);
  Matrix(Matrix&&) noexcept = default;
  Matrix& operator=(Matrix&&) noexcept = default;

  int rows() const { return rows_; }
  int cols() const { return cols_; }
  double* column(int j) { return data_.get() + std::ptrdiff_t{j} * rows_; }
  const double* column(int j) const { return data_.get() + std::ptrdiff_t{j} * rows_; }
  double operator()(int i, int j) const { return column(j)[i]; }
  Block all() { return {data_.get(), rows_, cols_, rows_}; }

 private:
  struct Free {
    void operator()(double* memory) const { std::free(memory); }
  };
  int rows_, cols_;
  std::unique_ptr<double[], Free> data_;
};

/// The memory of a matrix, to be read from alone.
Block view(const Eigen::MatrixXd& matrix);

// What follows calls the BLAS and LAPACK inside LibTorch. Matrices of at most `one_thread` rows and columns are
// worked on by the calling thread alone, so that their bits do not depend on the number of threads; larger ones, beyond
// some size of the work, by all, which moves last bits.
constexpr int one_thread = 128;

/// Keeps BLAS on the calling thread while it lives, as workers of their own need.
class OneThread {
 public:
  explicit OneThread(bool wanted = true);
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = -1;
};

/// c = alpha op(a) op(b) + beta c, where op transposes if asked to; c is not read where beta is 0. The shapes must fit.
void multiply(bool transpose_a, Block a, bool transpose_b, Block b, Block c, double alpha = 1.0, double beta = 0.0);

/// The lower triangle of L^T S L, for L lower triangular with zeros above its diagonal and S symmetric (its lower
/// triangle is read), in half the operations of one full product. The upper triangle is left undefined. The bits do not
/// depend on the number of threads.
Matrix lower_congruence(Block lower, Block symmetric);

/// The lower triangle of R S R^T for any R [k, d]. The upper triangle is left undefined.
Matrix row_congruence(Block rows, Block symmetric);

/// Overwrites the lower triangle by L with S = L L^T and sets what lies above to zero; false where a pivot is not
/// positive, and then the content is undefined.
bool cholesky(Matrix& symmetric);

/// Whether no pivot of this Cholesky factor is as small as rounding, as pivots of a singular matrix are.
bool well_conditioned(const Matrix& lower);

/// Overwrites a [k, n] by a L^-T, for L [n, n] lower triangular.
void solve_lower_transposed(const Matrix& lower, Matrix& a);

/// Overwrites a by R of a = Q R; below the diagonal lie the vectors of the reflections H_i = 1 - tau_i v_i v_i^T, whose
/// product H_1 H_2 ... is Q, without their ones. `tau` has room for min(rows, cols).
void householder_qr(Block a, double* tau);

/// Rising eigenvalues; reads the lower triangle, and leaves the matrix undefined. In one stage: two_stage_eigenvalues()
/// is faster where the matrix is large. Throws Error without convergence.
std::vector<double> eigenvalues(Matrix& symmetric);

/// The same, with the eigenvectors as columns in place of the matrix.
std::vector<double> eigenvectors(Matrix& symmetric);

/// Falling singular values; leaves the matrix undefined. Throws Error without convergence.
std::vector<double> singular_values(Matrix& matrix);

}  // namespace assay::dense
