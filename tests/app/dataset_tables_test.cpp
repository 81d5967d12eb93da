#include "app/dataset_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "core/error.h"
#include "core/file.h"
#include "core/progress.h"
#include "datasets/emoji.h"
#include "images/image_file.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using test::input_error;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

DatasetSpec shapes(std::int64_t count, std::uint64_t seed = 0) {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.count = count;
  spec.seed = seed;
  return spec;
}

class DatasetExport : public ::testing::Test {
 protected:
  void SetUp() override { Progress::silence(true); }
  nlohmann::json run(const DatasetSpec& spec, const fs::path& folder) {
    std::ostringstream out;
    EXPECT_EQ(dataset_export(spec, folder, true, out), 0);
    return nlohmann::json::parse(out.str());
  }
  std::string refusal(const DatasetSpec& spec, const fs::path& folder) {
    return input_error([&] { run(spec, folder); });
  }
  test::TemporaryFolder temporary_;
};

TEST_F(DatasetExport, WritesImagesMasksAndLabelsThatBelongTogether) {
  const fs::path folder = temporary_ / "deep/export";
  const nlohmann::json result = run(shapes(12), folder);

  const auto dataset = open_dataset(shapes(12));
  EXPECT_EQ(result["items"], 12);
  EXPECT_EQ(result["written"], 26);
  EXPECT_EQ(result["hash"], dataset->hash());
  std::string labels = "stem,group,subgroup,name,split\n";
  for (std::size_t i = 0; i < 12; ++i) {
    const Item& item = dataset->items()[i];
    const Sample sample = dataset->sample(static_cast<std::int64_t>(i));
    EXPECT_EQ(read_image_file(folder / "images" / (item.stem + ".png")), sample.image);
    EXPECT_EQ(read_image_file(folder / "masks" / (item.stem + ".png")), sample.mask);
    labels += item.stem + "," + dataset->groups()[static_cast<std::size_t>(item.group)] + "," +
              dataset->subgroups()[static_cast<std::size_t>(item.subgroup)] + "," + item.name + "," +
              name_of(item.split) + "\n";
  }
  EXPECT_EQ(read_file(folder / "labels.csv"), labels);
  EXPECT_EQ(nlohmann::json::parse(read_file(folder / "dataset.json"))["dataset"], to_json(shapes(12)));
}

TEST_F(DatasetExport, QuotesNamesWithCommasAndQuotes) {
  DatasetSpec spec;
  spec.name = "emoji";
  spec.size = 8;
  spec.font = std::string(ASSAY_TEST_DATA) + "/fonts/few.ttf";
  spec.emoji_list = (temporary_ / "list.txt").string();
  write_file_atomically(spec.emoji_list,
                        "# group: A, B\n# subgroup: s\n"
                        "1F600 ; fully-qualified # x E1.0 family: man, \"boy\"\n"
                        "1F601 ; fully-qualified # x E1.0 not in the font\n");
  const nlohmann::json result = run(spec, temporary_ / "out");

  EXPECT_THAT(read_file(temporary_ / "out/labels.csv"),
              StartsWith("stem,group,subgroup,name,split\n1f600,\"A, B\",s,\"family: man, \"\"boy\"\"\","));
  ASSERT_EQ(result["problems"].size(), 1u);
  EXPECT_EQ(result["problems"][0]["item"], "1f601 (not in the font)");
}

TEST_F(DatasetExport, ContinuesWhatWasInterrupted) {
  const fs::path folder = temporary_ / "out";
  run(shapes(6), folder);
  const std::string labels = read_file(folder / "labels.csv"), image = read_file(folder / "images/shape-000003.png");
  fs::remove(folder / "labels.csv");
  fs::remove(folder / "images/shape-000003.png");
  fs::remove(folder / "masks/shape-000005.png");
  write_file_atomically(folder / "images/shape-000003.png.4242.part", "half");

  EXPECT_EQ(run(shapes(6), folder)["written"], 3);
  EXPECT_EQ(read_file(folder / "labels.csv"), labels);
  EXPECT_EQ(read_file(folder / "images/shape-000003.png"), image);
  EXPECT_FALSE(fs::exists(folder / "images/shape-000003.png.4242.part"));
  EXPECT_EQ(run(shapes(6), folder)["written"], 0);
}

TEST_F(DatasetExport, StartsOverWhereOnlyTheFirstWriteWasCutOff) {
  fs::create_directory(temporary_ / "out");
  write_file_atomically(temporary_ / "out/dataset.json.7.part", "{");

  EXPECT_EQ(run(shapes(2), temporary_ / "out")["written"], 6);
  EXPECT_FALSE(fs::exists(temporary_ / "out/dataset.json.7.part"));
}

TEST_F(DatasetExport, NeverTouchesFilesOfAnotherOrigin) {
  const fs::path folder = temporary_ / "out";
  fs::create_directory(folder);
  write_file_atomically(folder / "notes.txt", "mine");
  EXPECT_THAT(refusal(shapes(2), folder), AllOf(HasSubstr(folder.string()), HasSubstr("not empty")));
  EXPECT_FALSE(fs::exists(folder / "images"));

  fs::remove(folder / "notes.txt");
  fs::create_directory(folder / "images");
  write_file_atomically(folder / "images/shape-000000.png", "mine");
  EXPECT_THAT(refusal(shapes(2), folder), HasSubstr("not empty"));
  EXPECT_EQ(read_file(folder / "images/shape-000000.png"), "mine");

  fs::remove_all(folder / "images");
  run(shapes(2), folder);
  EXPECT_THAT(refusal(shapes(2, 5), folder), HasSubstr("export of another dataset"));
  write_file_atomically(folder / "images/shape-000001.png", "edited");
  EXPECT_THAT(refusal(shapes(2), folder), HasSubstr("shape-000001.png: differs"));
  EXPECT_EQ(read_file(folder / "images/shape-000001.png"), "edited");
  write_file_atomically(folder / "masks/mine.png", "mine");
  EXPECT_THAT(refusal(shapes(2), folder), HasSubstr("mine.png: is not part of the export"));
  EXPECT_EQ(read_file(folder / "masks/mine.png"), "mine");
}

TEST_F(DatasetExport, GoesOnInAFolderInWhichASystemLeftItsFiles) {
  const fs::path folder = temporary_ / "out";
  fs::create_directory(folder);
  write_file_atomically(folder / ".DS_Store", "mine");
  EXPECT_EQ(run(shapes(2), folder)["written"], 6);
  fs::create_directory(folder / "images" / ".ipynb_checkpoints");
  write_file_atomically(folder / "images" / ".ipynb_checkpoints" / "a.png", "mine");
  write_file_atomically(folder / "masks" / "Thumbs.db", "mine");

  EXPECT_EQ(run(shapes(2), folder)["written"], 0);
  EXPECT_TRUE(fs::exists(folder / "masks" / "Thumbs.db"));
}

TEST_F(DatasetExport, RefusesAFileInPlaceOfTheFolder) {
  write_file_atomically(temporary_ / "file", "x");
  EXPECT_THAT(refusal(shapes(1), temporary_ / "file"), HasSubstr("is not a folder"));
}

TEST(DatasetInfo, CountsAddUp) {
  std::ostringstream out;
  ASSERT_EQ(dataset_info(shapes(500), true, out), 0);
  const nlohmann::json info = nlohmann::json::parse(out.str());

  EXPECT_EQ(info["items"], 500);
  EXPECT_EQ(info["train"].get<int>() + info["validation"].get<int>(), 500);
  EXPECT_EQ(info["hash"], open_dataset(shapes(500))->hash());
  for (const char* level : {"groups", "subgroups"}) {
    int items = 0, train = 0;
    for (const auto& entry : info[level]) {
      items += entry["items"].get<int>();
      train += entry["train"].get<int>();
      EXPECT_EQ(entry["items"].get<int>(), entry["train"].get<int>() + entry["validation"].get<int>());
    }
    EXPECT_EQ(items, 500) << level;
    EXPECT_EQ(train, info["train"].get<int>()) << level;
  }
  EXPECT_EQ(info["groups"].size(), 9u);
  EXPECT_EQ(info["subgroups"].size(), 72u);
  EXPECT_TRUE(info["problems"].empty());
}

TEST(DatasetInfo, TextListsWhatImbalanceCouldNotGive) {
  DatasetSpec spec = shapes(200);
  spec.imbalance = "exp:1";
  std::ostringstream out;
  ASSERT_EQ(dataset_info(spec, false, out), 0);

  EXPECT_THAT(out.str(), AllOf(HasSubstr("problems: "), HasSubstr("imbalance asks for"), HasSubstr("heart")));
}

TEST(DatasetList, SaysWhatIsThereAndWhatIsMissing) {
  std::ostringstream out;
  ASSERT_EQ(dataset_list(true, out), 0);
  const nlohmann::json list = nlohmann::json::parse(out.str())["datasets"];

  ASSERT_EQ(list.size(), dataset_table().size());
  for (const auto& entry : list) EXPECT_EQ(entry["available"].get<bool>(), entry["missing"].get<std::string>().empty());
  EXPECT_EQ(list[0]["name"], "emoji");
  EXPECT_EQ(list[0]["missing"], emoji_missing());
  EXPECT_EQ(list[1]["available"], true);
}

}  // namespace
}  // namespace assay
