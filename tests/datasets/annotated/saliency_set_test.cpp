#include "datasets/annotated/saliency_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "core/file.h"
#include "images/png.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::filesystem::path png = std::filesystem::path(ASSAY_TEST_DATA) / "png";

class SaliencySets : public ::testing::Test {
 protected:
  void image(const std::string& file, int width, int height, int channels, std::uint8_t value) const {
    std::filesystem::create_directories((folder / file).parent_path());
    write_png(folder / file, Image(width, height, channels, value));
  }
  test::TemporaryFolder folder;
};

TEST_F(SaliencySets, PairImagesAndMasksByStem) {
  image("i/b.png", 4, 3, 3, 10);
  image("i/a.png", 5, 3, 3, 20);
  image("m/a.png", 5, 3, 1, 255);
  image("m/b.png", 8, 6, 1, 1);
  const auto set = open_image_mask_folders(folder / "i", folder / "m");
  ASSERT_EQ(set->items().size(), 2u);
  EXPECT_EQ(set->items()[0].id, "a");
  EXPECT_EQ(set->mask_kind(), MaskKind::foreground);
  EXPECT_EQ(set->image(0), Image(5, 3, 3, 20));
  EXPECT_EQ(set->mask(0), Image(5, 3, 1, 255));
  EXPECT_EQ(set->mask(1), Image(8, 6, 1, 1));  // a size of its own
  EXPECT_THROW(set->mask(2), Error);
  EXPECT_THROW(set->image(-1), Error);
}

TEST_F(SaliencySets, NameWhatHasNoPartner) {
  for (const char* stem : {"a", "b", "c"}) image(std::string("i/") + stem + ".png", 2, 2, 3, 0);
  for (const char* stem : {"b", "d"}) image(std::string("m/") + stem + ".png", 2, 2, 1, 0);
  const std::string refusal = input_error([&] { open_image_mask_folders(folder / "i", folder / "m"); });
  EXPECT_THAT(refusal, AllOf(HasSubstr("2 of 3 images in "), HasSubstr("have no mask in "), HasSubstr("(a, c)"),
                             HasSubstr("1 of 2 masks in "), HasSubstr("(d)")));
}

// The kinds of mask that files of published sets hold, each of value v at (x, y) as tests/data/png/make_fixtures.py
// says.
TEST_F(SaliencySets, ReadMasksOfAnyMode) {
  for (const char* kind : {"grey1", "grey4", "grey8", "grey16", "grey_alpha", "palette", "rgb8", "rgb16"}) {
    const std::string file = std::string(kind) + ".png";
    image("i/" + file, 13, 7, 3, 0);
    std::filesystem::create_directories(folder / "m");
    std::filesystem::copy_file(png / file, folder / "m" / file);
  }
  const auto set = open_image_mask_folders(folder / "i", folder / "m");
  for (std::size_t i = 0; i < set->items().size(); ++i) {
    const Image mask = set->mask(static_cast<std::int64_t>(i));
    EXPECT_EQ(mask.channels, 1) << set->items()[i].id;
    EXPECT_EQ(mask.width, 13);
    EXPECT_EQ(mask.height, 7);
    const bool is_grey1 = set->items()[i].id == "grey1";
    EXPECT_TRUE(!is_grey1 || std::find(mask.pixels.begin(), mask.pixels.end(), 255) != mask.pixels.end());
  }
}

TEST(BinaryMask, FollowsTheRule) {
  Image mask(5, 1, 1);
  mask.pixels = {0, 1, 128, 129, 255};
  EXPECT_THAT(binary_mask(mask, ForegroundRule::above_zero).pixels, ElementsAre(0, 1, 1, 1, 1));
  EXPECT_THAT(binary_mask(mask, ForegroundRule::above_128).pixels, ElementsAre(0, 0, 0, 1, 1));
}

TEST_F(SaliencySets, AreFoundInTheFoldersOfTheirArchives) {
  for (const SaliencySet& set : saliency_sets()) {
    for (const char* stem : {"0001", "0002"}) {
      image(set.folder + "/" + set.images + "/" + stem + ".png", 3, 2, 3, 0);
      image(set.folder + "/" + set.masks + "/" + stem + ".png", 3, 2, 1, 255);
    }
    for (const auto& given : {folder.path(), folder / set.folder}) {
      const auto opened = open_saliency_set(set.id, given);
      EXPECT_EQ(opened->name(), set.id);
      EXPECT_EQ(opened->items().size(), 2u);
      EXPECT_THAT(opened->notes(), Contains(AllOf(HasSubstr("2 images"), HasSubstr("the published set has"))));
    }
  }
}

TEST_F(SaliencySets, SayWhatIsThereInstead) {
  EXPECT_THAT(input_error([&] { open_saliency_set("ecsd", folder.path()); }), HasSubstr("did you mean 'ecssd'"));
  image("pictures/a.png", 2, 2, 3, 0);
  EXPECT_THAT(input_error([&] { open_saliency_set("ecssd", folder.path()); }),
              AllOf(HasSubstr("expected the folders images and ground_truth_mask of ecssd"), HasSubstr("pictures")));
  EXPECT_THAT(input_error([&] { open_saliency_set("ecssd", folder / "none"); }), HasSubstr("none"));
}

TEST_F(SaliencySets, NameAMaskThatCannotBeRead) {
  image("i/a.png", 2, 2, 3, 0);
  std::filesystem::create_directories(folder / "m");
  write_file_atomically(folder / "m" / "a.png", "no image");
  const auto set = open_image_mask_folders(folder / "i", folder / "m");
  EXPECT_THAT(input_error([&] { set->mask(0); }), HasSubstr("m/a.png: not an image"));
}

}  // namespace
}  // namespace assay
