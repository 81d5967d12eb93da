#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "images/image_file.h"
#include "images/png.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using test::run_program;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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

TEST_F(MetricSaliency, ReadsMasksOfAnyFormatAlike) {
  const nlohmann::json png = json({"--protocol", "pysod"});
  for (int i = 0; i < 4; ++i) {
    const std::string stem = "image" + std::to_string(i);
    const std::filesystem::path from = folder / "p" / (stem + ".png");
    const Image map = read_image_file(from);
    const std::string header = fmt::format("P5\n# a map\n{} {}\n255\n", map.width, map.height);
    folder.file("p/" + stem + ".PGM", header + std::string(map.pixels.begin(), map.pixels.end()));
    std::filesystem::remove(from);
  }

  const nlohmann::json pgm = json({"--protocol", "pysod"});

  EXPECT_EQ(pgm["results"], png["results"]);
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

TEST_F(MetricSaliency, SaysWhatItPassesOverAndNothingOfHiddenEntries) {
  for (const char* name : {"p/._image0.png", "p/.DS_Store", "t/Thumbs.db", "t/.ipynb_checkpoints/image0.png"}) {
    std::filesystem::create_directories((folder / name).parent_path());
    folder.file(name, "no image");
  }
  Outcome outcome = run({"--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, Not(HasSubstr("passed over")));

  std::filesystem::create_directory(folder / "t/more");
  write_png(folder / "t/more/image0.png", Image(2, 2, 1));
  for (const char* name : {"t/image0.xml", "t/image1.xml", "p/list.txt"}) folder.file(name, "");
  outcome = run({"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("p: passed over 1 entry (1 .txt; the first is list.txt)"));
  EXPECT_THAT(outcome.err, HasSubstr("t: passed over 3 entries (2 .xml, 1 folder; the first is image0.xml); 1 image "
                                     "lies in these folders"));
  EXPECT_THAT(nlohmann::json::parse(outcome.out).at("notes").dump(), HasSubstr("p: passed over 1 entry"));
}

TEST_F(MetricSaliency, RefusesWhatIsNoFolderOfMasksByWhatItIs) {
  const auto refusal = [](const std::filesystem::path& prediction, const std::filesystem::path& truth) {
    const Outcome outcome = run_program(
        ASSAY_BINARY, {"metric", "saliency", "--prediction", prediction.string(), "--truth", truth.string()});
    EXPECT_EQ(outcome.exit_code, 2);
    return outcome.err;
  };
  EXPECT_THAT(refusal(folder / "p/image0.png", folder / "t"),
              HasSubstr("image0.png: is a single image; expected a folder"));
  EXPECT_THAT(refusal(folder / "p", folder.file("t.zip", "")), HasSubstr("t.zip: is an archive; expected a folder"));
  EXPECT_THAT(refusal(folder / "p", folder.file("t.npz", "")),
              HasSubstr("t.npz: is a file; expected a folder of images"));
  EXPECT_THAT(refusal(folder / "p", folder / "absent"), HasSubstr("absent: cannot be read as a folder"));
  EXPECT_THAT(refusal(folder.path(), folder / "t"),
              AllOf(HasSubstr("no images"), HasSubstr("2 folders"), HasSubstr("8 images lie below it"),
                    HasSubstr("name the folder that holds them")));
}

TEST_F(MetricSaliency, SkipsDamagedPairsByNameAndCountsThem) {
  const nlohmann::json expected = [&] {
    std::filesystem::rename(folder / "p/image1.png", folder / "image1.png");
    std::filesystem::rename(folder / "t/image1.png", folder / "true1.png");
    nlohmann::json found = json({"--protocol", "pysod,selfmask", "--per-image"});
    std::filesystem::rename(folder / "image1.png", folder / "p/image1.png");
    return found;
  }();
  folder.file("t/image1.png", "<html>");

  const Outcome stopped = run({});
  EXPECT_EQ(stopped.exit_code, 2);
  EXPECT_THAT(stopped.err, AllOf(HasSubstr("t/image1.png"), HasSubstr("--skip-damaged leaves damaged images out")));

  const Outcome outcome = run({"--protocol", "pysod,selfmask", "--per-image", "--skip-damaged", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("1 of 4 pairs left out as damaged (image1)"), HasSubstr("t/image1.png")));
  const nlohmann::json found = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(found.at("images"), expected.at("images"));
  ASSERT_EQ(found.at("results").size(), expected.at("results").size());
  for (std::size_t i = 0; i < found.at("results").size(); ++i) {
    nlohmann::json row = found.at("results").at(i);
    EXPECT_EQ(row.at("skipped"), 1) << row;
    row.erase("skipped");
    EXPECT_EQ(row, expected.at("results").at(i));
  }

  for (int i = 0; i < 4; ++i) folder.file("p/image" + std::to_string(i) + ".png", "");
  const Outcome none = run({"--skip-damaged"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("no pair is left, all 4 are damaged"));
}

TEST_F(MetricSaliency, SkipsDamagedMapsOfLabelsAndKeepsRefusingOtherImages) {
  for (int i = 0; i < 4; ++i) write(i, Image(2, 2, 1), Image(2, 2, 1));
  folder.file("p/image3.png", "");
  const nlohmann::json found = json({"--protocol", "voc", "--skip-damaged"});
  EXPECT_EQ(find(found, "voc", "iou")["n"], 3);
  EXPECT_EQ(find(found, "voc", "iou")["skipped"], 1);

  write(3, Image(2, 2, 3), Image(2, 2, 1));
  const Outcome colour = run({"--protocol", "voc", "--skip-damaged"});
  EXPECT_EQ(colour.exit_code, 2);
  EXPECT_THAT(colour.err, AllOf(HasSubstr("not a map of labels"), Not(HasSubstr("--skip-damaged"))));
}

TEST_F(MetricSaliency, SaysThatMasksOfZeroAndOneAreTooDark) {
  const auto write_masks = [&](std::uint8_t prediction_on, std::uint8_t truth_on) {
    for (int i = 0; i < 4; ++i) {
      Image prediction(12, 9, 1), truth(12, 9, 1);
      for (int x = 3; x < 8 + i; ++x) prediction.at(x, 4)[0] = prediction_on, truth.at(x - 1, 4)[0] = truth_on;
      write(i, prediction, truth);
    }
  };
  write_masks(255, 255);
  const nlohmann::json right = json({"--protocol", "pysod,fan,tokencut,selfmask", "--bootstrap", "0"});

  write_masks(255, 1);
  Outcome outcome = run({"--protocol", "pysod", "--json"});
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("pysod: 4 of 4 true masks are empty"),
                                 HasSubstr("the largest grey of 4 of them is 1, and foreground is above 128: multiply "
                                           "masks of 0 and 1 by 255")));
  EXPECT_THAT(run({"--empty-mask", "refuse"}).err, HasSubstr("the largest grey of 4 of them is 1"));
  EXPECT_THAT(run({"--empty-mask", "skip"}).err, HasSubstr("the largest grey of 4 of them is 1"));
  // Any grey above 0 is foreground there.
  nlohmann::json found = json({"--protocol", "tokencut,selfmask", "--bootstrap", "0"});
  for (const nlohmann::json& row : found["results"])
    EXPECT_EQ(row["value"], find(right, row["protocol"], row["metric"])["value"]) << row;

  write_masks(1, 255);
  outcome = run({"--protocol", "pysod,tokencut,selfmask"});
  for (const char* id : {"tokencut", "selfmask"})
    EXPECT_THAT(
        outcome.err,
        HasSubstr(std::string(id) + ": no grey of 4 of 4 predictions reaches 128, the largest is 1, where 255 is the "
                                    "surest: multiply masks of 0 and 1 by 255"));
  // Stretched from 0 to 255 they are the same maps.
  EXPECT_THAT(outcome.err, Not(HasSubstr("pysod:")));
  found = json({"--protocol", "pysod,fan", "--bootstrap", "0"});
  for (const nlohmann::json& row : found["results"])
    EXPECT_EQ(row["value"], find(right, row["protocol"], row["metric"])["value"]) << row;

  write_masks(255, 20);
  EXPECT_THAT(run({"--protocol", "fan"}).err, AllOf(HasSubstr("the largest grey of 4 of them is 20"),
                                                    HasSubstr("maps of labels are scored under voc")));

  write_masks(1, 255);
  EXPECT_THAT(run({"--protocol", "voc"}).err,
              AllOf(HasSubstr("label 0 alone beside 255, which is left out (4 of 4)"), HasSubstr("divide masks")));
  write_masks(1, 1);
  EXPECT_THAT(run({"--protocol", "voc"}).err, Not(HasSubstr("divide masks")));
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

}  // namespace
}  // namespace assay
