#include "datasets/emoji.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "core/file.h"
#include "datasets/background.h"
#include "datasets/colour_font.h"
#include "datasets/emoji_list.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string few_font = std::string(ASSAY_TEST_DATA) + "/fonts/few.ttf";
const std::string outline_font = std::string(ASSAY_TEST_DATA) + "/fonts/outline.ttf";

DatasetSpec spec_of(int size = 16, const std::string& background = "") {
  DatasetSpec spec;
  spec.name = "emoji";
  spec.size = size;
  spec.background = background;
  return spec;
}

/// The installed set, opened once.
class InstalledEmoji : public ::testing::Test {
 protected:
  static const Dataset* installed() {
    static const std::unique_ptr<Dataset> dataset = emoji_missing().empty() ? open_dataset(spec_of()) : nullptr;
    return dataset.get();
  }
  void SetUp() override {
    if (!installed()) GTEST_SKIP() << "missing: " << emoji_missing();
  }
  static const Item* find(const std::string& name) {
    for (const Item& item : installed()->items())
      if (item.name == name) return &item;
    return nullptr;
  }
};

TEST_F(InstalledEmoji, EveryEntryIsAnItemOrAProblem) {
  const EmojiList list = parse_emoji_list(read_file(emoji_list_places().front()), "list");
  EXPECT_EQ(installed()->items().size() + installed()->problems().size(), list.entries.size());
}

TEST_F(InstalledEmoji, HasTheCountsOfUnicode15) {
  if (!installed()->problems().empty())
    GTEST_SKIP() << "the font lacks " << installed()->problems().size() << " entries, as "
                 << installed()->problems().front().item;
  const std::string list = read_file(emoji_list_places().front());
  if (list.find("# Version: 15.0") == std::string::npos) GTEST_SKIP() << "the list is not of Unicode 15.0";

  // grep -c '; fully-qualified' emoji-test.txt; per group and subgroup with awk on the same lines.
  std::map<std::string, int> groups, subgroups;
  for (const Item& item : installed()->items()) {
    ++groups[installed()->groups()[static_cast<std::size_t>(item.group)]];
    ++subgroups[installed()->subgroups()[static_cast<std::size_t>(item.subgroup)]];
  }
  EXPECT_EQ(installed()->items().size(), 3655u);
  EXPECT_EQ(groups, (std::map<std::string, int>{{"Smileys & Emotion", 166},
                                                {"People & Body", 2148},
                                                {"Animals & Nature", 152},
                                                {"Food & Drink", 133},
                                                {"Travel & Places", 218},
                                                {"Activities", 85},
                                                {"Objects", 261},
                                                {"Symbols", 223},
                                                {"Flags", 269}}));
  EXPECT_EQ(installed()->groups().size(), 9u);
  EXPECT_EQ(installed()->subgroups().size(), 99u);
  EXPECT_EQ(subgroups.size(), 99u);
  const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  EXPECT_EQ(std::max_element(subgroups.begin(), subgroups.end(), less)->second, 492);
  EXPECT_EQ(std::min_element(subgroups.begin(), subgroups.end(), less)->second, 1);
}

TEST_F(InstalledEmoji, NoVariantIsOnTheOtherSideOfTheSplit) {
  std::map<std::string, Split> side;
  std::map<std::string, const Item*> by_stem;
  for (const Item& item : installed()->items()) by_stem[item.stem] = &item;
  for (const EmojiEntry& entry : parse_emoji_list(read_file(emoji_list_places().front()), "list").entries) {
    const Item* item = by_stem[hex_name(entry.code_points)];
    if (!item) continue;
    const auto [it, is_new] = side.emplace(emoji_split_key(entry.code_points), item->split);
    EXPECT_EQ(it->second, item->split) << item->name;
  }
  for (const auto& [one, other] : {std::pair{"cook", "man cook: medium skin tone"},
                                   {"cook", "woman cook"},
                                   {"person running", "woman running"},
                                   {"prince", "princess: dark skin tone"},
                                   {"couple with heart", "couple with heart: woman, man"}}) {
    ASSERT_TRUE(find(one) && find(other)) << one << ", " << other;
    EXPECT_EQ(find(one)->split, find(other)->split) << one << ", " << other;
  }
}

TEST_F(InstalledEmoji, AboutFourFifthsAreForTraining) {
  const auto train = static_cast<double>(indices(*installed(), Split::train).size());
  const auto all = static_cast<double>(installed()->items().size());
  EXPECT_GT(train / all, 0.75);
  EXPECT_LT(train / all, 0.85);
  std::map<int, int> validation;
  for (const std::int64_t i : indices(*installed(), Split::validation))
    ++validation[installed()->items()[static_cast<std::size_t>(i)].group];
  EXPECT_EQ(validation.size(), installed()->groups().size());
}

TEST_F(InstalledEmoji, WhiteShowsWhereTheMaskIsEmptyAndBoxesHoldTheMask) {
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(installed()->items().size()); i += 17) {
    const Sample sample = installed()->sample(i);
    ASSERT_EQ(sample.image.width, 16);
    ASSERT_EQ(sample.image.channels, 3);
    ASSERT_EQ(sample.mask.channels, 1);
    for (int y = 0; y < 16; ++y)
      for (int x = 0; x < 16; ++x) {
        if (*sample.mask.at(x, y) == 0) {
          ASSERT_EQ(sample.image.at(x, y)[0] & sample.image.at(x, y)[1] & sample.image.at(x, y)[2], 255);
        }
        if (*sample.mask.at(x, y) >= 128) {
          ASSERT_TRUE(x >= sample.box.x0 && x < sample.box.x1 && y >= sample.box.y0 && y < sample.box.y1);
        }
      }
    EXPECT_LT(sample.box.x0, sample.box.x1);
  }
}

TEST_F(InstalledEmoji, FillsTheSquare) {
  // The grinning face is a disc that nearly fills its strike.
  const std::size_t index = static_cast<std::size_t>(find("grinning face") - installed()->items().data());
  const Box box = installed()->sample(static_cast<std::int64_t>(index)).box;
  EXPECT_LE(box.x0, 1);
  EXPECT_LE(box.y0, 1);
  EXPECT_GE(box.x1, 15);
  EXPECT_GE(box.y1, 15);
}

TEST_F(InstalledEmoji, GivesTheSameBytesFromManyThreads) {
  const auto dataset = open_dataset(spec_of(16, "texture"));
  std::vector<Sample> alone;
  for (int i = 0; i < 64; ++i) alone.push_back(dataset->sample(i));
  std::vector<int> differ(4, 0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < differ.size(); ++t)
      threads.emplace_back([&, t] {
        for (int i = 63; i >= 0; --i) {
          const Sample sample = dataset->sample(i);
          const Sample& expected = alone[static_cast<std::size_t>(i)];
          differ[t] += sample.image != expected.image || sample.mask != expected.mask || sample.box != expected.box;
        }
      });
  }
  EXPECT_EQ(differ, (std::vector<int>(4, 0)));
}

TEST_F(InstalledEmoji, AStandInIsMissing) {
  const std::string place = emoji_font_places().front();
  if (!std::filesystem::exists(place)) GTEST_SKIP() << "no " << place;
  const ColourFont font(std::make_shared<const FontFile>(FontFile{place, read_file(place)}));
  EXPECT_NE(font.shape({0x1F3F4, 0xE0067, 0xE0062, 0xE0065, 0xE006E, 0xE0067, 0xE007F}).glyph, 0u);  // England
  EXPECT_EQ(font.shape({0x1F3F4, 0xE007A, 0xE007A, 0xE007A, 0xE007F}).glyph, 0u);                    // nowhere
  EXPECT_EQ(font.shape({0x1F3F4, 0xE0067, 0xE0062}).glyph, 0u);  // cut short, shown as the black flag
  EXPECT_EQ(font.shape({0x1F1FD, 0x1F1FE}).glyph, 0u);           // XY: no region
  EXPECT_EQ(font.shape({0x1F600, 0x200D, 0x1F601}).glyph, 0u);   // two faces
  EXPECT_EQ(font.shape({U'a'}).glyph, 0u);
  EXPECT_EQ(font.shape({0x2764}).glyph, font.shape({0x2764, 0xFE0F}).glyph);
}

/// A list for the font tests/data/fonts/few.ttf, which has four glyphs, two of them of no use.
class FewEmoji : public ::testing::Test {
 protected:
  FewEmoji() {
    spec_ = spec_of(8);
    spec_.font = few_font;
    spec_.emoji_list = list({"1F600", "1F3F4", "1F680", "1F431", "1F601", "1F3F4 200D 1F600"});
  }
  std::string list(const std::vector<std::string>& entries) {
    std::string text = "# group: G\n# subgroup: s\n";
    for (const std::string& entry : entries) text += entry + " ; fully-qualified # x E1.0 name of " + entry + "\n";
    const auto file = folder_ / ("list" + std::to_string(++lists_) + ".txt");
    write_file_atomically(file, text);
    return file.string();
  }
  test::TemporaryFolder folder_;
  DatasetSpec spec_;
  int lists_ = 0;
};

TEST_F(FewEmoji, ListsEveryEntryLeftOutWithItsReason) {
  const auto dataset = open_dataset(spec_);

  ASSERT_EQ(dataset->items().size(), 2u);
  EXPECT_EQ(dataset->items()[0].stem, "1f600");
  EXPECT_EQ(dataset->items()[1].stem, "1f3f4");
  ASSERT_EQ(dataset->problems().size(), 4u);
  const std::vector<Problem>& problems = dataset->problems();
  EXPECT_EQ(problems[0].item, "1f680 (name of 1F680)");
  EXPECT_THAT(problems[0].what, HasSubstr("cannot be read"));
  EXPECT_THAT(problems[1].what, HasSubstr("fully transparent"));
  EXPECT_THAT(problems[2].what, HasSubstr("no glyph for U+1F601"));
  EXPECT_THAT(problems[3].what, HasSubstr("no glyph for U+200D"));
}

TEST_F(FewEmoji, ShowsTheStrikeCentredInItsSquare) {
  const auto dataset = open_dataset(spec_);

  // The strike is 20 x 16 with an 8 x 8 red square in its middle; the square of side 16 around it, halved to 8.
  const Sample sample = dataset->sample(0);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) {
      const bool inside = x >= 2 && x < 6 && y >= 2 && y < 6;
      ASSERT_EQ(*sample.mask.at(x, y), inside ? 255 : 0) << x << ", " << y;
      ASSERT_EQ(sample.image.at(x, y)[0], 255);
      ASSERT_EQ(sample.image.at(x, y)[1], inside ? 0 : 255);
    }
  EXPECT_EQ(sample.box, (Box{2, 2, 6, 6}));

  // The flag fills its 20 x 16 strike, so it is padded to 20 x 20: rows 2 to 17 of 20, at 2.5 rows a pixel.
  const Sample flag = dataset->sample(1);
  for (int x = 0; x < 8; ++x) {
    EXPECT_EQ(*flag.mask.at(x, 0), 51);  // 0.5 of 2.5 rows
    EXPECT_EQ(*flag.mask.at(x, 1), 255);
    EXPECT_EQ(*flag.mask.at(x, 6), 255);
    EXPECT_EQ(*flag.mask.at(x, 7), 51);
  }
}

TEST_F(FewEmoji, LeavesOutBitmapsSmallerThanAskedFor) {
  spec_.size = 18;
  const auto dataset = open_dataset(spec_);

  ASSERT_EQ(dataset->items().size(), 1u);
  EXPECT_THAT(dataset->problems()[0].what, HasSubstr("16 pixels wide, less than the 18 asked for"));
}

TEST_F(FewEmoji, BackgroundsStayWhenANeighbourIsMissing) {
  spec_.background = "texture";
  const auto some = open_dataset(spec_);
  spec_.emoji_list = list({"1F602", "1F3F4"});
  const auto other = open_dataset(spec_);

  EXPECT_EQ(some->sample(1).image, other->sample(0).image);
  EXPECT_NE(some->sample(1).image, some->sample(0).image);
}

TEST_F(FewEmoji, HashFollowsEverythingThatChangesTheSet) {
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
  spec = spec_;
  spec.emoji_list = list({"1F600"});
  expect_new("list", spec);
  spec = spec_;
  spec.imbalance = "step:2:1";
  expect_new("imbalance", spec);
  spec = spec_;
  const auto copy = folder_ / "other.ttf";
  write_file_atomically(copy, read_file(few_font) + '\0');
  spec.font = copy.string();
  expect_new("font", spec);
}

TEST_F(FewEmoji, SaysWhichFileIsUnusableAndWhichPackageHasAGoodOne) {
  const auto message = [&] { return input_error([&] { open_dataset(spec_); }); };
  spec_.font = outline_font;
  EXPECT_THAT(message(), AllOf(HasSubstr(outline_font), HasSubstr("no colour bitmaps"), HasSubstr("CBDT"),
                               HasSubstr("fonts-noto-color-emoji")));
  spec_.font = spec_.emoji_list;
  EXPECT_THAT(message(), AllOf(HasSubstr(spec_.font), HasSubstr("not a font"), HasSubstr("fonts-noto-color-emoji")));
  spec_.font = "/no/such/font.ttf";
  EXPECT_THAT(message(), AllOf(HasSubstr("/no/such/font.ttf: no such file"), HasSubstr("fonts-noto-color-emoji")));
  spec_.font = few_font;
  spec_.emoji_list = "/no/such/list.txt";
  EXPECT_THAT(message(), AllOf(HasSubstr("/no/such/list.txt: no such file"), HasSubstr("unicode-data")));
  spec_.emoji_list = list({"1F601", "1F602"});
  EXPECT_THAT(message(), HasSubstr("shows none of the 2 entries"));
}

TEST(ColourFont, ATruncatedFontIsRefusedOrListsItsGlyphs) {
  const std::string whole = read_file(few_font);
  for (std::size_t size = 0; size < whole.size(); size += 3) {
    try {
      const ColourFont font(std::make_shared<const FontFile>(FontFile{"cut.ttf", whole.substr(0, size)}));
      const auto shaped = font.shape({0x1F600});
      if (shaped.glyph != 0) font.bitmap(shaped.glyph);
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("cut.ttf"));
    }
  }
}

}  // namespace
}  // namespace assay
