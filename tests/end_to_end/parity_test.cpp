#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/safetensors.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using test::TemporaryFolder;
using ::testing::HasSubstr;

constexpr const char* pack_json = R"({
  "module": "adm.timestep_embedding", "config": {}, "tensors": "cases.safetensors",
  "cases": [{"name": "three", "inputs": {"timesteps": "three/t", "dim": 4},
             "outputs": {"embedding": "three/e"}, "rtol": 1e-6, "atol": 1e-6}]})";

/// A pack whose expected values are the formula itself: cos t, cos t/100, sin t, sin t/100 for dim 4.
void write_pack(const TemporaryFolder& folder, double shift = 0) {
  folder.file("pack.json", pack_json);
  const std::array<std::int64_t, 3> t{0, 1, 700};
  std::array<float, 12> e{};
  for (std::size_t i = 0; i < t.size(); ++i) {
    const auto time = static_cast<double>(t[i]);
    e[4 * i] = static_cast<float>(std::cos(time) + shift);
    e[4 * i + 1] = static_cast<float>(std::cos(time / 100));
    e[4 * i + 2] = static_cast<float>(std::sin(time));
    e[4 * i + 3] = static_cast<float>(std::sin(time / 100));
  }
  SafetensorsWriter writer;
  writer.add("three/t", {3}, std::span<const std::int64_t>(t));
  writer.add("three/e", {3, 4}, std::span<const float>(e));
  writer.write(folder / "cases.safetensors");
}

Outcome parity(const TemporaryFolder& folder, bool json = false) {
  std::vector<std::string> arguments = {"parity", folder.path().string()};
  if (json) arguments.push_back("--json");
  return test::run_program(ASSAY_BINARY, arguments);
}

TEST(Parity, EqualOutputsExitWithZeroAndOneJsonObject) {
  const TemporaryFolder folder;
  write_pack(folder);
  const Outcome outcome = parity(folder, true);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1);
  const auto result = nlohmann::json::parse(outcome.out);
  const auto& pack = result.at("packs").at(0);
  EXPECT_EQ(pack.at("module"), "adm.timestep_embedding");
  EXPECT_EQ(pack.at("ok"), true);
  const auto& first = pack.at("cases").at(0);
  EXPECT_EQ(first.at("name"), "three");
  EXPECT_EQ(first.at("output"), "embedding");
  EXPECT_LT(first.at("max_abs").get<double>(), 1e-6);
  EXPECT_EQ(first.at("ok"), true);
}

TEST(Parity, ADifferenceAboveToleranceExitsWithOne) {
  const TemporaryFolder folder;
  write_pack(folder, 1e-4);
  const Outcome outcome = parity(folder, true);
  EXPECT_EQ(outcome.exit_code, 1);
  const auto result = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(result.at("packs").at(0).at("ok"), false);
  EXPECT_NEAR(result.at("packs").at(0).at("cases").at(0).at("max_abs").get<double>(), 1e-4, 1e-6);
}

TEST(Parity, TruncatedPackExitsWithTwoAndNamesTheFile) {
  const TemporaryFolder folder;
  write_pack(folder);
  const auto file = folder / "cases.safetensors";
  for (const std::uintmax_t size : {std::filesystem::file_size(file) - 1, std::uintmax_t{20}, std::uintmax_t{0}}) {
    std::filesystem::resize_file(file, size);
    const Outcome outcome = parity(folder);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(file.string()));
  }
}

TEST(Parity, FolderWithoutAPackExitsWithTwo) {
  const TemporaryFolder folder;
  const Outcome outcome = parity(folder);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("pack.json"));
}

}  // namespace
}  // namespace assay
