#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/safetensors.h"

namespace assay::test {

/// One image's patches of tests/data/FOLDER/cases.safetensors, and what its make_fixtures.py found in them.
class FixtureCase {
 public:
  FixtureCase(const SafetensorsFile& file, std::string prefix) : file_(file), prefix_(std::move(prefix)) {}

  const std::string& name() const { return prefix_; }
  std::vector<std::int64_t> ints(const std::string& key) const {
    const auto view = file_.at(prefix_ + key).i64(key);
    return {view.begin(), view.end()};
  }
  std::vector<float> floats(const std::string& key) const {
    const auto view = file_.at(prefix_ + key).f32(key);
    return {view.begin(), view.end()};
  }

 private:
  const SafetensorsFile& file_;
  std::string prefix_;
};

/// Calls check(case) for case0, case1, ... and gives their number.
template <class Check>
int for_each_fixture_case(const std::string& folder, Check&& check) {
  const SafetensorsFile file(std::filesystem::path(ASSAY_TEST_DATA) / folder / "cases.safetensors");
  int cases = 0;
  for (; file.tensors().contains("case" + std::to_string(cases) + "/features"); ++cases)
    check(FixtureCase(file, "case" + std::to_string(cases) + "/"));
  return cases;
}

}  // namespace assay::test
