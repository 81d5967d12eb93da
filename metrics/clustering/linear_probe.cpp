#include "metrics/clustering/linear_probe.h"

#include <fmt/format.h>

#include <Eigen/Cholesky>

#include "core/error.h"

namespace assay {
namespace {

using Rows = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

Rows rows_of(std::span<const float> features, std::int64_t width) {
  if (width < 1 || static_cast<std::int64_t>(features.size()) % width != 0)
    throw InputError(
        fmt::format("{} numbers are no whole number of feature vectors of width {}", features.size(), width));
  return {features.data(), static_cast<Eigen::Index>(features.size()) / width, static_cast<Eigen::Index>(width)};
}

}  // namespace

LinearProbe::LinearProbe(std::span<const float> features, std::int64_t width, std::span<const std::int64_t> labels,
                         std::int64_t classes, double ridge) {
  const Rows rows = rows_of(features, width);
  const Eigen::Index n = rows.rows();
  if (n == 0 || static_cast<std::size_t>(n) != labels.size())
    throw InputError(fmt::format("{} feature vectors and {} labels; expected as many, at least one", n, labels.size()));
  if (!rows.allFinite()) throw InputError("a feature of the linear probe is not finite");
  Eigen::MatrixXd answers = Eigen::MatrixXd::Zero(n, classes);
  for (Eigen::Index i = 0; i < n; ++i) {
    const std::int64_t label = labels[static_cast<std::size_t>(i)];
    if (label < 0 || label >= classes)
      throw InputError(fmt::format("label {} of row {}; accepted: 0 to {}", label, i, classes - 1));
    answers(i, label) = 1.0;
  }
  const Eigen::MatrixXd x = rows.cast<double>();
  mean_ = x.colwise().mean().transpose();
  offset_ = answers.colwise().mean().transpose();
  const Eigen::MatrixXd centred = x.rowwise() - mean_.transpose();
  Eigen::MatrixXd gram = centred.transpose() * centred;
  const double scale = gram.trace() / static_cast<double>(width);
  gram.diagonal().array() += ridge * scale + std::numeric_limits<double>::min();
  weights_ = gram.ldlt().solve(centred.transpose() * (answers.rowwise() - offset_.transpose()));
}

std::vector<std::int64_t> LinearProbe::classify(std::span<const float> features) const {
  const Rows rows = rows_of(features, mean_.size());
  const Eigen::MatrixXd scores =
      ((rows.cast<double>().rowwise() - mean_.transpose()) * weights_).rowwise() + offset_.transpose();
  std::vector<std::int64_t> out(static_cast<std::size_t>(rows.rows()));
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    Eigen::Index best = 0;
    scores.row(i).maxCoeff(&best);
    out[static_cast<std::size_t>(i)] = best;
  }
  return out;
}

}  // namespace assay
