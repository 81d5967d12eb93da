#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/rows.h"

namespace assay {

/// Rows of the repetitions in Google Benchmark's JSON output; the label of each is op/variant/shape/dtype/device.
/// Means and other aggregates are left out. Operations are named `kind`/op. Throws InputError when a field is missing.
std::vector<TimingRow> timings_from_benchmark(const nlohmann::json& output, const std::string& kind = "kernel");

/// The benchmark programs in `folder`, sorted by name. Throws InputError when there is none.
std::vector<std::filesystem::path> benchmark_programs(const std::filesystem::path& folder);

}  // namespace assay
