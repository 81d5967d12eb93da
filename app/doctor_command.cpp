#include "app/doctor_command.h"

#include <fmt/format.h>

#include <iostream>

#include "bench/harness/machine.h"
#include "datasets/dataset.h"
#include "images/image_file.h"
#include "kernels/gpu_driver.h"
#include "reproductions/method_entry.h"

namespace assay {

int doctor_action(const DoctorCommand& options) {
  nlohmann::json result = {
      {"version", code_version()}, {"machine", machine_description()}, {"libraries", library_versions()}};
  const auto driver = gpu_driver();
  const bool cuda = driver && !result["libraries"]["cuda"].is_null();
  result["device"] = cuda ? driver->devices.front() : "cpu";
  const nlohmann::json libtorch = libtorch_installation();
  result["libtorch"] = libtorch;
  nlohmann::json tiers = nlohmann::json::array(), datasets = nlohmann::json::array();
  for (const DatasetEntry& entry : dataset_table())
    datasets.push_back({{"name", entry.name}, {"missing", entry.missing()}});
  for (const MethodEntry& method : method_table())
    for (const Tier tier : method.tiers)
      tiers.push_back({{"method", method.id}, {"tier", name_of(tier)}, {"missing", method.lacks(tier)}});
  nlohmann::json images = nlohmann::json::array();
  for (const ImageFormat& format : image_formats()) {
    const std::string missing = format.is_built ? "" : fmt::format("install {} and build again", format.package);
    images.push_back({{"name", format.name}, {"extensions", format.extensions}, {"missing", missing}});
  }
  result["images"] = images;
  result["datasets"] = datasets;
  result["tiers"] = tiers;
  if (options.json) {
    std::cout << result.dump() << '\n';
    return 0;
  }
  fmt::print("assay {}\n", code_version());
  fmt::print("machine  {}, {} cores, {}; {}\n", result["machine"]["cpu"].get<std::string>(),
             result["machine"]["cores"].get<int>(), result["machine"]["memory"].get<std::string>(),
             result["machine"]["os"].get<std::string>());
  fmt::print("device   {}{}\n", result["device"].get<std::string>(),
             driver && !cuda
                 ? fmt::format("; {} is there, and this program was built without CUDA", driver->devices.front())
                 : std::string());
  if (const std::string missing = libtorch["missing"]; !missing.empty())
    fmt::print("libtorch {}\n", missing);
  else
    fmt::print("libtorch {} in {}\n", libtorch["installed"].get<std::string>(), libtorch["folder"].get<std::string>());
  fmt::print("images   {}\n", accepted_image_formats());
  for (const auto& format : images)
    if (const auto missing = format["missing"].get<std::string>(); !missing.empty())
      fmt::print("images   {:<12} not in this build: {}\n", format["name"].get<std::string>(), missing);
  for (const auto& dataset : datasets)
    fmt::print("dataset  {:<12} {}\n", dataset["name"].get<std::string>(),
               dataset["missing"].get<std::string>().empty() ? "ready" : dataset["missing"].get<std::string>());
  for (const auto& tier : tiers) {
    const std::size_t lines = tier["missing"].size();
    std::string missing = lines == 0 ? "" : tier["missing"][0].get<std::string>();
    if (lines > 1)
      missing += fmt::format("; and {} more: `assay run {} --tier {} --dry-run`", lines - 1,
                             tier["method"].get<std::string>(), tier["tier"].get<std::string>());
    fmt::print("run      {} --tier {:<6} {}\n", tier["method"].get<std::string>(), tier["tier"].get<std::string>(),
               missing.empty() ? "ready" : missing);
  }
  return 0;
}

}  // namespace assay
