#include "metrics/dense.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <new>

#include "core/error.h"

// NOLINTBEGIN(readability-identifier-naming): Fortran's names
extern "C" {
void dgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const double* alpha,
            const double* a, const int* lda, const double* b, const int* ldb, const double* beta, double* c,
            const int* ldc);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info);
void dgesdd_(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
             const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork, int* info);
/// MKL's; another BLAS does without, and then last bits may depend on its threads.
__attribute__((weak)) int MKL_Set_Num_Threads_Local(int threads);
}
// NOLINTEND(readability-identifier-naming)

namespace assay::dense {
namespace {

constexpr int panel = 256;  // columns of a triangle that are worked on as a rectangle

/// Keeps BLAS on this thread while it lives, for small work.
class Threads {
 public:
  explicit Threads(int size) {
    if (size <= one_thread && MKL_Set_Num_Threads_Local != nullptr) before_ = MKL_Set_Num_Threads_Local(1);
  }
  ~Threads() {
    if (before_ >= 0) MKL_Set_Num_Threads_Local(before_);
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_ = -1;
};

void converged(int info, const char* what) {
  if (info != 0) throw Error(fmt::format("Fréchet distance: the {} did not converge (LAPACK says {})", what, info));
}

std::vector<double> decompose(Matrix& symmetric, const char* job, const char* what) {
  const int n = symmetric.rows();
  std::vector<double> values(static_cast<std::size_t>(n));
  if (n == 0) return values;
  const Threads threads(n);
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

}  // namespace

Matrix::Matrix(int rows, int cols) : rows_(rows), cols_(cols) {
  const std::size_t bytes = sizeof(double) * static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
  data_.reset(static_cast<double*>(std::aligned_alloc(64, std::max<std::size_t>(64, (bytes + 63) / 64 * 64))));
  if (!data_) throw std::bad_alloc();
}

Matrix::Matrix(const Eigen::MatrixXd& from) : Matrix(static_cast<int>(from.rows()), static_cast<int>(from.cols())) {
  std::copy_n(from.data(), from.size(), data_.get());
}

void multiply(bool transpose_a, Block a, bool transpose_b, Block b, Block c) {
  if (c.rows == 0 || c.cols == 0) return;
  const int inner = transpose_a ? a.rows : a.cols;
  const Threads threads(std::max({c.rows, c.cols, inner}));
  const double one = 1.0, zero = 0.0;
  dgemm_(transpose_a ? "T" : "N", transpose_b ? "T" : "N", &c.rows, &c.cols, &inner, &one, a.data, &a.stride, b.data,
         &b.stride, &zero, c.data, &c.stride);
}

Matrix lower_congruence(Matrix& lower, Matrix& symmetric) {
  const int n = lower.rows();
  Matrix half(n, n), out(n, n);
  for (int j = 0; j < n; j += panel) {
    const int width = std::min(panel, n - j);
    multiply(false, symmetric.all().at(0, j, n, n - j), false, lower.all().at(j, j, n - j, width),
             half.all().at(0, j, n, width));
  }
  for (int i = 0; i < n; i += panel) {
    const int height = std::min(panel, n - i);
    multiply(true, lower.all().at(i, i, n - i, height), false, half.all().at(i, 0, n - i, i + height),
             out.all().at(i, 0, height, i + height));
  }
  return out;
}

Matrix row_congruence(Matrix& rows, Matrix& symmetric) {
  const int k = rows.rows(), n = rows.cols();
  Matrix half(k, n), out(k, k);
  multiply(false, rows.all(), false, symmetric.all(), half.all());
  for (int i = 0; i < k; i += panel) {
    const int height = std::min(panel, k - i);
    multiply(false, half.all().at(i, 0, height, n), true, rows.all().at(0, 0, i + height, n),
             out.all().at(i, 0, height, i + height));
  }
  return out;
}

bool cholesky(Matrix& symmetric) {
  const int n = symmetric.rows();
  if (n == 0) return true;
  const Threads threads(n);
  int info = 0;
  dpotrf_("L", &n, symmetric.column(0), &n, &info);
  if (info != 0) return false;
  double largest = 0.0, smallest = std::numeric_limits<double>::infinity();
  for (int j = 0; j < n; ++j) {
    std::fill_n(symmetric.column(j), j, 0.0);
    largest = std::max(largest, symmetric(j, j));
    smallest = std::min(smallest, symmetric(j, j));
  }
  // A pivot this small is rounding, and so is what it divided.
  return smallest * smallest > std::numeric_limits<double>::epsilon() * n * largest * largest;
}

std::vector<double> eigenvalues(Matrix& symmetric) { return decompose(symmetric, "N", "eigenvalues"); }

std::vector<double> eigenvectors(Matrix& symmetric) { return decompose(symmetric, "V", "eigenvectors"); }

std::vector<double> singular_values(Matrix& matrix) {
  const int m = matrix.rows(), n = matrix.cols(), one = 1;
  std::vector<double> values(static_cast<std::size_t>(std::min(m, n)));
  if (values.empty()) return values;
  const Threads threads(std::max(m, n));
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
