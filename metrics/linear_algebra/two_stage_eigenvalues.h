#pragma once
#include <vector>

#include "metrics/linear_algebra/band_tridiagonal.h"
#include "metrics/linear_algebra/dense.h"

namespace assay {

/// Q and B of S = Q B Q^T with B a band: Q is a product of reflections in the form of dense::householder_qr(), of which
/// number i has its vector in column i of `reflections`, from row i + BandMatrix::width on.
struct BandReduction {
  dense::Matrix reflections;  // [n, n]; what lies elsewhere is undefined
  std::vector<double> taus;   // [n - BandMatrix::width], none for smaller n
  BandMatrix band;
};

/// Reads the lower triangle. Panels of `BandMatrix::width` columns are reduced by a QR decomposition and applied to the
/// rest from both sides in matrix products (Bischof, Lang and Sun, ACM Trans. Math. Softw. 26(4), 2000). `threads` as
/// in parallel_for().
BandReduction reduce_to_band(dense::Matrix symmetric, int threads = 0);

/// Rising; the band is lost.
std::vector<double> band_eigenvalues(BandMatrix& band, int threads = 0);

/// Rising eigenvalues; reads the lower triangle, and leaves the matrix undefined. Dense to band to tridiagonal: nearly
/// all operations are matrix products, unlike in one stage, where half of them wait for memory. A matrix graded from
/// large to small along its diagonal keeps the digits of its small eigenvalues. The bits do not depend on the number of
/// threads. Throws Error without convergence.
std::vector<double> two_stage_eigenvalues(dense::Matrix& symmetric, int threads = 0);

}  // namespace assay
