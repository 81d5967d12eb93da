#include "images/run_lengths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "tests/datasets/fixtures.h"
#include "tests/images/coco_cases.h"

namespace assay {
namespace {

using nlohmann::json;
using test::input_error;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunLengths of_text(const json& text, const json& size) {
  return run_lengths_from_text(text.get<std::string>(), size["width"], size["height"], "case");
}

/// Foreground row by row, 8 pixels a byte, in hexadecimal.
std::string bits_of(const Image& mask) {
  std::string bits;
  int nibble = 0, filled = 0;
  const std::size_t padded = (mask.pixels.size() + 7) / 8 * 8;
  for (std::size_t i = 0; i < padded; ++i) {
    nibble = nibble * 2 + (i < mask.pixels.size() && mask.pixels[i] != 0 ? 1 : 0);
    if (++filled < 4) continue;
    bits += "0123456789abcdef"[nibble];
    nibble = filled = 0;
  }
  return bits;
}

TEST(RunLengths, AreAsPycocotools) {
  const json cases = test::coco_cases();
  ASSERT_GE(cases.size(), 100u);
  for (const json& both : cases)
    for (const json& shape : both["shapes"]) {
      const RunLengths mask = of_text(shape["text"], shape);
      ASSERT_EQ(json(mask.counts), shape["counts"]);
      ASSERT_EQ(text_of(mask), shape["text"]);
      ASSERT_EQ(bits_of(image_of(mask, 7)), shape["bits"]) << shape;
      ASSERT_EQ(area_of(mask), shape["area"]);
      if (shape.contains("runs")) {
        ASSERT_EQ(run_lengths_from(shape["runs"].get<std::vector<std::int64_t>>(), mask.width, mask.height, ""), mask);
      } else {
        ASSERT_EQ(run_lengths_of(image_of(mask)), mask);
      }
      if (!shape.contains("box")) continue;
      const Box box = box_of(mask);
      ASSERT_EQ(json({box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0}), shape["box"]) << shape;
    }
}

TEST(RunLengths, AreMergedAndComparedAsPycocotools) {
  std::int64_t pairs = 0;
  for (const json& both : test::coco_cases()) {
    const json& expected = both["pair"];
    if (expected.is_null()) continue;
    ++pairs;
    const json& size = both["shapes"][0];
    const std::array<RunLengths, 2> masks = {of_text(size["text"], size), of_text(both["shapes"][1]["text"], size)};
    ASSERT_EQ(text_of(merged(masks, MaskMerge::any)), expected["any"]) << both;
    ASSERT_EQ(text_of(merged(masks, MaskMerge::all)), expected["all"]) << both;
    ASSERT_EQ(overlap(masks[0], masks[1]), expected["iou"].get<double>()) << both;
    ASSERT_EQ(overlap(masks[0], masks[1], true), expected["crowd"].get<double>()) << both;
  }
  EXPECT_GE(pairs, 50);
}

struct Random {
  Image image;
  RunLengths runs;  // of the image, with empty runs put in
};

Random random_mask(RandomStream& random, int width, int height) {
  Random out{Image(width, height, 1), {}};
  const double density = random.uniform();
  for (auto& pixel : out.image.pixels) pixel = random.uniform() < density ? 200 : 0;
  out.runs = run_lengths_of(out.image);
  for (std::uint64_t i = random.below(4); i > 0; --i) {
    const auto at = static_cast<std::ptrdiff_t>(random.below(out.runs.counts.size() + 1));
    out.runs.counts.insert(out.runs.counts.begin() + at, {0, 0});
  }
  return out;
}

TEST(RunLengths, SayOfRandomMasksWhatPixelsSay) {
  RandomStream random(5, Purpose::dataset, 0);
  for (int round = 0; round < 300; ++round) {
    const int width = 1 + static_cast<int>(random.below(9)), height = 1 + static_cast<int>(random.below(9));
    const Random a = random_mask(random, width, height), b = random_mask(random, width, height);
    ASSERT_EQ(image_of(a.runs, 200), a.image);
    ASSERT_EQ(run_lengths_from_text(text_of(a.runs), width, height, ""), a.runs);
    Image any(width, height, 1), all(width, height, 1);
    std::int64_t area = 0, other_area = 0, common = 0;
    Box box{width, height, 0, 0};
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const bool in_a = *a.image.at(x, y) != 0, in_b = *b.image.at(x, y) != 0;
        *any.at(x, y) = in_a || in_b ? 255 : 0;
        *all.at(x, y) = in_a && in_b ? 255 : 0;
        area += in_a;
        other_area += in_b;
        common += in_a && in_b;
        if (in_a) box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x + 1), std::max(box.y1, y + 1)};
      }
    ASSERT_EQ(area_of(a.runs), area);
    ASSERT_EQ(box_of(a.runs), area == 0 ? Box{} : box);
    const std::array<RunLengths, 2> both = {a.runs, b.runs};
    ASSERT_EQ(image_of(merged(both, MaskMerge::any)), any);
    ASSERT_EQ(image_of(merged(both, MaskMerge::all)), all);
    const double whole = static_cast<double>(area + other_area - common);
    ASSERT_EQ(overlap(a.runs, b.runs), common == 0 ? 0.0 : static_cast<double>(common) / whole);
    ASSERT_EQ(overlap(a.runs, b.runs, true),
              common == 0 ? 0.0 : static_cast<double>(common) / static_cast<double>(area));
  }
}

TEST(RunLengths, GoDownColumns) {
  Image mask(3, 2, 1);
  *mask.at(1, 0) = 1;
  *mask.at(1, 1) = 1;
  *mask.at(2, 0) = 1;
  EXPECT_THAT(run_lengths_of(mask).counts, ElementsAre(2, 3, 1));
  *mask.at(0, 0) = 1;
  EXPECT_THAT(run_lengths_of(mask).counts, ElementsAre(0, 1, 1, 3, 1));
}

TEST(RunLengths, ThatAreDamagedAreRefused) {
  const auto refusal = [](const std::vector<std::int64_t>& counts) {
    return input_error([&] { run_lengths_from(counts, 3, 2, "a.json: annotation 7"); });
  };
  EXPECT_EQ(refusal({2, 3}), "a.json: annotation 7: its runs have 5 pixels, and 3 x 2 are 6");
  EXPECT_EQ(refusal({}), "a.json: annotation 7: its runs have 0 pixels, and 3 x 2 are 6");
  EXPECT_THAT(refusal({2, 3, 2}), HasSubstr("more pixels than 3 x 2; the first too many is run 2"));
  EXPECT_THAT(refusal({INT64_MAX, INT64_MAX}), HasSubstr("the first too many is run 0"));
  EXPECT_EQ(refusal({7, -1}).substr(0, 60), refusal({7}).substr(0, 60));
  EXPECT_EQ(refusal({2, -1, 5}), "a.json: annotation 7: run 1 is -1 pixels long");
  EXPECT_THAT(input_error([] { run_lengths_from({}, 0, 2, "m"); }), HasSubstr("m: a mask of 0 x 2"));
  EXPECT_THAT(input_error([] { run_lengths_from({}, 1 << 17, 1 << 17, "m"); }), HasSubstr("2^32"));
}

TEST(RunLengths, WhoseTextIsDamagedAreRefused) {
  const auto refusal = [](const std::string& text) {
    return input_error([&] { run_lengths_from_text(text, 3, 2, "m"); });
  };
  EXPECT_EQ(refusal("2!3"), "m: character 1 of its runs is none of COCO's ('0' to 'o')");
  EXPECT_THAT(refusal("2\xFF"), HasSubstr("character 1"));
  EXPECT_EQ(refusal("23P"), "m: run 2 of its text does not end");
  EXPECT_EQ(refusal("ooooooooo"), "m: run 0 of its text does not end");
  EXPECT_EQ(refusal("2O"), "m: run 1 is -1 pixels long");
  EXPECT_EQ(refusal("23"), "m: its runs have 5 pixels, and 3 x 2 are 6");
}

TEST(RunLengths, OfOtherSizesAreNotJoined) {
  const std::array<RunLengths, 2> masks = {RunLengths{2, 3, {6}}, RunLengths{3, 2, {6}}};
  EXPECT_THROW(merged(masks, MaskMerge::any), Error);
  EXPECT_THROW(overlap(masks[0], masks[1]), Error);
  EXPECT_THROW(merged({}, MaskMerge::any), Error);
  const std::array<RunLengths, 2> too_short = {RunLengths{2, 3, {5}}, RunLengths{2, 3, {6}}};
  EXPECT_THROW(merged(too_short, MaskMerge::any), Error);
  EXPECT_THROW(overlap(too_short[1], too_short[0]), Error);
  EXPECT_THROW(image_of(RunLengths{2, 3, {1, 9}}), Error);
}

}  // namespace
}  // namespace assay
