#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "metrics/features/inception.h"
#include "tests/support/random_weights.h"

namespace assay::test {

/// Writes Inception weights of tests/data/features/random_weights.py.
inline void write_random_inception(const std::filesystem::path& file) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
  for (const WeightShape& weight : Inception::state())
    if (!weight.optional) shapes.emplace_back(weight.name, weight.shape);
  write_random_weights(file, shapes);
}

}  // namespace assay::test
