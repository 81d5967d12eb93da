#include "metrics/feature_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/npz.h"
#include "core/safetensors.h"
#include "metrics/dense.h"
#include "metrics/two_stage_eigenvalues.h"

namespace assay {
namespace {

/// One file, whatever its format: what it holds, and a way to a tensor, which lives as long as `storage`.
struct Source {
  std::string path;
  std::vector<std::string> names;
  std::function<TensorView(const std::string&)> read;
  std::shared_ptr<const void> storage;

  bool has(const std::string& name) const { return std::find(names.begin(), names.end(), name) != names.end(); }
};

/// Numbers of a tensor, converted where it does not hold floats already.
struct Floats {
  std::span<const float> values;
  std::span<const double> doubles;  // empty unless it holds doubles
  std::shared_ptr<const void> storage;
};

InputError fault(const std::string& file, const std::string& tensor, const std::string& what) {
  return InputError(fmt::format("{}: '{}' {}", file, tensor, what));
}

Floats floats(const TensorView& view, const std::string& file, const std::string& tensor) {
  if (view.type == DType::f32) return {view.f32(tensor), {}, nullptr};
  if (view.type != DType::f64)
    throw fault(file, tensor, fmt::format("holds {}; expected F32 or F64", name_of(view.type)));
  const auto count = static_cast<std::size_t>(view.numel());
  // Readers align tensors to their elements.
  const std::span doubles(reinterpret_cast<const double*>(view.data.data()), count);
  auto copy = std::make_shared<std::vector<float>>(count);
  std::transform(doubles.begin(), doubles.end(), copy->begin(), [](double v) { return static_cast<float>(v); });
  return {*copy, doubles, copy};
}

void check_matrix(const TensorView& view, const std::string& file, const std::string& tensor) {
  if (view.shape.size() != 2)
    throw fault(file, tensor, fmt::format("has shape [{}]; expected [samples, numbers]", fmt::join(view.shape, ", ")));
  if (view.shape[0] < 1 || view.shape[1] < 1)
    throw fault(file, tensor, fmt::format("is empty: [{}, {}]", view.shape[0], view.shape[1]));
}

void check_finite(std::span<const float> values, std::int64_t width, const std::string& file,
                  const std::string& tensor) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    const auto at = static_cast<std::int64_t>(i);
    throw fault(file, tensor, fmt::format("holds {} in row {}, column {}", values[i], at / width, at % width));
  }
}

void read_samples(const Source& source, const std::string& feature_name, FeatureSet& set) {
  std::vector<std::shared_ptr<const void>> kept = {source.storage};
  const auto matrix = [&](const std::string& name, std::int64_t& width) {
    const TensorView view = source.read(name);
    check_matrix(view, set.name, name);
    if (set.count > 0 && view.shape[0] != set.count)
      throw fault(set.name, name, fmt::format("has {} rows, the features have {}", view.shape[0], set.count));
    set.count = view.shape[0];
    width = view.shape[1];
    const Floats found = floats(view, set.name, name);
    kept.push_back(found.storage);
    check_finite(found.values, width, set.name, name);
    return found;
  };
  if (source.has(feature_name)) {
    const Floats found = matrix(feature_name, set.width);
    set.features = found.values;
    set.doubles = found.doubles;
  }
  if (source.has("logits")) set.logits = matrix("logits", set.classes).values;
  if (source.has("labels")) {
    const TensorView view = source.read("labels");
    if (view.shape != std::vector<std::int64_t>{set.count})
      throw fault(set.name, "labels",
                  fmt::format("has shape [{}]; expected [{}]", fmt::join(view.shape, ", "), set.count));
    if (view.type != DType::i64)
      throw fault(set.name, "labels", fmt::format("holds {}; expected I64", name_of(view.type)));
    const auto values = view.i64("labels");
    set.labels.assign(values.begin(), values.end());
  }
  set.hash = hash_of_samples(set);
  set.storage = std::make_shared<std::vector<std::shared_ptr<const void>>>(std::move(kept));
}

std::vector<double> doubles(const TensorView& view, const std::string& file, const std::string& tensor) {
  std::vector<double> out(static_cast<std::size_t>(view.numel()));
  if (view.type == DType::f64) {
    if (!out.empty()) std::memcpy(out.data(), view.data.data(), view.data.size());
  } else if (view.type == DType::f32) {
    const auto values = view.f32(tensor);
    std::copy(values.begin(), values.end(), out.begin());
  } else {
    throw fault(file, tensor, fmt::format("holds {}; expected F64 or F32", name_of(view.type)));
  }
  return out;
}

/// Refuses what no covariance can be, and makes the rest symmetric to the bit.
void check_covariance(Eigen::MatrixXd& sigma, const std::string& file, const std::string& name) {
  const double size = sigma.cwiseAbs().maxCoeff();
  const Eigen::Index n = sigma.rows();
  for (Eigen::Index j = 0; j < n; ++j)
    if (sigma(j, j) < 0.0) throw fault(file, name, fmt::format("has a negative variance in column {}", j));
  constexpr Eigen::Index square = 32;  // in squares, which fit caches
  for (Eigen::Index j0 = 0; j0 < n; j0 += square)
    for (Eigen::Index i0 = 0; i0 <= j0; i0 += square)
      for (Eigen::Index j = j0; j < std::min(j0 + square, n); ++j)
        for (Eigen::Index i = i0; i < std::min(i0 + square, j); ++i) {
          if (!(std::abs(sigma(i, j) - sigma(j, i)) <= 1e-6 * size))
            throw fault(file, name,
                        fmt::format("is not symmetric: {} in row {}, column {} and {} across the diagonal", sigma(i, j),
                                    i, j, sigma(j, i)));
          sigma(i, j) = sigma(j, i) = 0.5 * (sigma(i, j) + sigma(j, i));
        }
  dense::Matrix copy(sigma);
  if (dense::cholesky(copy)) return;
  dense::Matrix again(sigma);
  const std::vector<double> values = two_stage_eigenvalues(again);
  // Statistics that somebody gathered in float32 go this far below zero.
  if (values.front() < -1e-5 * values.back())
    throw fault(
        file, name,
        fmt::format("is no covariance: its smallest eigenvalue is {} (largest {})", values.front(), values.back()));
}

Gaussian read_statistics(const Source& source, const std::string& mean_name, const std::string& sigma_name) {
  for (const std::string& name : {mean_name, sigma_name})
    if (!source.has(name)) throw InputError(fmt::format("{}: has no '{}' beside the other", source.path, name));
  const TensorView mean_view = source.read(mean_name), sigma_view = source.read(sigma_name);
  const std::int64_t width = mean_view.numel();
  if (mean_view.shape.size() != 1 || width < 1)
    throw fault(source.path, mean_name,
                fmt::format("has shape [{}]; expected [numbers]", fmt::join(mean_view.shape, ", ")));
  if (sigma_view.shape != std::vector<std::int64_t>{width, width})
    throw fault(source.path, sigma_name,
                fmt::format("has shape [{}]; expected [{}, {}]", fmt::join(sigma_view.shape, ", "), width, width));
  const auto mean = doubles(mean_view, source.path, mean_name), sigma = doubles(sigma_view, source.path, sigma_name);
  const auto finite = [&](const std::vector<double>& values, const std::string& name) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      if (!std::isfinite(values[i]))
        throw fault(source.path, name, fmt::format("holds {} in row {}, column {}", values[i], at / width, at % width));
    }
  };
  finite(mean, mean_name);
  finite(sigma, sigma_name);
  Gaussian out;
  out.mean = Eigen::Map<const Eigen::VectorXd>(mean.data(), width);
  out.covariance = Eigen::Map<const Eigen::MatrixXd>(sigma.data(), width, width);
  check_covariance(out.covariance, source.path, sigma_name);
  if (source.has("n")) {
    const TensorView view = source.read("n");
    if (view.type != DType::i64 || view.numel() != 1 || view.i64("n")[0] < 1)
      throw fault(source.path, "n", "must be one positive I64");
    out.count = view.i64("n")[0];
  }
  return out;
}

std::string hash_of(const Gaussian& g) {
  const auto values = [](const auto& m) {
    return std::span<const double>(m.data(), static_cast<std::size_t>(m.size()));
  };
  return Hasher().number(g.count).values(values(g.mean)).values(values(g.covariance)).hex();
}

FeatureSet read_source(const Source& source) {
  FeatureSet set;
  set.name = source.path;
  set.storage = source.storage;
  if (source.has("mu") || source.has("sigma")) {
    set.statistics = read_statistics(source, "mu", "sigma");
    set.count = set.statistics->count;
    set.width = set.statistics->width();
    set.hash = hash_of(*set.statistics);
    if (source.has("mu_s") || source.has("sigma_s"))
      set.spatial_statistics = read_statistics(source, "mu_s", "sigma_s");
    return set;
  }
  const std::string features = source.has("features") ? "features" : "arr_0";
  if (!source.has(features) && !source.has("logits"))
    throw InputError(fmt::format("{}: holds {}; expected features, logits, mu and sigma, or feature moments",
                                 source.path,
                                 source.names.empty() ? "nothing" : fmt::format("{}", fmt::join(source.names, ", "))));
  read_samples(source, features, set);
  return set;
}

FeatureSet read_moments(const SafetensorsFile& file) {
  FeatureSet set;
  set.name = file.path();
  set.moments = std::make_shared<const FeatureMoments>(FeatureMoments::load(file, moments_prefix));
  set.count = set.moments->count();
  set.width = set.moments->width();
  if (set.count == 0) throw InputError(fmt::format("{}: feature moments of no samples", set.name));
  Gaussian sums{set.count, set.moments->mean(), {}, {}};
  if (set.count > 1) sums.covariance = set.moments->covariance();
  set.hash = hash_of(sums);
  return set;
}

Source open_npz(const std::filesystem::path& path) {
  const auto file = std::make_shared<const NpzFile>(path);
  const auto read = std::make_shared<std::map<std::string, NpyArray>>();
  const auto get = [file, read](const std::string& name) {
    if (!read->contains(name)) read->emplace(name, file->read(name));
    return read->at(name).view();
  };
  return {file->path(), file->names(), get, read};
}

Source open_safetensors(const std::shared_ptr<const SafetensorsFile>& file) {
  std::vector<std::string> names;
  names.reserve(file->tensors().size());
  for (const auto& [name, view] : file->tensors()) names.push_back(name);
  return {file->path(), names, [file](const std::string& name) { return file->at(name); }, file};
}

}  // namespace

FeatureSet read_feature_file(const std::filesystem::path& file) {
  if (file.extension() == ".npz") return read_source(open_npz(file));
  if (file.extension() != ".safetensors")
    throw InputError(fmt::format("{}: expected a feature or statistics file (.safetensors or .npz)", file.string()));
  const auto open = std::make_shared<const SafetensorsFile>(file);
  if (open->has(moments_prefix + "nodes")) return read_moments(*open);
  return read_source(open_safetensors(open));
}

}  // namespace assay
