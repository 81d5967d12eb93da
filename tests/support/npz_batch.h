#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace assay::test {

/// One array of an .npz file: NumPy's type name, shape and the bytes in C order.
struct NpzMember {
  std::string name, type;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// Writes a stored .npz as numpy.savez does, for tests that need a reference batch.
void write_npz(const std::filesystem::path& file, const std::vector<NpzMember>& members);

}  // namespace assay::test
