#include "reproductions/objects/normalised_cut.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

// Of a matrix whose eigenvalues lie in [-1, 1].
constexpr double settled = 1e-13;

/// Takes the parts along `first` and the columns of `basis` out of v; twice, since once leaves rounding of what it
/// took.
void orthogonalise(Eigen::VectorXd& v, const Eigen::VectorXd& first, const Eigen::Ref<const Eigen::MatrixXd>& basis) {
  for (int pass = 0; pass < 2; ++pass) {
    v -= first * first.dot(v);
    v -= basis * (basis.transpose() * v).eval();
  }
}

}  // namespace

NormalisedCut normalised_cut(const Eigen::MatrixXd& affinity) {
  const Eigen::Index n = affinity.rows();
  if (n < 2 || affinity.cols() != n) throw Error(fmt::format("a cut of {} x {} weights", n, affinity.cols()));
  const auto weights = affinity.selfadjointView<Eigen::Lower>();
  const Eigen::VectorXd degree = weights * Eigen::VectorXd::Ones(n);
  if (!(degree.minCoeff() > 0)) throw Error("a cut of a graph with a node of no weight");
  const Eigen::VectorXd scale = degree.cwiseSqrt().cwiseInverse();
  const Eigen::VectorXd first = degree.cwiseSqrt().normalized();

  Eigen::VectorXd v(n);
  RandomStream random(0, Purpose::initialise, 0);
  for (Eigen::Index i = 0; i < n; ++i) v[i] = random.normal();
  Eigen::MatrixXd basis(n, std::min<Eigen::Index>(n - 1, 32));
  orthogonalise(v, first, basis.leftCols(0));
  v.normalize();

  Eigen::VectorXd diagonal(n - 1), off(n - 1);
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> small;
  Eigen::Index look = std::min<Eigen::Index>(n - 1, 12);  // at so many vectors; to look takes their cube
  for (Eigen::Index k = 0;; ++k) {
    if (k == basis.cols()) basis.conservativeResize(Eigen::NoChange, std::min(n - 1, 2 * k));
    basis.col(k) = v;
    Eigen::VectorXd next = scale.cwiseProduct(weights * scale.cwiseProduct(v).eval());
    diagonal[k] = v.dot(next);
    orthogonalise(next, first, basis.leftCols(k + 1));
    off[k] = next.norm();
    const bool spent = k + 1 == n - 1 || off[k] < settled;
    if (spent || k + 1 == look) {
      look += std::max<Eigen::Index>(4, look / 4);
      small.computeFromTridiagonal(diagonal.head(k + 1), off.head(k));
      if (small.info() != Eigen::Success) throw Error("a normalised cut: the eigenvalues did not converge");
      const auto ritz = small.eigenvectors().col(k);  // rising eigenvalues
      if (spent || off[k] * std::abs(ritz[k]) < settled)
        return {1 - small.eigenvalues()[k], scale.cwiseProduct(basis.leftCols(k + 1) * ritz)};
    }
    v = next / off[k];
  }
}

}  // namespace assay
