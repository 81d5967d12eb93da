#include "kernels/host_tensor.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace assay {
namespace {

template <class Value>
at::Tensor copied(std::span<const Value> values, at::ScalarType type) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, type);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<Value>());
  return tensor;
}

at::ScalarType type_of(const TensorView& view, const std::string& name) {
  switch (view.type) {
    case DType::i64:
      return at::kLong;
    case DType::f32:
      return at::kFloat;
    case DType::u8:
      return at::kByte;
    default:
      throw InputError(fmt::format("tensor '{}' is {}; accepted: I64, F32 or U8", name, view.type_name()));
  }
}

}  // namespace

at::Tensor host_tensor(std::span<const std::int64_t> values) { return copied(values, at::kLong); }
at::Tensor host_tensor(std::span<const float> values) { return copied(values, at::kFloat); }
at::Tensor host_tensor(std::span<const double> values) { return copied(values, at::kDouble); }

at::Tensor tensor_of(const SafetensorsFile& file, const std::string& name) {
  const TensorView& view = file.at(name);
  at::Tensor tensor = at::empty(view.shape, type_of(view, name));
  if (!view.data.empty()) std::memcpy(tensor.mutable_data_ptr(), view.data.data(), view.data.size());
  return tensor;
}

at::Tensor rows_of(const at::Tensor& tensor, std::span<const std::int64_t> rows) {
  return at::index_select(tensor, 0, host_tensor(rows));
}

}  // namespace assay
