#include "reproductions/diffusion_seg/algorithm/pair_files.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "images/image_file.h"
#include "images/png.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// [3, 4, 6] and [4, 6], other ones for each number.
at::Tensor picture(std::int64_t number) {
  return (normal({3, 4, 6}, static_cast<std::uint64_t>(number)).abs() * 60).clamp(0, 255).to(at::kByte);
}
at::Tensor mask(std::int64_t number, std::uint64_t kind) {
  return (normal({4, 6}, 100 * kind + static_cast<std::uint64_t>(number)) > 0).to(at::kByte) * 255;
}

Pair pair_of(std::int64_t number) {
  return {.facts = {.number = number,
                    .seed = 0xFFFF'FFFF'FFFF'FFF0u + static_cast<std::uint64_t>(number),
                    .prompt = "a photo of a \"red\" circle",
                    .word = "circle",
                    .energies = {{"cut", -1.0 / 3.0}, {"threshold", 1e-30}},
                    .area = 0.1 * static_cast<double>(number),
                    .rejected = number == 0 ? "area below 0.02" : ""},
          .image = picture(number),
          .masks = {{"cut", mask(number, 1)}, {"exact", mask(number, 2)}}};
}

const nlohmann::json recipe = {{"network", "hash"}, {"seed", 3}, {"lambda", 0.1}};

class PairFiles : public ::testing::Test {
 protected:
  /// A finished set of three pairs.
  void make_set() const {
    const PairWriter writer(set, recipe);
    for (std::int64_t number = 0; number < 3; ++number) writer.write(pair_of(number));
    writer.finish(3);
  }
  void overwrite(const std::string& name, const std::string& content) const {
    std::ofstream(set / name, std::ios::binary) << content;
  }

  TemporaryFolder folder;
  std::filesystem::path set = folder / "pairs";
};

TEST_F(PairFiles, AreReadBackAsTheyWereWritten) {
  make_set();
  const PairSet read(set);
  ASSERT_EQ(read.count(), 3);
  EXPECT_EQ(read.made_by(), recipe);
  EXPECT_EQ(read.height(), 4);
  EXPECT_EQ(read.width(), 6);
  EXPECT_THAT(read.mask_names(), ElementsAre("cut", "exact"));
  EXPECT_THAT(read.kept(), ElementsAre(1, 2));
  for (std::int64_t number = 0; number < 3; ++number)
    EXPECT_EQ(read.facts()[static_cast<std::size_t>(number)], pair_of(number).facts) << number;
  const at::Tensor images = read.images({2, 0, 2});
  EXPECT_EQ(images.sizes(), (at::IntArrayRef{3, 3, 4, 6}));
  EXPECT_TRUE(same_bits(images[0], picture(2)));
  EXPECT_TRUE(same_bits(images[1], picture(0)));
  EXPECT_TRUE(same_bits(images[2], picture(2)));
  EXPECT_TRUE(same_bits(read.masks("cut", {1})[0], mask(1, 1)));
  EXPECT_TRUE(same_bits(read.masks("exact", {1})[0], mask(1, 2)));
}

TEST_F(PairFiles, OfAKilledRunAreMadeAgainOnlyWhereTheyAreNotComplete) {
  {
    const PairWriter writer(set, recipe);
    for (std::int64_t number = 0; number < 4; ++number) writer.write(pair_of(number));
  }
  // Pair 1 has no facts yet, 2 a damaged mask, 3 facts of which a part is missing; 4 was never begun.
  std::filesystem::remove(set / "pairs/000001.json");
  overwrite("masks/exact/000002.png", read_file(set / "masks/cut/000002.png"));
  overwrite("pairs/000003.json", read_file(set / "pairs/000003.json").substr(0, 40));
  const PairWriter again(set, recipe);
  EXPECT_TRUE(again.has(0));
  for (const std::int64_t number : {1, 2, 3, 4}) EXPECT_FALSE(again.has(number)) << number;
  EXPECT_THAT(message_of<InputError>([&] { again.finish(5); }), HasSubstr("pair 1 is not complete"));
  for (const std::int64_t number : {1, 2, 3, 4}) again.write(pair_of(number));
  for (std::int64_t number = 0; number < 5; ++number) EXPECT_TRUE(again.has(number)) << number;
  again.finish(5);
  EXPECT_EQ(PairSet(set).count(), 5);
}

TEST_F(PairFiles, AreTheSameBytesInWhateverOrderTheyAreWritten) {
  make_set();
  const std::string index = read_file(set / "index.json"), image = read_file(set / "images/000001.png");
  const std::filesystem::path other = folder / "other";
  const PairWriter writer(other, recipe);
  for (const std::int64_t number : {2, 0, 1}) writer.write(pair_of(number));
  writer.finish(3);
  EXPECT_TRUE(read_file(other / "index.json") == index);
  EXPECT_TRUE(read_file(other / "images/000001.png") == image);
}

TEST_F(PairFiles, OfAnotherRecipeAreNotGoneOnWith) {
  make_set();
  nlohmann::json other = recipe;
  other["lambda"] = 0.2;
  EXPECT_THAT(message_of<InputError>([&] { PairWriter(set, other); }), HasSubstr("made in another way"));
  std::filesystem::create_directory(folder / "full");
  std::ofstream(folder / "full/notes.txt") << "mine";
  EXPECT_THAT(message_of<InputError>([&] { PairWriter(folder / "full", recipe); }),
              HasSubstr("holds no set of pairs, and something else"));
  // What a kill leaves of the very first file is no reason to stop.
  std::filesystem::create_directory(folder / "begun");
  std::ofstream(folder / "begun/set.json.1.0.part") << "{";
  PairWriter(folder / "begun", recipe).write(pair_of(0));
}

TEST_F(PairFiles, AreUnfinishedAgainWhenOneIsWritten) {
  make_set();
  const PairWriter writer(set, recipe);
  writer.write(pair_of(3));
  EXPECT_THAT(message_of<InputError>([&] { PairSet{set}; }), HasSubstr("unfinished"));
  writer.finish(4);
  EXPECT_EQ(PairSet(set).count(), 4);
}

TEST_F(PairFiles, OfOneSetHaveOneSizeAndTheSameMasks) {
  const PairWriter writer(set, recipe);
  writer.write(pair_of(0));
  Pair second = pair_of(1);
  second.masks.erase("exact");
  writer.write(second);
  EXPECT_THAT(message_of<InputError>([&] { writer.finish(2); }),
              HasSubstr("pair 1 has 6 x 4 pixels and masks cut; the first has 6 x 4 and cut, exact"));
  EXPECT_THAT(message_of<InputError>([&] { writer.finish(0); }), HasSubstr("no pair to finish"));
}

TEST_F(PairFiles, SayWhatIsWrongWithThem) {
  EXPECT_THAT(message_of<InputError>([&] { PairSet{set}; }), HasSubstr("holds no set of pairs; expected a folder"));
  make_set();
  const PairSet read(set);
  EXPECT_THAT(message_of<InputError>([&] { read.images({3}); }), HasSubstr("pair 3 is not there; accepted: 0 to 2"));
  EXPECT_THAT(message_of<InputError>([&] { read.masks("exatc", {0}); }), HasSubstr("exact"));
  std::filesystem::remove(set / "images/000000.png");
  EXPECT_THAT(message_of<InputError>([&] { read.images({0}); }), HasSubstr("000000.png"));
  write_png(set / "images/000001.png", Image(5, 4, 3));
  EXPECT_THAT(message_of<InputError>([&] { read.images({1}); }),
              HasSubstr("000001.png: 5 x 4 pixels of 3 channels; expected 6 x 4 of 3 channels"));
  overwrite("masks/cut/000001.png", read_file(set / "masks/cut/000001.png").substr(0, 50));
  EXPECT_THAT(message_of<InputError>([&] { read.masks("cut", {1}); }), HasSubstr("000001.png"));
  auto index = nlohmann::json::parse(read_file(set / "index.json"));
  index["pairs"][1].erase("area");
  overwrite("index.json", index.dump());
  EXPECT_THAT(message_of<InputError>([&] { PairSet{set}; }), HasSubstr("index.json: no index of pairs"));
  index["pairs"].erase(1);
  overwrite("index.json", index.dump());
  EXPECT_THAT(message_of<InputError>([&] { PairSet{set}; }), HasSubstr("pair 2 stands at place 1"));
  overwrite("index.json", "{");
  EXPECT_THAT(message_of<InputError>([&] { PairSet{set}; }), HasSubstr("index.json: not valid JSON"));
  overwrite("set.json", "[1]");
  EXPECT_THAT(message_of<InputError>([&] { PairSet{set}; }), HasSubstr("expected a set of pairs of format"));
}

TEST_F(PairFiles, TakeNoPairThatCouldNotBeRead) {
  const PairWriter writer(set, recipe);
  const auto refused = [&](const std::function<void(Pair&)>& spoil) {
    Pair pair = pair_of(1);
    spoil(pair);
    EXPECT_THROW(writer.write(pair), Error);
    EXPECT_FALSE(writer.has(1));
  };
  refused([](Pair& pair) { pair.facts.area = 1.5; });
  refused([](Pair& pair) { pair.facts.energies["cut"] = std::numeric_limits<double>::quiet_NaN(); });
  refused([](Pair& pair) { pair.masks.clear(); });
  refused([](Pair& pair) { pair.masks["../cut"] = mask(1, 1); });
  refused([](Pair& pair) { pair.masks["cut"] = at::zeros({4, 5}, at::kByte); });
  refused([](Pair& pair) { pair.image = pair.image.to(at::kFloat); });
}

TEST(Outlined, DrawsTheObjectsPixelsThatTouchOthers) {
  const at::Tensor images = at::full({1, 3, 5, 6}, 10, at::kByte);
  at::Tensor masks = at::zeros({1, 5, 6}, at::kByte);
  masks[0].slice(0, 1, 5).slice(1, 0, 4).fill_(255);  // rows 1 to 4, columns 0 to 3: at the left and lower border
  const at::Tensor out = outlined(images, masks);
  const std::vector<std::string> expected = {"......", "####..", "...#..", "...#..", "...#.."};
  for (std::int64_t y = 0; y < 5; ++y)
    for (std::int64_t x = 0; x < 6; ++x) {
      const bool line = expected[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] == '#';
      EXPECT_EQ(out[0][0][y][x].item<int>(), line ? 255 : 10) << y << " " << x;
      EXPECT_EQ(out[0][1][y][x].item<int>(), line ? 0 : 10) << y << " " << x;
      EXPECT_EQ(out[0][2][y][x].item<int>(), line ? 255 : 10) << y << " " << x;
    }
  EXPECT_THAT(message_of<InputError>([&] { outlined(images, masks.narrow(1, 0, 4)); }),
              HasSubstr("images [1, 3, 5, 6] and masks [1, 4, 6]"));
}

TEST(PairSheet, HasEachImageBesideItsOutline) {
  const TemporaryFolder folder;
  const at::Tensor images = at::full({3, 3, 4, 4}, 10, at::kByte);
  at::Tensor masks = at::zeros({3, 4, 4}, at::kByte);
  masks[2].fill_(255);
  masks[2][0][0] = 0;
  write_pair_sheet(images, masks, 2, folder / "sheet.png");
  const Image sheet = read_image_file(folder / "sheet.png");
  // Two pairs a row are four tiles of 4 pixels and three gaps of 2; two rows and a gap.
  EXPECT_EQ(sheet.width, 22);
  EXPECT_EQ(sheet.height, 10);
  const auto colour = [&](int x, int y) { return std::vector<int>(sheet.at(x, y), sheet.at(x, y) + 3); };
  EXPECT_THAT(colour(1, 6), ElementsAre(10, 10, 10));      // the third image as it is
  EXPECT_THAT(colour(7, 6), ElementsAre(255, 0, 255));     // and with its outline, right of the pixel that is out
  EXPECT_THAT(colour(8, 8), ElementsAre(10, 10, 10));      // inside
  EXPECT_THAT(colour(13, 7), ElementsAre(255, 255, 255));  // there is no fourth
  EXPECT_THAT(message_of<InputError>([&] { write_pair_sheet(images, masks, 0, folder / "none.png"); }),
              HasSubstr("3 images in 0 columns"));
}

}  // namespace
}  // namespace assay::diffusion_seg
