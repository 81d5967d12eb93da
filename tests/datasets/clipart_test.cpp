#include "datasets/clipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/datasets/fixtures.h"
#include "tests/datasets/picture_files.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using test::input_error;
using ::testing::AllOf;
using ::testing::HasSubstr;

class FewDrawings : public ::testing::Test {
 protected:
  FewDrawings() {
    spec_.name = "clipart";
    spec_.size = 8;
    spec_.folder = (folder_ / "tree").string();
  }
  void drawing(const std::string& path, const std::string& title, const std::string& author = "Jean-Victor Balin") {
    test::write_below(
        spec_.folder, path,
        test::png_with_texts(test::object_image(16, 16, 2, next_++), {{"Title", title}, {"Author", author}}));
  }
  /// The caption of the one drawing of this name, title and author.
  std::string caption(const std::string& name, const std::string& title,
                      const std::string& author = "Jean-Victor Balin") {
    fs::remove_all(spec_.folder);
    drawing("things/" + name + ".png", title, author);
    return open_dataset(spec_)->items().at(0).name;
  }
  test::TemporaryFolder folder_;
  DatasetSpec spec_;
  std::uint8_t next_ = 1;
};

TEST_F(FewDrawings, ATitleIsTheCaptionWhereTheNameShowsThatItIsThePictures) {
  EXPECT_EQ(caption("chemistry_flask_matthew__02", "Chemistry Flask", "Matthew Wardrop"), "Chemistry Flask");
  EXPECT_EQ(caption("sleeping_bear_under_sta_02", "sleeping bear under stars with snow"),
            "sleeping bear under stars with snow");
  EXPECT_EQ(caption("pie_cherry_bw", "Cherry Pie (B and W)"), "Cherry Pie (B and W)");
  EXPECT_EQ(caption("germany_saxony", "Clipart by Tobias Jakobs - Germany - Saxony", "Tobias Jakobs"),
            "Germany - Saxony");
  EXPECT_EQ(caption("cassa_d_epoca_01", "Cassa d&#39;epoca"), "Cassa d'epoca");
}

TEST_F(FewDrawings, CountersInTitlesAreCutOff) {
  EXPECT_EQ(caption("elefante01_architetto_fr_01", "Elefante01"), "Elefante");
  EXPECT_EQ(caption("horse_1_rotkevich_konsat_01", "horse#1"), "horse");
  EXPECT_EQ(caption("uccello_profilo_02_archi_01", "Uccello profilo 02"), "Uccello profilo");
  EXPECT_EQ(caption("m16_01", "M16"), "M16");
  EXPECT_EQ(caption("sleeping_cat_r", "sleeping_cat"), "sleeping cat");
}

TEST_F(FewDrawings, OtherwiseTheCaptionIsTheNameWithoutTheAuthor) {
  EXPECT_EQ(caption("konqueror", "Lemon SVG theme", "Jose Hevia"), "konqueror");
  EXPECT_EQ(caption("contour_kangaroo", "Clipart by Nicu Buculei - contour_chipmunk", "Nicu Buculei"),
            "contour kangaroo");
  EXPECT_EQ(caption("lizard_guillaume_boitel_", "L&Atilde;&copy;zard", "Guillaume Boitel"), "lizard");
  EXPECT_EQ(caption("fc11", "fc23"), "fc11");
  EXPECT_EQ(caption("penguin_01", "penguin@example.org"), "penguin");
  EXPECT_EQ(caption("matthew", "", "Matthew Wardrop"), "matthew");
}

TEST_F(FewDrawings, LinksAreItemsOfTheirFoldersOnOneSideOfTheSplit) {
  for (const char* thing : {"ant", "bee", "cat", "dog", "elk", "fox", "gnu", "toad"}) {
    drawing(std::string("animals/") + thing + ".png", thing);
    fs::create_directories(fs::path(spec_.folder) / "unsorted");
    fs::create_symlink(fs::path("..") / "animals" / (std::string(thing) + ".png"),
                       fs::path(spec_.folder) / "unsorted" / (std::string("another_animal_like_") + thing + ".png"));
  }
  const auto dataset = open_dataset(spec_);

  ASSERT_EQ(dataset->items().size(), 16u);
  for (std::int64_t i = 0; i < 8; ++i) {
    const Item &first = dataset->items()[static_cast<std::size_t>(i)],
               &link = dataset->items()[static_cast<std::size_t>(i) + 8];
    EXPECT_EQ(dataset->groups()[static_cast<std::size_t>(link.group)], "unsorted");
    EXPECT_EQ(first.split, link.split);
    EXPECT_EQ(dataset->sample(i).mask, dataset->sample(i + 8).mask);
  }
}

TEST_F(FewDrawings, SaysWhichPackageHasThem) {
  EXPECT_THAT(input_error([&] { open_dataset(spec_); }),
              AllOf(HasSubstr("clipart.folder"), HasSubstr("no such folder"), HasSubstr("openclipart-png")));
}

TEST(InstalledClipart, EveryFileIsAnItemOrAProblemAndCaptionsAreClean) {
  if (!clipart_missing().empty()) GTEST_SKIP() << "missing: " << clipart_missing();
  DatasetSpec spec;
  spec.name = "clipart";
  const auto dataset = open_dataset(spec);

  std::size_t files = 0;
  const fs::path folder =
      fs::is_directory(clipart_places().front()) ? clipart_places().front() : clipart_places().back();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) files += entry.path().extension() == ".png";
  EXPECT_EQ(dataset->items().size() + dataset->problems().size(), files);
  EXPECT_GT(dataset->items().size(), 7000u);
  for (const Item& item : dataset->items()) {
    EXPECT_FALSE(item.name.empty()) << item.stem;
    EXPECT_EQ(item.name.find_first_of("\r\n\t<>@_"), std::string::npos) << item.name;
  }
  std::map<std::string, Split> side;
  for (const Item& item : dataset->items()) {
    if (!item.name.starts_with("star ") || item.name.find("step") == std::string::npos) continue;
    EXPECT_EQ(side.emplace("star", item.split).first->second, item.split) << item.name;
  }
  const auto train = static_cast<double>(indices(*dataset, Split::train).size());
  EXPECT_GT(train / static_cast<double>(dataset->items().size()), 0.72);
  EXPECT_LT(train / static_cast<double>(dataset->items().size()), 0.88);
}

}  // namespace
}  // namespace assay
