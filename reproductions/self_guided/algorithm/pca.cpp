#include "reproductions/self_guided/algorithm/pca.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <Eigen/Eigenvalues>

#include "core/error.h"

namespace assay::self_guided {

namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::MatrixXd pixels_of(const at::Tensor& images) {
  const std::int64_t n = images.size(0);
  const at::Tensor flat = images.to(at::kCPU).contiguous().view({n, -1});
  return Eigen::Map<const RowMajor>(flat.const_data_ptr<float>(), n, flat.size(1)).cast<double>();
}

}  // namespace

at::Tensor pca_features(const at::Tensor& images, std::int64_t components, const at::Tensor& fitted_on) {
  Eigen::MatrixXd x = pixels_of(fitted_on.defined() ? fitted_on : images);
  if (components < 1 || components > x.cols())
    throw InputError(fmt::format("PCA: {} components of {} pixels", components, x.cols()));
  const Eigen::RowVectorXd mean = x.colwise().mean();
  x.rowwise() -= mean;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(x.transpose() * x);
  if (fitted_on.defined()) {
    x = pixels_of(images);
    x.rowwise() -= mean;
  }
  // Eigenvalues ascend, so the last columns are the leading directions.
  const Eigen::MatrixXd coordinates = x * solver.eigenvectors().rightCols(components).rowwise().reverse();
  at::Tensor result = at::empty({x.rows(), components}, at::kFloat);
  Eigen::Map<RowMajor>(result.mutable_data_ptr<float>(), x.rows(), components) = coordinates.cast<float>();
  return result;
}

}  // namespace assay::self_guided
