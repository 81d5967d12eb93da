#include "app/bench_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

nlohmann::json repetition(int index, double time, const std::string& unit = "us") {
  return {{"name", "ddim/16"},
          {"run_type", "iteration"},
          {"label", "ddim_step/guided/64x3x16x16/float32/cpu"},
          {"repetition_index", index},
          {"threads", 1},
          {"iterations", 1000},
          {"real_time", time},
          {"cpu_time", 2 * time},
          {"time_unit", unit},
          {"bytes", 4096.0},
          {"flops", 100.0}};
}

TEST(BenchmarkOutput, GivesOneTimingARepetitionAndNoneOfAnAggregate) {
  nlohmann::json mean = repetition(0, 9);
  mean["run_type"] = "aggregate";
  nlohmann::json failed = repetition(2, 9);
  failed["error_occurred"] = true;
  const auto rows = timings_from_benchmark({{"benchmarks", {repetition(0, 2.5), mean, repetition(1, 3), failed}}});
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].op, "kernel/ddim_step");
  EXPECT_EQ(rows[0].variant, "guided");
  EXPECT_EQ(rows[0].shape, "64x3x16x16");
  EXPECT_EQ(rows[0].dtype, "float32");
  EXPECT_EQ(rows[0].device, "cpu");
  EXPECT_DOUBLE_EQ(rows[0].seconds, 2.5e-6);
  EXPECT_THAT(rows[0].bytes, Optional(4096.0));
  EXPECT_THAT(rows[0].flops, Optional(100.0));
  EXPECT_EQ(rows[1].repetition, 1);
  EXPECT_DOUBLE_EQ(rows[1].seconds, 3e-6);
}

TEST(BenchmarkOutput, KnowsEveryUnit) {
  for (const auto& [unit, seconds] : {std::pair("ns", 1e-9), {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}})
    EXPECT_DOUBLE_EQ(timings_from_benchmark({{"benchmarks", {repetition(0, 2, unit)}}})[0].seconds, 2 * seconds);
  EXPECT_THAT(message_of<InputError>([] {
                timings_from_benchmark({{"benchmarks", {repetition(0, 2, "min")}}});
              }),
              HasSubstr("'min'"));
}

TEST(BenchmarkOutput, LeavesCountersThatAreAbsentUnset) {
  nlohmann::json entry = repetition(0, 1);
  entry.erase("bytes");
  entry.erase("flops");
  const auto rows = timings_from_benchmark({{"benchmarks", {entry}}});
  EXPECT_FALSE(rows[0].bytes);
  EXPECT_FALSE(rows[0].flops);
  EXPECT_THAT(timings_from_benchmark({{"benchmarks", nlohmann::json::array()}}), IsEmpty());
}

TEST(BenchmarkOutput, RefusesMissingFieldsAndOtherLabels) {
  EXPECT_THAT(message_of<InputError>([] { timings_from_benchmark(nlohmann::json::object()); }),
              HasSubstr("benchmarks"));
  for (const char* key : {"run_type", "label", "real_time", "time_unit"}) {
    nlohmann::json entry = repetition(0, 1);
    entry.erase(key);
    EXPECT_THAT(message_of<InputError>([&] { timings_from_benchmark({{"benchmarks", {entry}}}); }), HasSubstr(key));
  }
  nlohmann::json entry = repetition(0, 1);
  entry["label"] = "ddim_step/guided";
  EXPECT_THAT(message_of<InputError>([&] {
                timings_from_benchmark({{"benchmarks", {entry}}});
              }),
              AllOf(HasSubstr("ddim/16"), HasSubstr("op/variant/shape/dtype/device")));
}

TEST(BenchmarkPrograms, AreRefusedWhereThereAreNone) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<InputError>([&] { benchmark_programs(folder.path()); }), HasSubstr("no benchmark programs"));
}

}  // namespace
}  // namespace assay
