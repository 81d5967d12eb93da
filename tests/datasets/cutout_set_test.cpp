#include "datasets/cutout_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace assay {
namespace {

constexpr int side = 16;

/// Red rectangles of 12 x 6 pixels, off the middle of their pictures, on white.
Cutouts rectangles(int count, const std::optional<ObjectPlacement>& placement, std::uint64_t seed = 3) {
  DatasetSpec spec;
  spec.size = side;
  spec.seed = seed;
  spec.background = "white";
  spec.placement = placement;
  Cutouts cutouts("rectangles", spec);
  Image object(side, side, 4);
  for (int y = 1; y < 7; ++y)
    for (int x = 3; x < 15; ++x) {
      object.at(x, y)[0] = 200;
      object.at(x, y)[3] = 255;
    }
  for (int i = 0; i < count; ++i) {
    Item item;
    item.stem = "r" + std::to_string(i);
    item.name = "a rectangle";
    item.split = i % 2 ? Split::validation : Split::train;
    cutouts.items.push_back(item);
    cutouts.images.push_back(object);
    cutouts.streams.push_back(static_cast<std::uint64_t>(i));
  }
  cutouts.groups = {"red"};
  cutouts.subgroups = {"red"};
  cutouts.hash = "0";
  return cutouts;
}

TEST(CutoutSet, WithoutAPlacementTheObjectIsWhereItsPictureHasIt) {
  const auto dataset = make_cutout_set(rectangles(2, std::nullopt));
  EXPECT_EQ(dataset->sample(0).box, (Box{3, 1, 15, 7}));
  EXPECT_EQ(dataset->hash(), "0") << "no placement, no other set";
}

TEST(CutoutSet, TheMaskIsThatOfTheObjectWhereItStands) {
  const auto dataset = make_cutout_set(rectangles(200, ObjectPlacement{0.25, 0.75, true, 1}));
  for (std::int64_t i = 0; i < 200; ++i) {
    const Sample sample = dataset->sample(i);
    EXPECT_NE(sample.box, Box{}) << i;
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        // Red of 200 on white under alpha a: green is 255 - a.
        ASSERT_EQ(sample.image.at(x, y)[1], 255 - *sample.mask.at(x, y)) << i << ": " << x << ", " << y;
      }
  }
}

TEST(CutoutSet, SidesAndPlacesAreUniformOverWhatWasAskedFor) {
  constexpr std::int64_t count = 4000;
  const auto dataset = make_cutout_set(rectangles(count, ObjectPlacement{0.25, 0.75, true, 1}));
  // The longer side is round(16 * share), of a share uniform in [1/4, 3/4]: 4 to 12, the ends half as often.
  std::vector<int> sides(side + 1);
  // Of those with 8 x 4 pixels: the first column and row, each of 0 to 8 and of 0 to 12 as often as another.
  std::vector<int> lefts(side + 1), tops(side + 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const Box box = dataset->sample(i).box;
    const int width = box.x1 - box.x0, height = box.y1 - box.y0;
    ++sides[static_cast<std::size_t>(width)];
    EXPECT_NEAR(height, width / 2.0, 0.5) << i;
    if (width != 8) continue;
    ++lefts[static_cast<std::size_t>(box.x0)];
    ++tops[static_cast<std::size_t>(box.y0)];
  }
  const auto expect_share = [](int found, int of, double share, const char* what, int value) {
    EXPECT_NEAR(found, of * share, 5 * std::sqrt(of * share * (1 - share))) << what << " " << value;
  };
  for (int value = 0; value <= side; ++value) {
    const auto at = static_cast<std::size_t>(value);
    const double share = value < 4 || value > 12 ? 0 : value == 4 || value == 12 ? 1.0 / 16 : 1.0 / 8;
    expect_share(sides[at], count, share, "side", value);
    expect_share(lefts[at], sides[8], value <= 8 ? 1.0 / 9 : 0, "left", value);
    expect_share(tops[at], sides[8], value <= 12 ? 1.0 / 13 : 0, "top", value);
  }
}

TEST(CutoutSet, InTheMiddleWhenAskedForAndNeverEnlarged) {
  const auto dataset = make_cutout_set(rectangles(50, ObjectPlacement{0.5, 0.5, false, 1}));
  for (std::int64_t i = 0; i < 50; ++i) EXPECT_EQ(dataset->sample(i).box, (Box{4, 6, 12, 10}));
  const auto large = make_cutout_set(rectangles(50, ObjectPlacement{1.0, 1.0, false, 1}));
  EXPECT_EQ(large->sample(0).box, (Box{2, 5, 14, 11})) << "12 pixels wide, as it is, and not 16";
}

TEST(CutoutSet, TheSeedAloneSaysThePlaceAndABackgroundDoesNotMoveIt) {
  const ObjectPlacement anywhere{0.25, 0.75, true, 1};
  const auto one = make_cutout_set(rectangles(40, anywhere)), same = make_cutout_set(rectangles(40, anywhere)),
             other = make_cutout_set(rectangles(40, anywhere, 4));
  Cutouts on_texture = rectangles(40, anywhere);
  on_texture.background = Background::texture;
  const auto textured = make_cutout_set(std::move(on_texture));
  int moved = 0;
  for (std::int64_t i = 39; i >= 0; --i) {
    EXPECT_EQ(one->sample(i).image, same->sample(i).image);
    EXPECT_EQ(one->sample(i).mask, textured->sample(i).mask);
    moved += one->sample(i).mask == other->sample(i).mask ? 0 : 1;
  }
  EXPECT_GT(moved, 35);
}

TEST(CutoutSet, CopiesOfTrainingObjectsStandElsewhereAndHeldOutOnesComeOnce) {
  const auto once = make_cutout_set(rectangles(4, ObjectPlacement{0.5, 0.8, true, 1})),
             dataset = make_cutout_set(rectangles(4, ObjectPlacement{0.5, 0.8, true, 3}));
  std::vector<std::string> stems;
  std::set<std::vector<std::uint8_t>> masks;
  for (std::size_t i = 0; i < dataset->items().size(); ++i) {
    stems.push_back(dataset->items()[i].stem);
    masks.insert(dataset->sample(static_cast<std::int64_t>(i)).mask.pixels);
  }
  EXPECT_EQ(stems, (std::vector<std::string>{"r0", "r0-at2", "r0-at3", "r1", "r2", "r2-at2", "r2-at3", "r3"}));
  EXPECT_GE(masks.size(), 7u);
  EXPECT_EQ(dataset->sample(4).image, once->sample(2).image) << "the first is as without copies";
  EXPECT_EQ(indices(*dataset, Split::validation), (std::vector<std::int64_t>{3, 7}));
}

TEST(CutoutSet, AStemThatIsTakenIsNotGivenTwice) {
  Cutouts cutouts = rectangles(3, ObjectPlacement{0.5, 0.8, true, 2});
  cutouts.items[2].stem = "r0-at2";
  const auto dataset = make_cutout_set(std::move(cutouts));
  std::set<std::string> stems;
  for (const Item& item : dataset->items()) EXPECT_TRUE(stems.insert(item.stem).second) << item.stem;
  EXPECT_EQ(stems.size(), 5u);
}

TEST(CutoutSet, TheHashFollowsThePlacement) {
  std::set<std::string> hashes;
  for (const std::optional<ObjectPlacement>& placement :
       {std::optional<ObjectPlacement>(), std::optional(ObjectPlacement{0.5, 0.8, true, 1}),
        std::optional(ObjectPlacement{0.4, 0.8, true, 1}), std::optional(ObjectPlacement{0.5, 0.7, true, 1}),
        std::optional(ObjectPlacement{0.5, 0.8, false, 1}), std::optional(ObjectPlacement{0.5, 0.8, true, 2})})
    hashes.insert(make_cutout_set(rectangles(2, placement))->hash());
  EXPECT_EQ(hashes.size(), 6u);
}

}  // namespace
}  // namespace assay
