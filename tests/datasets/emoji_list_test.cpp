#include "datasets/emoji_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/file.h"
#include "datasets/dataset.h"
#include "datasets/emoji.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char* const small_list =
    "# emoji-test.txt\n"
    "\n"
    "# group: Smileys & Emotion\n"
    "# subgroup: face-smiling\n"
    "1F600          ; fully-qualified     # \xF0\x9F\x98\x80 E1.0 grinning face\n"
    "263A           ; unqualified         # \xE2\x98\xBA E0.6 smiling face\n"
    "# group: Component\n"
    "# subgroup: skin-tone\n"
    "1F3FB          ; component           # \xF0\x9F\x8F\xBB E1.0 light skin tone\n"
    "# group: Flags\r\n"
    "# subgroup: flag\r\n"
    "1F3F3 FE0F 200D 1F308 ; fully-qualified # \xF0\x9F\x8F\xB3 E4.0 rainbow flag\r\n"
    "# Flags subtotal: 1\n"
    "#EOF";

TEST(EmojiList, ReadsFullyQualifiedEntriesAndTheirGroups) {
  const EmojiList list = parse_emoji_list(small_list, "list.txt");

  ASSERT_EQ(list.entries.size(), 2u);
  EXPECT_THAT(list.groups, ElementsAre("Smileys & Emotion", "Flags"));
  EXPECT_THAT(list.subgroups, ElementsAre("face-smiling", "flag"));
  EXPECT_EQ(list.entries[0].name, "grinning face");
  EXPECT_THAT(list.entries[0].code_points, ElementsAre(0x1F600));
  EXPECT_EQ(list.entries[1].name, "rainbow flag");
  EXPECT_EQ(hex_name(list.entries[1].code_points), "1f3f3-fe0f-200d-1f308");
  EXPECT_EQ(list.entries[1].group, 1);
  EXPECT_EQ(list.entries[1].subgroup, 1);
}

TEST(EmojiList, NamesTheLineThatIsWrong) {
  const auto message = [](const std::string& line) {
    return input_error([&] { parse_emoji_list("# group: A\n# subgroup: b\n" + line + "\n", "list.txt"); });
  };
  EXPECT_THAT(message("1F600 fully-qualified"), HasSubstr("list.txt:3: not 'code points; status # emoji name'"));
  EXPECT_THAT(message("1F6x0 ; fully-qualified # x E1.0 a"), HasSubstr("list.txt:3: code points are not hexadecimal"));
  EXPECT_THAT(message("110000 ; fully-qualified # x E1.0 a"), HasSubstr("list.txt:3: code points"));
  EXPECT_THAT(message("1F600 ; fully-qualified # x"), HasSubstr("list.txt:3: the entry has no name"));
  EXPECT_THAT(message("1F600 ; fully-qualified # x E1.0 a\n1F600 ; fully-qualified # x E1.0 b"),
              HasSubstr("list.txt:4: the entry comes twice"));
  EXPECT_THAT(message("# nothing else"), HasSubstr("list.txt: no fully-qualified entry"));
  EXPECT_THAT(input_error([] { parse_emoji_list("1F600 ; fully-qualified # x E1.0 a\n", "list.txt"); }),
              HasSubstr("list.txt:1: an entry before the first group"));
}

std::string key(std::vector<char32_t> code_points) { return emoji_split_key(code_points); }

TEST(EmojiSplitKey, IsOneForTheCooks) {
  const std::string cook = key({0x1F9D1, 0x200D, 0x1F373});
  EXPECT_EQ(cook, "1f9d1-200d-1f373");
  EXPECT_EQ(key({0x1F468, 0x1F3FD, 0x200D, 0x1F373}), cook);  // man, medium skin tone
  EXPECT_EQ(key({0x1F469, 0x200D, 0x1F373}), cook);           // woman
}

TEST(EmojiSplitKey, IsOneForTheRunners) {
  EXPECT_EQ(key({0x1F3C3, 0x200D, 0x2640, 0xFE0F}), key({0x1F3C3}));
  EXPECT_EQ(key({0x1F3C3, 0x1F3FF, 0x200D, 0x2642, 0xFE0F}), key({0x1F3C3}));
}

TEST(EmojiSplitKey, IsOneForPairsHoweverTheyAreWritten) {
  const std::string hands = key({0x1F46B});
  EXPECT_EQ(key({0x1F46C, 0x1F3FB}), hands);
  EXPECT_EQ(key({0x1F9D1, 0x200D, 0x1F91D, 0x200D, 0x1F9D1}), hands);
  EXPECT_EQ(key({0x1F469, 0x1F3FB, 0x200D, 0x1F91D, 0x200D, 0x1F468, 0x1F3FC}), hands);
  EXPECT_EQ(key({0x1F469, 0x200D, 0x2764, 0xFE0F, 0x200D, 0x1F48B, 0x200D, 0x1F468}), key({0x1F48F}));
  EXPECT_EQ(key({0x1F468, 0x200D, 0x2764, 0xFE0F, 0x200D, 0x1F468}), key({0x1F491, 0x1F3FB}));
  EXPECT_EQ(key({0x1FAF1, 0x1F3FB, 0x200D, 0x1FAF2, 0x1F3FC}), key({0x1F91D}));
  EXPECT_NE(key({0x1F48F}), key({0x1F491}));
}

TEST(EmojiSplitKey, IsOneForFamilies) {
  EXPECT_EQ(key({0x1F468, 0x200D, 0x1F469, 0x200D, 0x1F467, 0x200D, 0x1F466}), key({0x1F46A}));
  EXPECT_EQ(key({0x1F469, 0x200D, 0x1F466}), key({0x1F46A}));
}

TEST(EmojiSplitKey, IsOneForTheWordsThatDifferByGenderOnly) {
  EXPECT_EQ(key({0x1F466}), key({0x1F9D2}));
  EXPECT_EQ(key({0x1F475, 0x1F3FB}), key({0x1F9D3}));
  EXPECT_EQ(key({0x1F478}), key({0x1FAC5}));
  EXPECT_EQ(key({0x1FAC3}), key({0x1F930}));
  EXPECT_EQ(key({0x1F936}), key({0x1F385}));
  EXPECT_EQ(key({0x1F9D1, 0x1F3FB, 0x200D, 0x1F384}), key({0x1F385}));
}

TEST(EmojiSplitKey, KeepsDifferentThingsApart) {
  EXPECT_NE(key({0x1F9D1, 0x200D, 0x1F373}), key({0x1F9D1, 0x200D, 0x1F33E}));  // cook, farmer
  EXPECT_NE(key({0x1F9D1}), key({0x1F9D2}));                                    // adult, child
  EXPECT_NE(key({0x2640, 0xFE0F}), key({0x2642, 0xFE0F}));                      // the signs by themselves
  EXPECT_NE(key({0x1F1E9, 0x1F1EA}), key({0x1F1EB, 0x1F1F7}));                  // flags
  EXPECT_EQ(key({0x1F3FB}), "1f3fb");                                           // a skin tone by itself
}

TEST(EmojiSplitKey, JoinsAllEntriesOfTheInstalledListThatDifferByToneOrGenderInName) {
  const std::string place = emoji_list_places().front();
  if (!std::filesystem::exists(place)) GTEST_SKIP() << "no " << place << " (Debian package unicode-data)";
  // Unicode's names say the variant: "man cook: dark skin tone" is a "cook". An independent way to the same key.
  const auto plain = [](std::string name) {
    if (const auto colon = name.find(':'); colon != std::string::npos && name.find("skin tone") != std::string::npos) {
      std::string rest;
      for (std::size_t at = colon + 2; at < name.size();) {
        const std::size_t end = std::min(name.find(", ", at), name.size());
        const std::string part = name.substr(at, end - at);
        if (part.find("skin tone") == std::string::npos) rest += (rest.empty() ? ": " : ", ") + part;
        at = end + 2;
      }
      name = name.substr(0, colon) + rest;
    }
    for (const char* gender : {"woman ", "man ", "person "})
      if (name.starts_with(gender)) return name.substr(std::string(gender).size());
    for (const char* gender : {"woman:", "man:", "person:"})
      if (name.starts_with(gender)) return "adult" + name.substr(std::string(gender).size() - 1);
    return name;
  };
  std::map<std::string, std::set<std::string>> keys;
  for (const EmojiEntry& entry : parse_emoji_list(read_file(place), place).entries)
    keys[plain(entry.name)].insert(emoji_split_key(entry.code_points));
  for (const auto& [name, found] : keys) EXPECT_EQ(found.size(), 1u) << name;
}

}  // namespace
}  // namespace assay
