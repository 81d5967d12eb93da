#include "tests/reports/many_scores.h"

#include <gtest/gtest.h>

#include <ctime>
#include <iostream>

#include "core/file.h"
#include "reports/report.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

// Prints the processor time, which is not judged: machines differ.
TEST(ManyScores, TenThousandMakeOnePage) {
  const test::ManyScores size;
  ASSERT_EQ(size.scores(), 10'000);
  const test::TemporaryFolder folder;
  ReportOptions options;
  options.store = folder / "results.sqlite";
  options.out = folder / "out";
  test::fill_many_scores(options.store, size);
  const std::clock_t start = std::clock();
  const ReportFiles files = write_report(options);
  std::cout << "10,000 scores: " << static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC
            << " s of processor time\n";
  EXPECT_GT(read_file(files.html).size(), 100'000U);
}

}  // namespace
}  // namespace assay
