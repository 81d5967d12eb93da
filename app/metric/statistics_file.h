#pragma once
#include <chrono>
#include <filesystem>

#include "metrics/moments.h"

namespace assay {

/// Writes the statistics as a shard that can be merged, and says on standard output what was written.
void write_statistics(const FeatureMoments& moments, const std::filesystem::path& out, bool json,
                      std::chrono::steady_clock::time_point started);

}  // namespace assay
