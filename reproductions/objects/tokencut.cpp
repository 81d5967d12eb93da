#include "reproductions/objects/tokencut.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/error.h"
#include "metrics/masks/connected_component.h"
#include "reproductions/objects/normalised_cut.h"

namespace assay {
namespace {

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// What two sides of a comparison may differ by and count as equal, as a share of the largest magnitude: rounding
// differs between processors.
constexpr double alike = 1e-9;

/// The weights between patches, in the lower triangle.
Eigen::MatrixXd affinity_of(std::span<const float> features, std::int64_t n, std::int64_t dimension,
                            const TokenCutOptions& options) {
  Rows unit = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(features.data(),
                                                                                                      n, dimension)
                  .cast<double>();
  for (Eigen::Index p = 0; p < unit.rows(); ++p) unit.row(p) /= std::max(unit.row(p).norm(), 1e-12);
  Eigen::MatrixXd w = Eigen::MatrixXd::Zero(n, n);
  w.selfadjointView<Eigen::Lower>().rankUpdate(unit);
  for (Eigen::Index q = 0; q < w.cols(); ++q)
    for (Eigen::Index p = q; p < w.rows(); ++p) {
      const double cosine = w(p, q);
      if (options.binary)
        w(p, q) = cosine > options.tau ? 1.0 : options.epsilon;
      else if (cosine < options.tau || cosine <= 0)
        w(p, q) = options.epsilon;
    }
  return w;
}

}  // namespace

TokenCutOptions read_tokencut_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  TokenCutOptions o;
  o.tau = reader.real("tau", o.tau, 0.0, 0.999999);
  o.epsilon = reader.real("epsilon", o.epsilon, 1e-12, 1.0);
  o.binary = reader.boolean("binary", o.binary);
  reader.finish();
  return o;
}

nlohmann::json to_json(const TokenCutOptions& o) {
  return {{"tau", o.tau}, {"epsilon", o.epsilon}, {"binary", o.binary}};
}

TokenCutObject tokencut(std::span<const float> features, std::int64_t rows, std::int64_t columns,
                        std::int64_t dimension, std::int64_t height, std::int64_t width,
                        const TokenCutOptions& options) {
  const ImagePatches grid{rows, columns, options.patch, height, width};
  check_patches("TokenCut", features, dimension, grid);
  if (!(options.tau >= 0 && options.tau < 1) || !(options.epsilon > 0 && options.epsilon <= 1))
    throw InputError(fmt::format("TokenCut: tau {}, epsilon {}; accepted: 0 <= tau < 1, 0 < epsilon <= 1", options.tau,
                                 options.epsilon));
  const std::int64_t n = grid.count();
  if (n < 2) throw InputError("TokenCut: an image of one patch; accepted: at least two");

  Eigen::VectorXd x = normalised_cut(affinity_of(features, n, dimension, options)).eigenvector;
  const double largest = x.cwiseAbs().maxCoeff();
  Eigen::Index seed = 0;
  while (std::abs(x[seed]) < largest * (1 - alike)) ++seed;
  if (x[seed] < 0) x = -x;
  const double limit = x.mean() + alike * largest;

  TokenCutObject found;
  found.seed = seed;
  found.eigenvector.assign(x.data(), x.data() + n);
  std::vector<std::uint8_t> side(static_cast<std::size_t>(n));
  std::transform(x.data(), x.data() + n, side.begin(), [&](double value) { return value > limit ? 1 : 0; });
  found.components = component_labels(side.data(), static_cast<int>(columns), static_cast<int>(rows));
  found.mask = component_of(side, columns, found.seed);
  found.box = box_around(found.mask, grid);
  return found;
}

}  // namespace assay
