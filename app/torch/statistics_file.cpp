#include "app/torch/statistics_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/metric/metric_report.h"
#include "metrics/feature_sets/feature_file.h"

namespace assay {

void write_statistics(const FeatureMoments& moments, const std::filesystem::path& out, bool json,
                      const std::vector<std::string>& notes, std::chrono::steady_clock::time_point started) {
  SafetensorsWriter writer;
  moments.save(writer, moments_prefix);
  writer.write(out);
  print_notes(notes);
  if (json)
    print_without_results(
        {{"statistics", {{"file", out.string()}, {"n", moments.count()}, {"width", moments.width()}}}}, notes, started);
  else
    fmt::print("{}: statistics of {} samples, {} numbers each\n", out.string(), moments.count(), moments.width());
}

}  // namespace assay
