#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/safetensors.h"
#include "images/png.h"
#include "tests/end_to_end/program.h"
#include "tests/end_to_end/random_inception.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Outcome;
using test::TemporaryFolder;
using test::Words;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Outcome metric(Words arguments) {
  arguments.insert(arguments.begin(), "metric");
  return test::run_program(ASSAY_BINARY, arguments);
}

/// The one line of a command that ends with exit code 2.
std::string refusal(const Words& arguments) {
  const Outcome outcome = metric(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  return outcome.err;
}

void write(const fs::path& file, const std::string& content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

/// An image whose pixels `size` decides.
void write_image(const fs::path& file, int size) {
  fs::create_directories(file.parent_path());
  Image image(size, size + 1, 3);
  image.pixels = test::fixture_image(size, size + 1);
  write_png(file, image);
}

void write_damaged(const fs::path& file) {
  write_image(file, 16);
  const std::string whole = read_file(file);
  write(file, whole.substr(0, whole.size() / 2));
}

/// Runs commands on folders of images with random Inception weights, made once.
class MetricFolders : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    data = std::make_unique<TemporaryFolder>();
    test::write_random_inception(weights());
  }
  static void TearDownTestSuite() { data.reset(); }
  static std::string weights() { return (data->path() / "inception.safetensors").string(); }

  std::string path(const std::string& name) const { return (folder / name).string(); }
  Words features_words(const std::string& input, const std::string& out, const Words& more = {}) const {
    Words words = {"features", "--input", path(input), "--weights", weights(), "--out", path(out), "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  /// What `metric features` prints, with its standard error as `err`.
  json features(const std::string& input, const std::string& out, const Words& more = {}) const {
    return printed(features_words(input, out, more));
  }
  json printed(Words words) const {
    const Outcome outcome = metric(std::move(words));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    json object = outcome.exit_code == 0 ? json::parse(outcome.out) : json::object();
    object["err"] = outcome.err;
    return object;
  }
  std::string features_refusal(const std::string& input, const Words& more = {}) const {
    const std::string line = refusal(features_words(input, "refused.safetensors", more));
    EXPECT_FALSE(fs::exists(folder / "refused.safetensors"));
    return line;
  }
  /// That a note is on standard error and in the JSON.
  static void expect_note(const json& object, const ::testing::Matcher<std::string>& matcher) {
    EXPECT_THAT(object.at("err").get<std::string>(), matcher);
    EXPECT_THAT(object.at("notes").get<Words>(), ::testing::Contains(matcher));
  }

  static inline std::unique_ptr<TemporaryFolder> data;
  TemporaryFolder folder;
};

TEST_F(MetricFolders, HiddenEntriesAreNeitherImagesNorClasses) {
  for (const char* tree : {"clean", "littered"}) {
    write_image(folder / tree / "cat" / "a.png", 20);
    write_image(folder / tree / "dog" / "a.png", 24);
  }
  for (const char* name : {"._x.png", ".DS_Store", ".hidden.png", "Thumbs.db", "desktop.ini", "cat/._a.png",
                           "cat/Thumbs.db", "cat/.ipynb_checkpoints/a.png", ".ipynb_checkpoints/a.png",
                           "__MACOSX/cat/._a.png", "__MACOSX/b.png", "dog/@eaDir/a.png", "@eaDir/a.png"})
    write(folder / "littered" / name, "no image");

  const json clean = features("clean", "clean.safetensors");
  const json littered = features("littered", "littered.safetensors");

  EXPECT_EQ(littered.at("features").at("n"), 2);
  EXPECT_EQ(littered.at("features").at("images_hash"), clean.at("features").at("images_hash"));
  EXPECT_EQ(read_file(folder / "littered.safetensors"), read_file(folder / "clean.safetensors"));
  EXPECT_THAT(littered.at("err").get<std::string>(), AllOf(HasSubstr("2 classes"), Not(HasSubstr("passed over"))));
}

TEST_F(MetricFolders, WhatIsPassedOverIsSaidWithCountKindsAndFirstName) {
  write_image(folder / "flat" / "a.png", 20);
  for (const char* name : {"b.svg", "c.SVG", "notes.txt", "logs/run.txt", ".cache/x.svg"})
    write(folder / "flat" / name, "");
  expect_note(features("flat", "f.safetensors"),
              HasSubstr("flat: passed over 4 entries (2 .svg, 1 .txt, 1 folder; the first is b.svg)"));
}

TEST_F(MetricFolders, ATreeSaysWhichFoldersAreNoClassesAndWhatLiesTooDeep) {
  write_image(folder / "tree" / "cat" / "a.png", 20);
  write_image(folder / "tree" / "fox" / "a.png", 24);
  write_image(folder / "tree" / "fox" / "old" / "b.png", 24);
  write_image(folder / "tree" / "fox" / "old" / "older" / "c.png", 24);
  fs::create_directory(folder / "tree" / "dog");
  write(folder / "tree" / "dog" / ".DS_Store", "");
  write(folder / "tree" / "labels.csv", "");
  write(folder / "tree" / "cat" / "a.svg", "");
  fs::create_directory_symlink(folder / "tree" / "cat", folder / "tree" / "link");

  const json found = features("tree", "f.safetensors");

  expect_note(found, HasSubstr("tree: 3 classes, one a folder: cat, fox, link"));
  expect_note(found, HasSubstr("tree: 1 folder without images is no class: dog"));
  expect_note(found, HasSubstr("passed over 4 entries (2 .svg, 1 .csv, 1 folder; the first is cat/a.svg); 2 images lie "
                               "in these folders"));
  const SafetensorsFile written(folder / "f.safetensors");
  EXPECT_THAT(written.at("labels").i64("labels"), ElementsAre(0, 1, 2));
}

TEST_F(MetricFolders, ImagesOfOneStemAllCountAndAreSaid) {
  write_image(folder / "flat" / "a.png", 20);
  write_image(folder / "flat" / "a.jpg", 24);
  write_image(folder / "flat" / "b.png", 24);
  const json found = features("flat", "f.safetensors");
  EXPECT_EQ(found.at("features").at("n"), 3);
  expect_note(found,
              HasSubstr("flat: 1 image has the stem of the one before and counts all the same: a.jpg and a.png"));
}

TEST_F(MetricFolders, ImagesBesideFoldersOfImagesAreRefusedWithBothCounts) {
  for (const char* name : {"cat/a.png", "cat/b.png", "dog/deep/a.png", "stray.png"}) write(folder / "tree" / name, "");
  fs::create_directory(folder / "tree" / "logs");
  const auto both = AllOf(HasSubstr("tree: 3 images in 2 folders (cat, dog) and 1 image beside them (stray.png)"),
                          HasSubstr("name the folder that is meant"));
  EXPECT_THAT(features_refusal("tree"), both);
  write_image(folder / "good" / "a.png", 20);
  for (const auto& [a, b] : {std::pair{"tree", "good"}, {"good", "tree"}}) {
    EXPECT_THAT(refusal({"generative", "--reference", path(a), "--generated", path(b), "--protocol", "fid-tf1",
                         "--weights", weights()}),
                both);
    EXPECT_THAT(refusal({"explain", "--reference", path(a), "--generated", path(b), "--weights", weights()}), both);
    EXPECT_THAT(refusal({"compare", "--reference", path("good"), "--a", path(a), "--b", path(b), "--protocol",
                         "fid-tf1", "--weights", weights()}),
                both);
  }
}

TEST_F(MetricFolders, AFolderThatHoldsNoImagesSaysWhatItHolds) {
  write(folder / "given" / "a.npz", "");
  EXPECT_THAT(features_refusal("given"), AllOf(HasSubstr("given: no images; accepted: .png"), HasSubstr("1 .npz"),
                                               HasSubstr("give the .npz file itself")));
  write(folder / "packed" / "all.zip", "");
  EXPECT_THAT(features_refusal("packed"), HasSubstr("unpack the .zip file first"));
  write(folder / "split" / "train" / "cat" / "a.png", "");
  write(folder / "split" / "test" / "cat" / "a.png", "");
  EXPECT_THAT(features_refusal("split"),
              AllOf(HasSubstr("split: no images"), HasSubstr("2 images lie deeper, the first is " + path("split")),
                    HasSubstr("test/cat/a.png: name the folder")));
  write(folder / "hidden" / "._a.png", "");
  EXPECT_THAT(features_refusal("hidden"), HasSubstr("found 1 hidden entry alone"));
  write_image(folder / "a.png", 20);
  EXPECT_THAT(features_refusal("a.png"), HasSubstr("a.png: is a single image; expected a folder of images"));
  write(folder / "b.zip", "");
  EXPECT_THAT(features_refusal("b.zip"), HasSubstr("b.zip: is an archive; expected a folder of images"));
}

TEST_F(MetricFolders, DamagedImagesStopACommandAndNameTheOption) {
  write_image(folder / "flat" / "a.png", 20);
  write_damaged(folder / "flat" / "b.png");
  fs::create_symlink(folder / "absent.png", folder / "flat" / "c.png");
  EXPECT_THAT(features_refusal("flat"), AllOf(HasSubstr("b.png"), HasSubstr("--skip-damaged")));
}

TEST_F(MetricFolders, SkippedImagesLeaveTheFeaturesOfTheOthers) {
  for (const char* tree : {"whole", "damaged"}) {
    write_image(folder / tree / "cat" / "b.png", 20);
    write_image(folder / tree / "dog" / "a.png", 24);
    write_image(folder / tree / "dog" / "c.png", 28);
  }
  write_damaged(folder / "damaged" / "cat" / "a.png");
  write(folder / "damaged" / "dog" / "b.png", "<html>");
  write(folder / "damaged" / "dog" / "d.jpg", "");
  const Words cached = {"--cache", path("cache"), "--skip-damaged"};

  const json whole = features("whole", "whole.safetensors", cached);
  const json damaged = features("damaged", "damaged.safetensors", cached);

  EXPECT_EQ(whole.at("features").at("skipped"), 0);
  EXPECT_EQ(damaged.at("features").at("skipped"), 3);
  EXPECT_EQ(damaged.at("features").at("n"), 3);
  expect_note(damaged, AllOf(HasSubstr("3 of 6 images left out as damaged (cat/a.png, dog/b.png, dog/d.jpg)"),
                             HasSubstr("the first: " + path("damaged/cat/a.png"))));
  EXPECT_EQ(damaged.at("features").at("images_hash"), whole.at("features").at("images_hash"));
  EXPECT_EQ(read_file(folder / "damaged.safetensors"), read_file(folder / "whole.safetensors"));
  const SafetensorsFile written(folder / "damaged.safetensors");
  EXPECT_THAT(written.at("labels").i64("labels"), ElementsAre(0, 1, 1));

  // A cache that knows the three images has not seen the fourth.
  write_image(folder / "damaged" / "cat" / "a.png", 32);
  EXPECT_EQ(features("damaged", "mended.safetensors", cached).at("features").at("n"), 4);
}

TEST_F(MetricFolders, LabelsOfSkippedImagesAreSkipped) {
  write_image(folder / "flat" / "a.png", 20);
  write_damaged(folder / "flat" / "b.png");
  write_image(folder / "flat" / "c.png", 24);
  const Words more = {"--skip-damaged", "--labels", folder.file("labels.txt", "7\n8\n9\n").string()};
  features("flat", "f.safetensors", more);
  const SafetensorsFile written(folder / "f.safetensors");
  EXPECT_THAT(written.at("labels").i64("labels"), ElementsAre(7, 9));
}

TEST_F(MetricFolders, WhereAllAreDamagedNoneIsLeft) {
  write_damaged(folder / "flat" / "a.png");
  write_damaged(folder / "flat" / "b.png");
  EXPECT_THAT(features_refusal("flat", {"--skip-damaged"}),
              AllOf(HasSubstr("flat: no image is left, all 2 are damaged"), HasSubstr("a.png")));
}

/// Folders r, a and b of four images each, of which a lacks its image 1 and b its image 3 in one version, and both lack
/// both in the other.
class DamagedPairs : public MetricFolders {
 protected:
  void SetUp() override {
    for (const char* version : {"damaged", "left"})
      for (const char* set : {"r", "a", "b"})
        for (int i = 0; i < 5; ++i) {
          const fs::path file = folder / version / set / (std::to_string(i) + ".png");
          const bool reference = set[0] == 'r', lost = !reference && (i == 1 || i == 3);
          if (version[0] == 'd' && ((set[0] == 'a' && i == 1) || (set[0] == 'b' && i == 3)))
            write_damaged(file);
          else if (version[0] == 'd' || !lost)
            write_image(file, 16 + 4 * i + (set[0] - 'a'));
        }
  }
  json run(const std::string& command, const std::string& version, const std::string& a, const std::string& b,
           Words more) const {
    Words words = {command,   a,         path(version + "/r"), b,       path(version + "/a"), "--weights",
                   weights(), "--cache", path("cache"),        "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return printed(words);
  }
};

TEST_F(DamagedPairs, LeaveTheScoreOfTheOthersAndAreCountedInItsRow) {
  fs::remove(folder / "left" / "a" / "3.png");
  write_image(folder / "left" / "a" / "3.png", 16 + 12);
  for (const auto& [command, more] : std::vector<std::pair<std::string, Words>>{
           {"generative", {"--protocol", "fid-tf1", "--bootstrap", "0"}}, {"explain", {}}}) {
    const json left = run(command, "left", "--reference", "--generated", more);
    Words skipping = more;
    skipping.emplace_back("--skip-damaged");
    const json found = run(command, "damaged", "--reference", "--generated", skipping);
    expect_note(found, HasSubstr("1 of 5 images left out as damaged (1.png)"));
    ASSERT_EQ(found.at("results").size(), left.at("results").size());
    for (std::size_t i = 0; i < left.at("results").size(); ++i) {
      const json& row = found.at("results").at(i);
      EXPECT_EQ(row.at("value"), left.at("results").at(i).at("value")) << row;
      EXPECT_EQ(row.at("n_generated"), 4) << row;
      EXPECT_EQ(row.at("skipped"), 1) << row;
      EXPECT_EQ(row.at("skipped_reference"), 0) << row;
      EXPECT_FALSE(left.at("results").at(i).contains("skipped"));
    }
  }
}

TEST_F(DamagedPairs, TakeTheirPairsWithThem) {
  const Words more = {"--protocol", "fid-tf1", "--swaps", "20", "--bootstrap", "20"};
  const auto compare = [&](const std::string& version, const std::string& b, const Words& further) {
    Words words = {"compare", "--reference", path(version + "/r"), "--a",   path(version + "/a"), "--b", b, "--weights",
                   weights(), "--cache",     path("cache"),        "--json"};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), further.begin(), further.end());
    return printed(words);
  };
  const json left = compare("left", path("left/b"), {});
  const json found = compare("damaged", path("damaged/b"), {"--skip-damaged"});
  expect_note(found, AllOf(HasSubstr("a: 1 of 5 images left out as damaged (1.png)"),
                           HasSubstr("1 of 5 samples left out, whose pair in another set is damaged")));
  ASSERT_EQ(found.at("results").size(), left.at("results").size());
  for (std::size_t i = 0; i < left.at("results").size(); ++i) {
    json row = found.at("results").at(i);
    EXPECT_EQ(row.at("skipped"), 2) << row;
    for (const char* key : {"skipped", "skipped_reference", "skipped_generated"}) row.erase(key);
    EXPECT_EQ(row, left.at("results").at(i));
  }

  // Features stand for images; those of b lose the row whose pair is damaged in a.
  write_image(folder / "damaged" / "b" / "3.png", 16 + 12 + 1);
  features("damaged/b", "b.safetensors");
  fs::remove(folder / "damaged" / "a" / "3.png");
  write_damaged(folder / "damaged" / "a" / "3.png");
  const json given = compare("damaged", path("b.safetensors"), {"--skip-damaged"});
  expect_note(given, HasSubstr("b: 2 of 5 samples left out, whose pair in another set is damaged"));
  EXPECT_EQ(given.at("results").at(0).at("value"), left.at("results").at(0).at("value"));
  EXPECT_EQ(given.at("results").at(0).at("p_value"), left.at("results").at(0).at("p_value"));
}

}  // namespace
}  // namespace assay
