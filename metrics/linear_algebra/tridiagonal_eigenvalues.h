#pragma once
#include <vector>

#include "metrics/linear_algebra/band_tridiagonal.h"

namespace assay {

/// Rising eigenvalues by QL or QR steps without square roots, whichever starts at the small end (Pal, Walker and Kahan;
/// Parlett, The Symmetric Eigenvalue Problem, 8.14-8.15; Reinsch, Comm. ACM 16, 1973). Errors are of the size of the
/// rounding of the largest eigenvalue; where the matrix is graded, small ones keep more. Throws Error without
/// convergence.
std::vector<double> tridiagonal_eigenvalues(Tridiagonal matrix);

}  // namespace assay
