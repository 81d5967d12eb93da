#pragma once
#include <Eigen/Core>
#include <vector>

#include "metrics/linear_algebra/two_stage_eigenvalues.h"

namespace assay {

/// What the Cholesky route of a Fréchet distance works out on its way: L with S1 = L L^T, the dimensions in the order
/// of falling variance of S1 and without those that are constant in either set, and L^T S2 L as a band with its
/// eigenvalues. The optimal map between the Gaussians is made of the same.
struct FrechetReduction {
  std::vector<Eigen::Index> order;
  dense::Matrix lower;
  BandReduction band;
  std::vector<double> eigenvalues;  // rising, all positive
};

}  // namespace assay
