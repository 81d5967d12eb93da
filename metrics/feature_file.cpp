#include "metrics/feature_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/safetensors.h"

namespace assay {
namespace {

/// Tensors of one file, by name, wherever they lie.
using Tensors = std::map<std::string, TensorView>;

/// Numbers of a tensor, converted where it does not hold floats already.
struct Floats {
  std::span<const float> values;
  std::shared_ptr<const void> storage;
};

InputError fault(const std::string& file, const std::string& tensor, const std::string& what) {
  return InputError(fmt::format("{}: '{}' {}", file, tensor, what));
}

Floats floats(const TensorView& view, const std::string& file, const std::string& tensor) {
  if (view.type == DType::f32) return {view.f32(tensor), nullptr};
  if (view.type != DType::f64)
    throw fault(file, tensor, fmt::format("holds {}; expected F32 (or F64, rounded)", name_of(view.type)));
  const auto count = static_cast<std::size_t>(view.numel());
  auto copy = std::make_shared<std::vector<float>>(count);
  for (std::size_t i = 0; i < count; ++i) {
    double value = 0;
    std::memcpy(&value, view.data.data() + i * sizeof(double), sizeof(double));
    (*copy)[i] = static_cast<float>(value);
  }
  return {*copy, copy};
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

void read_samples(const Tensors& tensors, const std::string& feature_name, FeatureSet& set) {
  std::vector<std::shared_ptr<const void>> kept = {set.storage};
  const auto matrix = [&](const std::string& name, std::int64_t& width) {
    const TensorView& view = tensors.at(name);
    check_matrix(view, set.name, name);
    if (set.count > 0 && view.shape[0] != set.count)
      throw fault(set.name, name, fmt::format("has {} rows, the features have {}", view.shape[0], set.count));
    set.count = view.shape[0];
    width = view.shape[1];
    const Floats found = floats(view, set.name, name);
    kept.push_back(found.storage);
    check_finite(found.values, width, set.name, name);
    return found.values;
  };
  if (tensors.contains(feature_name)) set.features = matrix(feature_name, set.width);
  if (tensors.contains("logits")) set.logits = matrix("logits", set.classes);
  if (tensors.contains("labels")) {
    const TensorView& view = tensors.at("labels");
    if (view.shape != std::vector<std::int64_t>{set.count})
      throw fault(set.name, "labels",
                  fmt::format("has shape [{}]; expected [{}]", fmt::join(view.shape, ", "), set.count));
    const auto values = view.i64("labels");
    set.labels.assign(values.begin(), values.end());
  }
  set.hash = hash_of_samples(set);
  set.storage = std::make_shared<std::vector<std::shared_ptr<const void>>>(std::move(kept));
}

}  // namespace

FeatureSet read_feature_file(const std::filesystem::path& file) {
  const auto open = std::make_shared<const SafetensorsFile>(file);
  FeatureSet set;
  set.name = file.string();
  set.storage = open;
  read_samples(open->tensors(), "features", set);
  return set;
}

}  // namespace assay
