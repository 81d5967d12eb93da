// How long a report takes, in processor time: other programs may share the machine.
#include <gtest/gtest.h>

#include <ctime>
#include <iostream>

#include "core/file.h"
#include "reports/report.h"
#include "tests/reports/many_scores.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Of one report of a store of its own.
double seconds_for(const test::ManyScores& size) {
  const test::TemporaryFolder folder;
  ReportOptions options;
  options.store = folder / "results.sqlite";
  options.out = folder / "out";
  test::fill_many_scores(options.store, size);
  const double start = processor_seconds();
  const ReportFiles files = write_report(options);
  const double seconds = processor_seconds() - start;
  EXPECT_GT(read_file(files.html).size(), 100'000U);
  return seconds;
}

// 0.2 s on one core of 2024, of an optimised build; the rest is for slow machines, -O0 and sanitizers.
TEST(ReportSpeed, TenThousandScoresTakeNoMoreThanASecond) {
  const test::ManyScores size;
  ASSERT_EQ(size.scores(), 10'000);
  const double seconds = seconds_for(size);
  std::cout << "10,000 scores: " << seconds << " s of processor time\n";
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  EXPECT_LT(seconds, 10.0);
#else
  EXPECT_LT(seconds, 1.0);
#endif
}

}  // namespace
}  // namespace assay
