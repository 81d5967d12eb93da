#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/end_to_end/program.h"
#include "tests/support/npy.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using test::run_program;
using ::testing::HasSubstr;

class MetricClustering : public ::testing::Test {
 protected:
  Outcome cluster(const std::string& prediction, const std::string& truth, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"metric",       "clustering",
                                          "--prediction", folder.file("p.txt", prediction).string(),
                                          "--truth",      folder.file("t.txt", truth).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(ASSAY_BINARY, arguments);
  }
  test::TemporaryFolder folder;
};

TEST_F(MetricClustering, GivesAllAveragesIntervalsAndTheTableOfClasses) {
  std::string prediction, truth;
  for (int i = 0; i < 200; ++i) {
    truth += std::to_string(i % 3 - 1) + "\n";
    prediction += std::to_string(i % 7 == 0 ? 5 : i % 3) + "\n";
  }
  const Outcome outcome = cluster(prediction, truth, {"--json", "--per-class"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json rows = nlohmann::json::parse(outcome.out)["results"];
  std::vector<std::string> averages;
  for (const nlohmann::json& row : rows) {
    if (row["metric"] == "nmi") averages.push_back(row.value("average", "arithmetic"));
    if (!row.contains("class")) {
      EXPECT_LE(row["low"], row["value"]) << row;
      EXPECT_GE(row["high"], row["value"]) << row;
    }
  }
  EXPECT_THAT(averages, ::testing::ElementsAre("arithmetic", "geometric", "min", "max"));
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.contains("class"); }), 6);
}

TEST_F(MetricClustering, NamesFileAndLineOfWhatIsNoLabel) {
  const Outcome outcome = cluster("1\n2\n3.5\n", "1\n2\n3\n");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("p.txt:3: '3.5' is no integer"));
  EXPECT_THAT(cluster("1\nlabel\n", "1\n2\n").err, HasSubstr("p.txt:2: 'label' is not a label"));
  EXPECT_THAT(cluster("1\n2\n", "1 2\n").err, HasSubstr("t.txt:1: '1 2' is more than one label"));
  EXPECT_THAT(cluster("1\n99999999999999999999\n", "1\n2\n").err,
              HasSubstr("p.txt:2: '99999999999999999999' does not fit"));
  EXPECT_THAT(cluster("1.2345678901234568e+17\n2\n", "1\n2\n").err, HasSubstr("is beyond 2^53"));
  EXPECT_THAT(cluster("1\n\n2\n", "1\n2\n").err, HasSubstr("p.txt:2: an empty line"));
  EXPECT_THAT(cluster("\x93NUMPY\x01", "1\n2\n").err, HasSubstr("p.txt: is no .npy array"));
  EXPECT_THAT(cluster(test::npy_of_type("<f4", "2,", test::bytes_of(1.0F) + test::bytes_of(0.5F)), "1\n2\n").err,
              HasSubstr("p.txt holds 0.5 in row 1, which is no whole number"));
  EXPECT_THAT(cluster(test::npy_of_type("|S1", "2,", "ab"), "1\n2\n").err,
              HasSubstr("holds |S1 [2]; expected integers"));
  EXPECT_THAT(cluster("# only a header\n", "1\n").err, HasSubstr("p.txt: no labels"));
}

TEST_F(MetricClustering, TakesLabelsAsArrays) {
  const std::string wide = test::bytes_of(std::int64_t{1}, true) + test::bytes_of(std::int64_t{0}, true) +
                           test::bytes_of(std::int64_t{1}, true);
  for (const std::string& array :
       {test::npy_of_type(">i8", "3,", wide), test::npy_of_type("|u1", "3, 1", std::string("\1\0\1", 3)),
        test::npy_of_type("?", "1, 3", std::string("\1\0\1", 3))}) {
    const Outcome outcome = cluster(array, "5\n7\n5\n", {"--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json rows = nlohmann::json::parse(outcome.out)["results"];
    EXPECT_EQ(rows.at(0).at("metric"), "nmi");
    EXPECT_EQ(rows.at(0).at("value"), 1.0);
    EXPECT_EQ(rows.at(0).at("n"), 3);
  }
}

// What numpy.savetxt 2.4.6 writes of [2, 0, 1] by default, with a header, with newline="\r\n", with fmt="%+d" and with
// fmt="%.1f"; and text with a byte order mark, as some editors save it.
TEST_F(MetricClustering, TakesLabelsAsNumPyAndEditorsWriteThem) {
  const std::string numbers = "2.000000000000000000e+00\n0.000000000000000000e+00\n1.000000000000000000e+00\n";
  const std::vector<std::string> texts = {numbers,
                                          "# class\n# of each image\n" + numbers,
                                          "2\r\n0\r\n1\r\n",
                                          "+2\n+0\n+1\n",
                                          "2.0\n-0.0\n1.0",
                                          "\357\273\2772\n0\n1\n",
                                          "2 \n 0\t\n1\n\n\n"};
  for (const std::string& text : texts) {
    const Outcome outcome = cluster(text, "2\n0\n1\n", {"--json", "--per-class"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err << text;
    const nlohmann::json rows = nlohmann::json::parse(outcome.out)["results"];
    EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                            [](const auto& row) { return row.contains("class") && row["class"] == row["cluster"]; }),
              6)
        << text;
  }
}

TEST_F(MetricClustering, TakesOneClusterOnBothSidesAsFullAgreement) {
  const Outcome outcome = cluster("4\n4\n", "7\n7\n", {"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json results = nlohmann::json::parse(outcome.out)["results"];
  for (const nlohmann::json& row : results) EXPECT_EQ(row["value"], 1.0) << row;
}

}  // namespace
}  // namespace assay
