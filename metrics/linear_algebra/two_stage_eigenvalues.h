#pragma once
#include <vector>

#include "metrics/linear_algebra/band_tridiagonal.h"
#include "metrics/linear_algebra/dense.h"

namespace assay {

/// A band matrix with the eigenvalues of a symmetric matrix, of which the lower triangle is read; its content is lost.
/// Panels of `BandMatrix::width` columns are reduced by a QR decomposition and applied to the rest from both sides in
/// matrix products (Bischof, Lang and Sun, ACM Trans. Math. Softw. 26(4), 2000). `threads` as in parallel_for().
BandMatrix band(dense::Matrix& symmetric, int threads = 0);

/// Rising eigenvalues; reads the lower triangle, and leaves the matrix undefined. Dense to band to tridiagonal: nearly
/// all operations are matrix products, unlike in one stage, where half of them wait for memory. A matrix graded from
/// large to small along its diagonal keeps the digits of its small eigenvalues. The bits do not depend on the number of
/// threads. Throws Error without convergence.
std::vector<double> two_stage_eigenvalues(dense::Matrix& symmetric, int threads = 0);

}  // namespace assay
