#pragma once
#include <filesystem>
#include <string>

namespace assay::test {

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
