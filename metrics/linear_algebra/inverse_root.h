#pragma once
#include <vector>

#include "metrics/linear_algebra/two_stage_eigenvalues.h"

namespace assay {

/// One term weight / (x + shift).
struct Pole {
  double shift, weight;
};

/// Poles whose sum is 1 / sqrt(x) for x in [low, high], 0 < low <= high, with a relative error below `tolerance` (1e-10
/// or more): the midpoint rule for (2 / pi) times the integral of 1 / (x + t^2) over t > 0, with t = sqrt(low) sc(u) of
/// Jacobi's functions (Hale, Higham and Trefethen, SIAM J. Numer. Anal. 46(5), 2008, their method 3). About ln(4
/// sqrt(high / low)) ln(4 / tolerance) / pi^2 of them.
std::vector<Pole> inverse_root_poles(double low, double high, double tolerance);

/// The lower triangle of S^(-1/2) for S = Q B Q^T positive definite with eigenvalues in [low, high]: a sum of inverses
/// of the band B + shift, each in width * n^2 operations, and Q on both sides of it; there are no eigenvectors. The
/// upper triangle is left undefined. Where S is graded from large to small along its diagonal the inverses keep the
/// digits of its small eigenvalues. Relative error of every quadratic form below `tolerance`, beside rounding. The bits
/// do not depend on the number of threads (as in parallel_for()). Throws Error where B + shift is not positive
/// definite.
dense::Matrix inverse_root(const BandReduction& reduction, double low, double high, double tolerance, int threads = 0);

}  // namespace assay
