#include "reproductions/self_guided/pca.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <Eigen/Eigenvalues>

#include "core/error.h"

namespace assay {

at::Tensor pca_features(const at::Tensor& images, std::int64_t components) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const std::int64_t n = images.size(0);
  const at::Tensor flat = images.to(at::kCPU).contiguous().view({n, -1});
  const std::int64_t width = flat.size(1);
  if (components < 1 || components > width)
    throw InputError(fmt::format("PCA: {} components of {} pixels", components, width));
  Eigen::MatrixXd x = Eigen::Map<const RowMajor>(flat.const_data_ptr<float>(), n, width).cast<double>();
  x.rowwise() -= x.colwise().mean().eval();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(x.transpose() * x);
  // Eigenvalues ascend, so the last columns are the leading directions.
  const Eigen::MatrixXd coordinates = x * solver.eigenvectors().rightCols(components).rowwise().reverse();
  at::Tensor result = at::empty({n, components}, at::kFloat);
  Eigen::Map<RowMajor>(result.mutable_data_ptr<float>(), n, components) = coordinates.cast<float>();
  return result;
}

}  // namespace assay
