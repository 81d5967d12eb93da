#pragma once
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/file.h"

namespace assay::test {

/// What pycocotools 2.0.11 made of random masks: tests/data/coco/make_cases.py, or the file that ASSAY_COCO_CASES
/// names.
inline nlohmann::json coco_cases() {
  const char* given = std::getenv("ASSAY_COCO_CASES");
  const std::filesystem::path recorded = std::filesystem::path(ASSAY_TEST_DATA) / "coco" / "masks.json";
  return nlohmann::json::parse(read_file(given != nullptr ? std::filesystem::path(given) : recorded));
}

}  // namespace assay::test
