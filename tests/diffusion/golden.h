#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "core/safetensors.h"

namespace assay::test {

/// A copy of a tensor of a pack.
inline at::Tensor tensor_of(const SafetensorsFile& file, const std::string& name) {
  const TensorView& view = file.at(name);
  at::Tensor out = at::empty(view.shape, view.type == DType::i64 ? at::kLong : at::kFloat);
  std::memcpy(out.mutable_data_ptr(), view.data.data(), view.data.size());
  return out;
}

/// Reference data that the repository carries.
inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(ASSAY_TEST_DATA) / "golden" / name;
}

/// Reference data too large to carry, beside the repository; may be absent.
inline std::filesystem::path shared_golden(const std::string& name) {
  return std::filesystem::path(ASSAY_SOURCE_DIR) / ".." / "shared" / "golden" / name;
}

}  // namespace assay::test

/// Skips the case when reference data beside the repository is absent.
#define ASSAY_NEEDS_SHARED_GOLDEN(name)                             \
  if (!std::filesystem::exists(::assay::test::shared_golden(name))) \
  GTEST_SKIP() << ::assay::test::shared_golden(name).string() << " is not there"
