#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "datasets/png.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using test::run_program;
using ::testing::HasSubstr;

/// Folders p and t with `count` pairs of 12 x 9 pixels; image 2 has an empty mask.
class MetricSaliency : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder / "p");
    std::filesystem::create_directory(folder / "t");
    for (int i = 0; i < 4; ++i) {
      Image prediction(12, 9, 1), truth(12, 9, 1);
      for (int y = 0; y < 9; ++y)
        for (int x = 0; x < 12; ++x) {
          const bool on = i != 2 && x >= 2 + i && x < 8 && y >= 2 && y < 7;
          truth.at(x, y)[0] = on ? 255 : 0;
          prediction.at(x, y)[0] = static_cast<std::uint8_t>((on ? 150 : 20) + (x * 31 + y * 17 + i * 7) % 90);
        }
      write(i, prediction, truth);
    }
  }
  void write(int i, const Image& prediction, const Image& truth) {
    const std::string name = "image" + std::to_string(i) + ".png";
    write_png(folder / "p" / name, prediction);
    write_png(folder / "t" / name, truth);
  }
  Outcome run(std::vector<std::string> more) {
    std::vector<std::string> arguments = {
        "metric", "saliency", "--prediction", (folder / "p").string(), "--truth", (folder / "t").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(ASSAY_BINARY, arguments);
  }
  nlohmann::json json(std::vector<std::string> more) {
    more.push_back("--json");
    const Outcome outcome = run(more);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  }
  static nlohmann::json find(const nlohmann::json& found, const std::string& protocol, const std::string& metric) {
    for (const nlohmann::json& row : found["results"])
      if (row["protocol"] == protocol && row["metric"] == metric && !row.contains("part")) return row;
    ADD_FAILURE() << protocol << " " << metric;
    return {};
  }

  test::TemporaryFolder folder;
};

TEST_F(MetricSaliency, GivesEveryMeasureOfEachProtocolWithAnInterval) {
  const nlohmann::json found = json({"--protocol", "pysod,selfmask", "--bootstrap", "200"});
  EXPECT_EQ(found["results"].size(), 11u + 6u);
  for (const nlohmann::json& row : found["results"]) {
    EXPECT_EQ(row["n"], 4) << row;
    EXPECT_LE(row["low"], row["value"]) << row;
    EXPECT_GE(row["high"], row["value"]) << row;
  }
}

TEST_F(MetricSaliency, PerImageValuesAverageToTheRow) {
  const nlohmann::json found = json({"--per-image"});
  ASSERT_EQ(found["images"].size(), 4u);
  for (const char* metric : {"mae", "max_f", "mean_e"}) {
    double sum = 0.0;
    for (const nlohmann::json& image : found["images"]) sum += image["pysod"][metric].get<double>();
    EXPECT_NEAR(find(found, "pysod", metric)["value"], sum / 4.0, 1e-12) << metric;
  }
  EXPECT_EQ(found["images"][3]["stem"], "image3");
}

TEST_F(MetricSaliency, NamesItsPolicyForEmptyMasks) {
  const Outcome as_protocol = run({"--json", "--protocol", "fan"});
  EXPECT_THAT(as_protocol.err, HasSubstr("1 of 4 true masks are empty"));
  EXPECT_TRUE(find(nlohmann::json::parse(as_protocol.out), "fan", "weighted_f")["value"].is_null());

  const nlohmann::json skipped = json({"--protocol", "fan", "--empty-mask", "skip"});
  EXPECT_EQ(find(skipped, "fan", "weighted_f")["n"], 3);
  EXPECT_TRUE(find(skipped, "fan", "weighted_f")["value"].is_number());

  const Outcome refused = run({"--empty-mask", "refuse"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("image2.png"));
}

TEST_F(MetricSaliency, RefusesStemsWithoutAPartnerAndMasksOfOtherSize) {
  std::filesystem::rename(folder / "p/image1.png", folder / "p/other.png");
  Outcome outcome = run({});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("1 of 4 images"));
  EXPECT_THAT(outcome.err, HasSubstr("(image1)"));
  EXPECT_THAT(outcome.err, HasSubstr("(other)"));

  std::filesystem::rename(folder / "p/other.png", folder / "p/image1.png");
  write(1, Image(12, 9, 1), Image(9, 12, 1));
  outcome = run({});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("p/image1.png has 12 x 9 pixels and"));
  EXPECT_THAT(outcome.err, HasSubstr("t/image1.png has 9 x 12"));
}

TEST_F(MetricSaliency, CountsLabelsOverTheWholeDataSetUnderVoc) {
  for (int i = 0; i < 4; ++i) {
    Image prediction(2, 2, 1), truth(2, 2, 1);
    truth.pixels = {0, 1, 2, 255};
    prediction.pixels = {0, 1, static_cast<std::uint8_t>(i == 0 ? 1 : 2), 1};
    write(i, prediction, truth);
  }
  const nlohmann::json found = json({"--protocol", "voc", "--classes", "3"});
  EXPECT_NEAR(find(found, "voc", "iou")["value"], (1.0 + 4.0 / 5.0 + 3.0 / 4.0) / 3.0, 1e-15);
  EXPECT_NEAR(find(found, "voc", "accuracy")["value"], 11.0 / 12.0, 1e-15);
  EXPECT_EQ(found["results"].size(), 5u);

  const Outcome refused = run({"--protocol", "voc", "--classes", "2"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("true label 2 at column 0, row 1"));
}

TEST_F(MetricSaliency, RefusesAnUnknownProtocolByNearestName) {
  const Outcome outcome = run({"--protocol", "pysodd"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("pysod"));
}

class MetricCorloc : public ::testing::Test {
 protected:
  Outcome run(const std::string& prediction, const std::string& truth, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"metric",       "corloc",
                                          "--prediction", folder.file("p.json", prediction).string(),
                                          "--truth",      folder.file("t.json", truth).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(ASSAY_BINARY, arguments);
  }
  test::TemporaryFolder folder;
};

TEST_F(MetricCorloc, IsTheShareOfImagesWithAHit) {
  const Outcome outcome = run(R"({"a":[0,0,10,10],"b":[0,0,10,10],"c":[0,0,10,10]})",
                              R"({"a":[[0,0,10,5]],"b":[[50,50,60,60],[0,0,10,9]],"c":[[20,0,30,10]]})", {"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json row = nlohmann::json::parse(outcome.out)["results"][0];
  EXPECT_EQ(row["metric"], "corloc");
  EXPECT_NEAR(row["value"], 2.0 / 3.0, 1e-15);
  EXPECT_EQ(row["n"], 3);
  EXPECT_EQ(row["interval"], "Wilson");
}

TEST_F(MetricCorloc, DropsHardBoxesAndImagesWithNoneLeft) {
  const std::string truth = R"({"a":[{"box":[0,0,10,10],"difficult":1}],"b":[{"box":[1,1,10,10],"truncated":0}]})";
  const Outcome outcome = run(R"({"a":[0,0,10,10],"b":[0,0,10,10]})", truth, {"--json", "--no-hard", "--voc-boxes"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["results"][0]["n"], 1);
  EXPECT_THAT(outcome.err, HasSubstr("1 difficult or truncated boxes were dropped, which left 1 images without a box"));
}

TEST_F(MetricCorloc, NamesTheImageOfABadBox) {
  EXPECT_THAT(run(R"({"a":[0,0,10]})", R"({"a":[[0,0,1,1]]})").err, HasSubstr("p.json: 'a': '[0,0,10]' is no box"));
  EXPECT_THAT(run(R"({"a":[0,0,1,1]})", R"({"a":[[5,0,1,1]]})").err, HasSubstr("t.json: 'a', box 0"));
  EXPECT_THAT(run(R"({"a":[0,0,1,1]})", R"({"b":[[0,0,1,1]]})").err, HasSubstr("no box for 'b'"));
  EXPECT_THAT(run(R"({"a":[0,0,1,1]})", R"({"b":[[0,0,1,1]]})").err, HasSubstr("null where nothing was found"));
  EXPECT_THAT(run(R"({"a":[[0,0,1,1],[0,0,2,2]]})", R"({"a":[[0,0,1,1]]})").err,
              HasSubstr("p.json: 'a': 2 boxes; CorLoc takes one"));
  EXPECT_THAT(run(R"({"a":{"boxes":[[0,0,1,1]]}})", R"({"a":[[0,0,1,1]]})").err, HasSubstr("p.json: 'a': '{"));
  EXPECT_THAT(run(R"({"a":[0,0,1,1]})", R"({"a":[null]})").err, HasSubstr("t.json: 'a', box 0: 'null' is no box"));
  EXPECT_THAT(run(R"({"a":[0,0,1,1]})", R"({"a":"none"})").err, HasSubstr("t.json: 'a': 'none'"));
  EXPECT_THAT(run(R"({"a":[0,0,1,1]})", R"({"a":[]})").err, HasSubstr("no image is left to score"));
  EXPECT_EQ(run("[]", R"({"a":[]})").exit_code, 2);
}

TEST_F(MetricCorloc, CountsImagesWithNothingFoundAsMisses) {
  const std::string truth = R"({"a":[[0,0,10,5]],"b":[[0,0,10,9]],"c":[[20,0,30,10]],"d":[[0,0,8,8]]})";
  const Outcome outcome = run(R"({"a":null,"b":[0,0,10,10],"c":[],"d":[[0.5,0,8,8.25]]})", truth, {"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json row = nlohmann::json::parse(outcome.out)["results"][0];
  EXPECT_EQ(row["value"], 0.5);
  EXPECT_EQ(row["n"], 4);
  EXPECT_EQ(row["nothing_found"], 2);
  EXPECT_THAT(outcome.err, HasSubstr("nothing was found in 2 of 4 images, 'a' the first: misses"));
}

// No box can be hit there, which is no fault of the prediction's.
TEST_F(MetricCorloc, LeavesOutImagesWithoutTrueBoxesAndSaysSo) {
  const Outcome outcome = run(R"({"a":[0,0,10,10],"b":[0,0,10,10],"c":null,"d":[0,0,9,9]})",
                              R"({"a":[0,0,10,10],"b":[],"c":null,"d":{"box":[0,0,9,9]}})", {"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json row = nlohmann::json::parse(outcome.out)["results"][0];
  EXPECT_EQ(row["value"], 1.0);
  EXPECT_EQ(row["n"], 2);
  EXPECT_EQ(row["without_true_box"], 2);
  EXPECT_EQ(row["nothing_found"], 0);
  EXPECT_THAT(outcome.err, HasSubstr("2 images without a true box are left out, 'b' the first"));
}

class MetricClustering : public MetricCorloc {
 protected:
  Outcome cluster(const std::string& prediction, const std::string& truth, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"metric",       "clustering",
                                          "--prediction", folder.file("p.txt", prediction).string(),
                                          "--truth",      folder.file("t.txt", truth).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(ASSAY_BINARY, arguments);
  }
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
  EXPECT_THAT(cluster("\x93NUMPY\x01", "1\n2\n").err, HasSubstr("p.txt: a NumPy array, which numpy.savetxt"));
  EXPECT_THAT(cluster("# only a header\n", "1\n").err, HasSubstr("p.txt: no labels"));
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
  for (const nlohmann::json& row : nlohmann::json::parse(outcome.out)["results"]) EXPECT_EQ(row["value"], 1.0) << row;
}

}  // namespace
}  // namespace assay
