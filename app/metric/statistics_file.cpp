#include "app/metric/statistics_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "metrics/feature_file.h"

namespace assay {

void write_statistics(const FeatureMoments& moments, const std::filesystem::path& out, bool json) {
  SafetensorsWriter writer;
  moments.save(writer, moments_prefix);
  writer.write(out);
  if (json)
    fmt::print("{}\n",
               nlohmann::json{{"file", out.string()}, {"n", moments.count()}, {"width", moments.width()}}.dump());
  else
    fmt::print("{}: statistics of {} samples, {} numbers each\n", out.string(), moments.count(), moments.width());
}

}  // namespace assay
