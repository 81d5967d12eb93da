#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "metrics/feature_sets/moments.h"

namespace assay {

/// Writes the statistics as a shard that can be merged, and says on standard output what was written, and the notes.
void write_statistics(const FeatureMoments& moments, const std::filesystem::path& out, bool json,
                      const std::vector<std::string>& notes, std::chrono::steady_clock::time_point started);

}  // namespace assay
