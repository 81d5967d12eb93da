#pragma once
#include <cstddef>
#include <vector>

namespace assay {

/// A symmetric tridiagonal matrix: `off[i]` couples i and i + 1.
struct Tridiagonal {
  std::vector<double> diagonal;  // [n]
  std::vector<double> off;       // [n - 1], none for n = 0
};

/// The lower half of a symmetric matrix whose elements lie at most `width` below the diagonal, with room for what a
/// reduction fills in for a while, and zeros past the end, so that every window has full size.
class BandMatrix {
 public:
  static constexpr int width = 32;

  explicit BandMatrix(int size);

  int size() const { return size_; }
  /// Element (row, column), column <= row <= column + width.
  double& at(int row, int column) { return window(row, column)[0]; }
  /// The same memory seen as a column-major matrix: element (i, j) below it is [i + j * stride].
  double* window(int row, int column) { return memory_.data() + row + std::ptrdiff_t{column} * stride; }
  /// One less than the memory of a column, so that a step to the right is one down as well. Rows 2 width and beyond of
  /// each column are never read as elements: vectors that start above the diagonal reach there.
  static constexpr std::ptrdiff_t stride = 2 * width + 3;

 private:
  int size_;
  std::vector<double> memory_;
};

/// A tridiagonal matrix with the same eigenvalues, by Householder reflections of one column at a time, whose fill is
/// chased off the end (Schwarz 1968; Lang, SIAM J. Sci. Comput. 14(6), 1993). The columns are taken from the first to
/// the last, which keeps small eigenvalues of a matrix graded from large to small. Overwrites the band. `threads` (0:
/// all cores) follow each other along the band; the bits do not depend on their number.
Tridiagonal tridiagonal(BandMatrix& band, int threads);

}  // namespace assay
