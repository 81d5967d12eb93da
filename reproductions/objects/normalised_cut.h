#pragma once
#include <Eigen/Core>

namespace assay {

struct NormalisedCut {
  double eigenvalue = 0;        // in [0, 2]
  Eigen::VectorXd eigenvector;  // x^T D x = 1; its sign is not determined
};

/// The second smallest eigenvalue of (D - W) x = lambda D x and its eigenvector: the relaxed minimum of the normalised
/// cut of a graph (Shi and Malik, IEEE TPAMI 22(8), 2000). `affinity` is W [n, n], n at least 2, symmetric and without
/// negative weights, of which the lower triangle is read; D has the sums of its rows, which must be positive (Error).
/// By Lanczos' method on D^-1/2 W D^-1/2, whose vectors are kept orthogonal to one another and to the known first
/// eigenvector D^1/2 1, until the residual is at rounding: some ten products of a graph of two clear parts, as many as
/// n at worst. It always starts at the same vector, on the calling thread alone.
NormalisedCut normalised_cut(const Eigen::MatrixXd& affinity);

}  // namespace assay
