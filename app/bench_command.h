#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/rows.h"

namespace assay {

/// What `assay bench` is asked for.
struct BenchCommand {
  std::string filter;              // empty: every benchmark
  std::filesystem::path imported;  // empty: measure
  std::filesystem::path store = "results/assay.db";
  int repetitions = 5;     // of each benchmark
  double min_time = 0.05;  // seconds a repetition lasts at least
  bool json = false;
};

/// Measures or imports, records every repetition and prints how many, or one JSON object {"timings": [...]}; returns
/// the exit code 0. Throws InputError where nothing is there to be measured, and for files that are no store and no
/// output of benchmarks; Error when a program fails.
int bench_action(const BenchCommand& options, const std::string& command_line);

/// Rows of the repetitions in Google Benchmark's JSON output; the label of each is op/variant/shape/dtype/device.
/// Means and other aggregates are left out. Operations are named `kind`/op. Throws InputError when a field is missing.
std::vector<TimingRow> timings_from_benchmark(const nlohmann::json& output, const std::string& kind = "kernel");

/// The benchmark programs in `folder`, sorted by name. Throws InputError when there is none.
std::vector<std::filesystem::path> benchmark_programs(const std::filesystem::path& folder);

}  // namespace assay
