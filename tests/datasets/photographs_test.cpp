#include "datasets/photographs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "tests/datasets/fixtures.h"
#include "tests/datasets/picture_files.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int size = 8;

/// The image's red says which one it is; green grows to the right by 2 a pixel, blue downwards.
Image slope(int width, int height, std::uint8_t red) {
  Image image(width, height, 3, red);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      image.at(x, y)[1] = static_cast<std::uint8_t>(2 * x);
      image.at(x, y)[2] = static_cast<std::uint8_t>(2 * y);
    }
  return image;
}

class FewPhotographs : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& bytes) { test::write_below(folder_.path(), path, bytes); }
  std::string setting() const { return "photographs:" + folder_.path().string(); }
  Photographs open() const { return {setting(), size, "stamps.background"}; }
  test::TemporaryFolder folder_;
};

TEST_F(FewPhotographs, EachIsBehindTrainingOrHeldOutObjectsNeverBoth) {
  for (int i = 0; i < 11; ++i)
    write("p" + std::to_string(i) + ".png", encode_png(slope(20, 12, static_cast<std::uint8_t>(i))));
  const Photographs photographs = open();
  EXPECT_EQ(photographs.count(Split::train), 8);
  EXPECT_EQ(photographs.count(Split::validation), 3) << "a fifth, rounded up";
  std::set<int> train, held_out, both;
  for (std::uint64_t i = 0; i < 300; ++i) {
    RandomStream one(1, Purpose::dataset, i), other(1, Purpose::dataset, i);
    train.insert(photographs.crop(Split::train, one).at(0, 0)[0]);
    held_out.insert(photographs.crop(Split::validation, other).at(0, 0)[0]);
  }
  EXPECT_EQ(train.size(), 8u);
  EXPECT_EQ(held_out.size(), 3u);
  both = train;
  both.insert(held_out.begin(), held_out.end());
  EXPECT_EQ(both.size(), 11u);
}

TEST_F(FewPhotographs, ACropIsASquareOfOnePhotographOfAnySideAndPlace) {
  for (int i = 0; i < 2; ++i)
    write(std::to_string(i) + ".png", encode_png(slope(60, 32, static_cast<std::uint8_t>(i))));
  const Photographs photographs = open();
  int largest = 0, smallest = 256, right = 0, mirrored = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    RandomStream random(1, Purpose::dataset, i);
    const Image crop = photographs.crop(Split::train, random);
    ASSERT_EQ(crop.width, size);
    ASSERT_EQ(crop.height, size);
    // Across 7 of 8 pixels the slopes rise by 7/8 of twice the side, 8 to 32, as much to the right as downwards.
    const int rise = crop.at(0, 7)[2] - crop.at(0, 0)[2], run = crop.at(7, 0)[1] - crop.at(0, 0)[1];
    EXPECT_NEAR(std::abs(run), rise, 1);
    largest = std::max(largest, rise);
    smallest = std::min(smallest, rise);
    right = std::max(right, static_cast<int>(std::max(crop.at(0, 0)[1], crop.at(7, 0)[1])));
    mirrored += run < 0 ? 1 : 0;
  }
  EXPECT_NEAR(smallest, 14, 1);
  EXPECT_NEAR(largest, 56, 1);
  EXPECT_GE(right, 114) << "the last columns too: 118 at most";
  EXPECT_NEAR(mirrored, 1000, 5 * std::sqrt(500.0));
}

TEST_F(FewPhotographs, LargeOnesAreKeptSmall) {
  // 64 x 32 of 128 x 64: each kept pixel is the mean of 2 x 2.
  for (int i = 0; i < 2; ++i)
    write(std::to_string(i) + ".png", encode_png(slope(128, 64, static_cast<std::uint8_t>(i))));
  const Photographs photographs = open();
  int largest = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    RandomStream random(1, Purpose::dataset, i);
    const Image crop = photographs.crop(Split::train, random);
    largest = std::max(largest, crop.at(0, 7)[2] - crop.at(0, 0)[2]);
  }
  EXPECT_NEAR(largest, 112, 1) << "the whole height: 7/8 of 128";
}

TEST_F(FewPhotographs, WhatCannotBeUsedIsAProblemAndTooFewAreRefused) {
  write("a.png", encode_png(slope(20, 20, 1)));
  write("small.png", encode_png(slope(20, 7, 2)));
  write("cut.png", encode_png(slope(20, 20, 3)).substr(0, 50));
  write("twice.png", encode_png(slope(20, 20, 1)));
  write("notes.txt", "x");
  EXPECT_THAT(input_error([&] { open(); }),
              AllOf(HasSubstr("stamps.background: "), HasSubstr("1 of its 4 images"), HasSubstr("at least 2")));
  write("b.png", encode_png(slope(20, 20, 4)));
  const Photographs photographs = open();
  EXPECT_EQ(photographs.count(Split::train), 1);
  EXPECT_EQ(photographs.count(Split::validation), 1);
  ASSERT_EQ(photographs.problems().size(), 3u);
  EXPECT_EQ(photographs.problems()[0].item, "background cut.png");
  EXPECT_THAT(photographs.problems()[1].what, HasSubstr("20 x 7 pixels"));
  EXPECT_THAT(photographs.problems()[2].what, HasSubstr("bytes of another"));
}

TEST_F(FewPhotographs, SetsOfCutOutsStandOnThem) {
  for (int i = 0; i < 12; ++i)
    write("p" + std::to_string(i) + ".png", encode_png(slope(20, 12, static_cast<std::uint8_t>(i))));
  for (const char* name : {"ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "jay", "koi", "owl", "toad"})
    write(std::string("tree/animals/") + name + ".png",
          encode_png(test::object_image(16, 16, 4, static_cast<std::uint8_t>(100 + name[0]))));
  DatasetSpec spec;
  spec.name = "stamps";
  spec.size = size;
  spec.folder = (folder_.path() / "tree").string();
  spec.background = setting();
  const auto dataset = open_dataset(spec);
  std::set<int> behind[2];
  for (std::size_t i = 0; i < dataset->items().size(); ++i) {
    const Sample sample = dataset->sample(static_cast<std::int64_t>(i));
    EXPECT_EQ(*sample.mask.at(0, 0), 0);
    behind[dataset->items()[i].split == Split::train ? 0 : 1].insert(sample.image.at(0, 0)[0]);
  }
  for (const int photograph : behind[1]) EXPECT_FALSE(behind[0].contains(photograph)) << photograph;
  EXPECT_GT(behind[0].size() + behind[1].size(), 4u);
  EXPECT_EQ(open_dataset(spec)->hash(), dataset->hash());
  write("p3.png", encode_png(slope(20, 13, 3)));
  EXPECT_NE(open_dataset(spec)->hash(), dataset->hash()) << "another photograph, another set";
  write("bad.png", "x");
  EXPECT_EQ(open_dataset(spec)->problems().size(), 1u);
}

TEST(PhotographsSetting, IsForSetsOfCutOutsAndNamesThePackage) {
  const auto read = [](const char* json) { return read_dataset_spec(nlohmann::json::parse(json), "dataset"); };
  EXPECT_EQ(read(R"({"name": "emoji", "background": "photographs:/a:b"})").background, "photographs:/a:b");
  EXPECT_THAT(input_error([&] { read(R"({"name": "shapes", "background": "photographs"})"); }),
              AllOf(HasSubstr("dataset.background"), HasSubstr("white, solid, texture")));
  EXPECT_THAT(input_error([&] { read(R"({"name": "emoji", "background": "photos"})"); }),
              HasSubstr("photographs, photographs:FOLDER"));
  EXPECT_THAT(input_error([] { Photographs("photographs:/no/such", 8, "emoji.background"); }),
              HasSubstr("emoji.background: /no/such: no such folder"));
  EXPECT_EQ(photographs_missing("photographs:/no/such"), "");
  EXPECT_EQ(photographs_missing("texture"), "");
  if (!photographs_missing("photographs").empty()) {
    EXPECT_THAT(photographs_missing("photographs"), HasSubstr("mate-backgrounds"));
    EXPECT_THAT(input_error([] { Photographs("photographs", 8, "emoji.background"); }),
                AllOf(HasSubstr("mate-backgrounds"), HasSubstr("photographs:FOLDER")));
  }
}

}  // namespace
}  // namespace assay
