#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using test::run_program;
using ::testing::HasSubstr;

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

class CorlocOfSets : public MetricCorloc {
 protected:
  Outcome score(const std::string& prediction, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"metric", "corloc", "--json", "--prediction",
                                          folder.file("p.json", prediction).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(ASSAY_BINARY, arguments);
  }
  std::string voc() const {
    std::filesystem::create_directories(folder / "Annotations");
    std::filesystem::create_directories(folder / "ImageSets/Main");
    folder.file("ImageSets/Main/trainval.txt", "000001\n000002\n000003\n");
    const auto annotation = [&](const char* id, const char* difficult, const char* corners) {
      folder.file(std::string("Annotations/") + id + ".xml",
                  std::string("<annotation><object><name>dog</name><difficult>") + difficult + "</difficult><bndbox>" +
                      corners + "</bndbox></object></annotation>");
    };
    // Half open it is 0, 0, 10, 10: the predicted 0, 0, 10, 5 covers just half of it.
    annotation("000001", "0", "<xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>10</ymax>");
    annotation("000002", "1", "<xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>10</ymax>");
    folder.file("Annotations/000003.xml", "<annotation></annotation>");
    return folder.path().string();
  }
};

TEST_F(CorlocOfSets, ReadsVocHalfOpen) {
  const std::string found = R"({"000001":[0,0,10,5],"000002":null,"000003":null})";
  Outcome outcome = score(found, {"--voc", voc()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  nlohmann::json row = nlohmann::json::parse(outcome.out)["results"][0];
  EXPECT_EQ(row["value"], 0.5);
  EXPECT_EQ(row["n"], 2);
  EXPECT_EQ(row["without_true_box"], 1);
  EXPECT_EQ(row["dropped_hard_boxes"], 0);
  outcome = score(found, {"--voc", voc(), "--set", "trainval", "--no-hard"});
  row = nlohmann::json::parse(outcome.out)["results"][0];
  EXPECT_EQ(row["value"], 1.0);
  EXPECT_EQ(row["n"], 1);
  EXPECT_EQ(row["dropped_hard_boxes"], 1);
  EXPECT_EQ(row["with_dropped_boxes_alone"], 1);
  // 0, 0, 9, 9 is covered by 45 of 86 pixels.
  EXPECT_EQ(
      nlohmann::json::parse(score(found, {"--voc", voc(), "--corners", "both_lowered"}).out)["results"][0]["value"],
      0.5);
  // 1, 1, 10, 10: 36 of 95.
  EXPECT_EQ(nlohmann::json::parse(score(found, {"--voc", voc(), "--corners", "as_written"}).out)["results"][0]["value"],
            0.0);
}

TEST_F(CorlocOfSets, RoundsCocoAndDropsItsCrowds) {
  const std::string coco = folder
                               .file("instances.json", R"({"images":[{"id":1,"file_name":"a.jpg"},
    {"id":2,"file_name":"b.jpg"},{"id":3,"file_name":"c.jpg"}],"categories":[{"id":1,"name":"dog"}],"annotations":[
    {"id":1,"image_id":1,"category_id":1,"iscrowd":0,"bbox":[0.4,0.4,10,10]},
    {"id":2,"image_id":2,"category_id":1,"iscrowd":1,"bbox":[0,0,10,10]}]})")
                               .string();
  Outcome outcome = score(R"({"a":[0,0,10,5],"b":[0,0,10,10],"c":null})", {"--coco", coco});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json row = nlohmann::json::parse(outcome.out)["results"][0];
  EXPECT_EQ(row["value"], 1.0);
  EXPECT_EQ(row["n"], 1);
  EXPECT_EQ(row["dropped_crowds"], 1);
  EXPECT_EQ(row["with_dropped_boxes_alone"], 1);
  EXPECT_EQ(row["without_true_box"], 1);
  EXPECT_THAT(outcome.err, HasSubstr("1 regions of many objects were dropped, which left 1 images without a box"));
  outcome =
      score(R"({"a":[0,0,10,5]})", {"--coco", coco, "--list", folder.file("list.txt", "train2014/a.jpg").string()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(CorlocOfSets, TakesOneTruth) {
  const std::string nothing = R"({"a":null})";
  EXPECT_THAT(score(nothing, {}).err, HasSubstr("0 of --truth, --voc and --coco are given; expected one of them"));
  EXPECT_THAT(score(nothing, {"--voc", "a", "--coco", "b"}).err, HasSubstr("2 of --truth"));
  EXPECT_THAT(score(nothing, {"--coco", "b", "--no-hard"}).err, HasSubstr("--no-hard: COCO calls no box"));
  EXPECT_THAT(score(nothing, {"--voc", "a", "--voc-boxes"}).err, HasSubstr("--corners"));
  EXPECT_THAT(score(nothing, {"--coco", "b", "--set", "val"}).err, HasSubstr("--voc"));
  EXPECT_THAT(score(nothing, {"--voc", voc(), "--corners", "halfopen"}).err, HasSubstr("did you mean 'half_open'"));
}

}  // namespace
}  // namespace assay
