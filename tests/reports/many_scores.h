#pragma once
#include <cstdint>
#include <filesystem>

namespace assay::test {

/// How large a made-up store is. Each of five methods has `batches` batches of `seeds` runs, each run `arms` arms
/// scored by two metrics at ten guidance weights.
struct ManyScores {
  std::int64_t batches = 1;
  std::int64_t seeds = 10;
  std::int64_t arms = 10;

  std::int64_t scores() const { return 5 * batches * seeds * arms * 2 * 10; }
};

/// Writes it, with comparisons, claims, published numbers and the timings of 24 kernels a batch. All values made up.
void fill_many_scores(const std::filesystem::path& file, const ManyScores& size);

}  // namespace assay::test
