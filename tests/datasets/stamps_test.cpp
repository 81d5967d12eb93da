#include "datasets/stamps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "datasets/background.h"
#include "tests/datasets/fixtures.h"
#include "tests/datasets/picture_files.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using test::input_error;
using ::testing::AllOf;
using ::testing::HasSubstr;

const Item* find(const Dataset& dataset, const std::string& stem) {
  for (const Item& item : dataset.items())
    if (item.stem == stem) return &item;
  return nullptr;
}

std::string caption(const Dataset& dataset, const std::string& stem) {
  const Item* item = find(dataset, stem);
  return item ? item->name : "no item " + stem;
}

std::string problem(const Dataset& dataset, const std::string& beginning) {
  for (const Problem& problem : dataset.problems())
    if (problem.item.starts_with(beginning)) return problem.what;
  return "no problem";
}

class FewStamps : public ::testing::Test {
 protected:
  FewStamps() {
    spec_.name = "stamps";
    spec_.size = 8;
    spec_.folder = (folder_ / "tree").string();
  }
  void write(const std::string& path, const std::string& bytes) { test::write_below(spec_.folder, path, bytes); }
  /// A picture of its own: no other has its pixels.
  void picture(const std::string& path) { write(path, encode_png(test::object_image(16, 16, 2, next_++))); }
  std::string fixture(const std::string& name) {
    return read_file(std::string(ASSAY_TEST_DATA) + "/png/" + name + ".png");
  }
  test::TemporaryFolder folder_;
  DatasetSpec spec_;
  std::uint8_t next_ = 1;
};

TEST_F(FewStamps, CaptionsAreTheFirstLineOrTheWordsOfTheName) {
  picture("animals/bat.png");
  write("animals/bat.txt", "A bat.\r\nde.utf8=Eine Fledermaus.\nfr.utf8=Une chauve-souris.\n");
  picture("animals/sea_lion-2.png");
  picture("animals/owl.png");
  write("animals/owl.txt", "de.utf8=Eine Eule.\n");
  picture("animals/crow.png");
  write("animals/crow.txt", "\nca@valencia.utf8=Un corb.\n");
  picture("animals/duck.png");
  write("animals/duck.txt", "Un canard tr\xE8s gris.\n");
  picture("tools/dumper.png");
  write("tools/dumper.txt", "A dumper.");
  picture("tools/dumper_mirror.png");
  const auto dataset = open_dataset(spec_);

  EXPECT_EQ(caption(*dataset, "animals-bat"), "A bat.");
  EXPECT_EQ(caption(*dataset, "animals-sea_lion-2"), "sea lion");
  EXPECT_EQ(caption(*dataset, "animals-owl"), "owl");
  EXPECT_EQ(caption(*dataset, "animals-crow"), "crow");
  EXPECT_EQ(caption(*dataset, "animals-duck"), "duck");
  EXPECT_EQ(caption(*dataset, "tools-dumper_mirror"), "A dumper.");
  EXPECT_TRUE(dataset->problems().empty());
}

TEST_F(FewStamps, FoldersAreGroupsAndSubgroups) {
  picture("animals/birds/owl.png");
  picture("animals/birds/cartoon/tux.png");
  picture("animals/cartoon/cat.png");
  picture("animals/cow.png");
  picture("tools/saw.png");
  const auto dataset = open_dataset(spec_);

  EXPECT_THAT(dataset->groups(), ::testing::ElementsAre("animals", "tools"));
  EXPECT_THAT(dataset->subgroups(), ::testing::UnorderedElementsAre("animals", "animals/birds", "animals/birds/cartoon",
                                                                    "animals/cartoon", "tools"));
  const Item* tux = find(*dataset, "animals-birds-cartoon-tux");
  ASSERT_TRUE(tux);
  EXPECT_EQ(dataset->groups()[static_cast<std::size_t>(tux->group)], "animals");
  EXPECT_EQ(dataset->subgroups()[static_cast<std::size_t>(tux->subgroup)], "animals/birds/cartoon");
}

TEST_F(FewStamps, SymbolsComeWhenAskedFor) {
  picture("symbols/a.png");
  picture("tools/symbols/saw.png");
  EXPECT_EQ(open_dataset(spec_)->items().size(), 1u);
  const std::string without = open_dataset(spec_)->hash();
  spec_.symbols = true;
  EXPECT_EQ(open_dataset(spec_)->items().size(), 2u);
  EXPECT_NE(open_dataset(spec_)->hash(), without);
}

TEST_F(FewStamps, VariantsAndDuplicatesAreOnOneSideOfTheSplit) {
  // Many of each, so that two keys on different sides would show.
  const std::vector<std::string> things{"ant", "bee", "cat", "dog", "elk", "fox",
                                        "gnu", "hen", "jay", "koi", "owl", "toad"};
  for (std::size_t i = 0; i < things.size(); ++i) {
    const std::string& thing = things[i];
    for (const char* end : {"", "-2", "_mirror", "_red", "_alt"}) picture("animals/" + thing + end + ".png");
    picture("cartoon/" + thing + "3.png");
    picture("animals/portrait_of_" + thing + "_at_home.png");
    write("animals/portrait_of_" + thing + "_at_home.txt", "A picture of " + thing);
    picture("animals/" + thing + "_outside.png");
    write("animals/" + thing + "_outside.txt", "A picture of " + thing);
    write("animals/" + thing + "_doubled.png", encode_png(test::object_image(16, 16, 4, static_cast<std::uint8_t>(i))));
    // The same pixels, with another text in the file.
    write("tools/double_of_" + thing + "_here.png",
          test::png_with_texts(test::object_image(16, 16, 4, static_cast<std::uint8_t>(i)), {{"Title", thing}}));
  }
  const auto dataset = open_dataset(spec_);
  ASSERT_EQ(dataset->items().size(), things.size() * 10);

  std::set<Split> sides;
  for (const std::string& thing : things) {
    const Item* first = find(*dataset, "animals-" + thing);
    ASSERT_TRUE(first);
    sides.insert(first->split);
    for (const std::string& stem : {"animals-" + thing + "-2", "animals-" + thing + "_mirror",
                                    "animals-" + thing + "_red", "animals-" + thing + "_alt", "cartoon-" + thing + "3"})
      EXPECT_EQ(find(*dataset, stem)->split, first->split) << stem;
    EXPECT_EQ(find(*dataset, "animals-portrait_of_" + thing + "_at_home")->split,
              find(*dataset, "animals-" + thing + "_outside")->split);
    EXPECT_EQ(find(*dataset, "animals-" + thing + "_doubled")->split,
              find(*dataset, "tools-double_of_" + thing + "_here")->split);
  }
  EXPECT_EQ(sides.size(), 2u);
}

TEST_F(FewStamps, EveryKindOfPngIsReadAndWhatCannotBeIsAProblem) {
  for (const char* kind : {"grey1", "grey16", "grey_alpha", "grey_transparent", "palette", "palette_transparent",
                           "rgb16", "rgb8_interlaced", "rgba8"})
    write(std::string("kinds/") + kind + ".png", fixture(kind));
  picture("kinds/capital.PNG");
  write("bad/cut.png", fixture("rgba8").substr(0, 60));
  write("bad/empty.png", "");
  write("bad/text.png", "not a picture");
  write("bad/clear.png", encode_png(Image(16, 16, 4, 0)));
  write("bad/tiny.png", encode_png(test::object_image(7, 5, 0, 9)));
  // A header that promises 20,000 x 16 pixels.
  std::string wide = encode_png(test::object_image(16, 16, 2, 8));
  wide.replace(16, 4, test::big_endian(20'000));
  wide.replace(29, 4, test::big_endian(test::chunk_sum(wide.substr(12, 17))));
  write("bad/wide.png", wide);
  fs::create_symlink("/no/such/file", fs::path(spec_.folder) / "bad/gone.png");
  fs::create_directory(fs::path(spec_.folder) / "bad/folder.png");
  fs::create_directory_symlink("../kinds", fs::path(spec_.folder) / "bad/loop");
  picture("alone.png");
  picture(".hidden/dot.png");
  write("kinds/notes.txt", "not a picture");
  write("kinds/drawing.svg", "<svg/>");
  const auto dataset = open_dataset(spec_);

  EXPECT_EQ(dataset->items().size(), 10u);
  EXPECT_THAT(problem(*dataset, "bad/cut"), AllOf(HasSubstr("cut.png"), HasSubstr("truncated")));
  EXPECT_THAT(problem(*dataset, "bad/empty"), HasSubstr("empty file"));
  EXPECT_THAT(problem(*dataset, "bad/text"), HasSubstr("not a PNG"));
  EXPECT_THAT(problem(*dataset, "bad/clear (clear)"), HasSubstr("transparent all over"));
  EXPECT_THAT(problem(*dataset, "bad/tiny"), HasSubstr("7 pixels wide, less than the 8 asked for"));
  EXPECT_THAT(problem(*dataset, "bad/wide"), AllOf(HasSubstr("20000 x 16"), HasSubstr("at most 10000 a side")));
  EXPECT_THAT(problem(*dataset, "bad/gone"), HasSubstr("gone.png"));
  EXPECT_THAT(problem(*dataset, "bad/loop"), HasSubstr("link to a folder"));
  EXPECT_THAT(problem(*dataset, "alone"), HasSubstr("lies in no folder"));
  EXPECT_EQ(dataset->problems().size(), 9u);
  // Without transparency the whole picture, 13 x 7 in a square of 13, is the object: rows 3 to 9 of 13.
  const Item* grey = find(*dataset, "kinds-grey16");
  ASSERT_TRUE(grey);
  const Sample sample = dataset->sample(grey - dataset->items().data());
  EXPECT_EQ(*sample.mask.at(4, 4), 255);
  EXPECT_EQ(*sample.mask.at(4, 0), 0);
  EXPECT_EQ(sample.image.at(4, 4)[0], sample.image.at(4, 4)[2]);
}

TEST_F(FewStamps, TheMaskIsTheAlphaOfTheSquareShrunkByAreaAverage) {
  // 16 x 8 with an object in columns 6 to 9 and rows 2 to 5: the sides are cut to columns 4 to 11.
  Image image(16, 8, 4, 0);
  for (int y = 2; y < 6; ++y)
    for (int x = 6; x < 10; ++x) {
      image.at(x, y)[0] = 200;
      image.at(x, y)[3] = 128;
    }
  write("tools/saw.png", encode_png(image));
  // 20 x 10, opaque all over: padded to 20 rows, of which 5 to 14 are the object; 2.5 rows a pixel.
  write("tools/wall.png", encode_png(Image(20, 10, 3, 0)));
  const auto dataset = open_dataset(spec_);

  const Sample saw = dataset->sample(0);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) {
      const bool inside = x >= 2 && x < 6 && y >= 2 && y < 6;
      ASSERT_EQ(*saw.mask.at(x, y), inside ? 128 : 0);
      // On white: 200 * 128/255 + 255 * 127/255 = 227.4, and 127 where the object has none of a colour.
      ASSERT_EQ(saw.image.at(x, y)[0], inside ? 227 : 255);
      ASSERT_EQ(saw.image.at(x, y)[1], inside ? 127 : 255);
    }
  EXPECT_EQ(saw.box, (Box{2, 2, 6, 6}));
  const Sample wall = dataset->sample(1);
  for (int y = 0; y < 8; ++y) EXPECT_EQ(*wall.mask.at(3, y), y >= 2 && y < 6 ? 255 : 0) << y;
}

TEST_F(FewStamps, StemsAreUniqueAndOfAFewCharacters) {
  picture("a/b c.png");
  picture("a/b_c.png");
  picture("a-b/c.png");
  picture("a/b/c.png");
  picture("a/" + std::string(210, 'x') + ".png");
  const auto dataset = open_dataset(spec_);

  std::set<std::string> stems;
  for (const Item& item : dataset->items()) {
    stems.insert(item.stem);
    EXPECT_EQ(item.stem.find_first_not_of("abcdefghijklmnopqrstuvwxyz-_0123456789"), std::string::npos) << item.stem;
    EXPECT_LE(item.stem.size(), 210u);
  }
  EXPECT_EQ(stems.size(), 5u);
}

TEST_F(FewStamps, BackgroundsAndSplitStayWhenOtherPicturesAreMissing) {
  picture("tools/saw.png");
  picture("tools/spade.png");
  spec_.background = "texture";
  const auto both = open_dataset(spec_);
  fs::remove(fs::path(spec_.folder) / "tools/saw.png");
  const auto one = open_dataset(spec_);

  EXPECT_EQ(one->sample(0).image, both->sample(1).image);
  EXPECT_EQ(one->items()[0].split, both->items()[1].split);
  EXPECT_NE(both->sample(0).image, both->sample(1).image);
}

TEST_F(FewStamps, HashFollowsEverythingThatChangesTheSet) {
  picture("tools/saw.png");
  write("tools/saw.txt", "A saw.");
  picture("tools/spade.png");
  std::map<std::string, std::string> seen;
  const auto expect_new = [&](const std::string& what, const DatasetSpec& spec) {
    const auto [it, is_new] = seen.emplace(open_dataset(spec)->hash(), what);
    EXPECT_TRUE(is_new) << what << " has the hash of " << it->second;
  };
  expect_new("default", spec_);
  EXPECT_EQ(open_dataset(spec_)->hash(), seen.begin()->first);
  DatasetSpec spec = spec_;
  spec.size = 9;
  expect_new("size", spec);
  spec = spec_;
  spec.background = "solid";
  expect_new("background", spec);
  spec.seed = 1;
  expect_new("seed", spec);
  write("tools/saw.txt", "A hand saw.");
  expect_new("caption", spec_);
  write("tools/saw.png", test::png_with_texts(test::object_image(16, 16, 2, 1), {{"Title", "x"}}));
  expect_new("bytes of a file", spec_);
  fs::rename(fs::path(spec_.folder) / "tools/spade.png", fs::path(spec_.folder) / "tools/shovel.png");
  expect_new("name of a file", spec_);
  write("tools/bad.png", "x");
  expect_new("a file that cannot be read", spec_);
}

TEST_F(FewStamps, SaysWhatIsWrongWithTheFolderAndWhichPackageHasOne) {
  const auto message = [&] { return input_error([&] { open_dataset(spec_); }); };
  EXPECT_THAT(message(), AllOf(HasSubstr("stamps.folder"), HasSubstr(spec_.folder), HasSubstr("no such folder"),
                               HasSubstr("tuxpaint-stamps-default")));
  fs::create_directories(spec_.folder);
  EXPECT_THAT(message(),
              AllOf(HasSubstr(spec_.folder), HasSubstr("no PNG file"), HasSubstr("tuxpaint-stamps-default")));
  write("tools/bad.png", "x");
  EXPECT_THAT(message(), AllOf(HasSubstr("none of the 1 pictures"), HasSubstr("not a PNG")));
  spec_.folder = (fs::path(spec_.folder) / "tools/bad.png").string();
  EXPECT_THAT(message(), HasSubstr("no such folder"));
}

/// The installed set, opened once.
class InstalledStamps : public ::testing::Test {
 protected:
  static const Dataset* installed() {
    static const std::unique_ptr<Dataset> dataset = [] {
      DatasetSpec spec;
      spec.name = "stamps";
      return stamps_missing().empty() ? open_dataset(spec) : nullptr;
    }();
    return dataset.get();
  }
  void SetUp() override {
    if (!installed()) GTEST_SKIP() << "missing: " << stamps_missing();
  }
};

TEST_F(InstalledStamps, EveryPictureButTheSymbolsIsAnItemOrAProblem) {
  std::size_t files = 0;
  const fs::path folder = fs::is_directory(stamps_places().front()) ? stamps_places().front() : stamps_places().back();
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    files +=
        entry.path().extension() == ".png" && entry.path().lexically_relative(folder).begin()->string() != "symbols";
  EXPECT_EQ(installed()->items().size() + installed()->problems().size(), files);
  EXPECT_GT(installed()->items().size(), 500u);
}

TEST_F(InstalledStamps, CaptionsAreOneLineOfEnglish) {
  for (const Item& item : installed()->items()) {
    EXPECT_FALSE(item.name.empty()) << item.stem;
    EXPECT_EQ(item.name.find_first_of("\r\n\t<>"), std::string::npos) << item.name;
    EXPECT_EQ(item.name.find(".utf8="), std::string::npos) << item.name;
  }
  EXPECT_EQ(caption(*installed(), "animals-birds-crowned_crane"), "A crowned crane.");
  EXPECT_EQ(caption(*installed(), "food-fruit-orange"), "An orange.");
}

TEST_F(InstalledStamps, AboutFourFifthsAreForTrainingAndVariantsStayTogether) {
  const auto train = static_cast<double>(indices(*installed(), Split::train).size());
  EXPECT_GT(train / static_cast<double>(installed()->items().size()), 0.72);
  EXPECT_LT(train / static_cast<double>(installed()->items().size()), 0.88);
  for (const auto& [one, other] : {std::pair{"animals-amphibians-frog", "animals-amphibians-frog-1"},
                                   {"vehicles-construction-dumper", "vehicles-construction-dumper_mirror"},
                                   {"food-fruit-banana", "food-fruit-cartoon-banana"},
                                   {"military-fireman240a", "people-fireman200b"}}) {
    ASSERT_TRUE(find(*installed(), one) && find(*installed(), other)) << one << ", " << other;
    EXPECT_EQ(find(*installed(), one)->split, find(*installed(), other)->split) << one << ", " << other;
  }
}

}  // namespace
}  // namespace assay
