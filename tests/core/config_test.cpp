#include "core/config.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

enum class Kind { a, b, c };
constexpr Names<Kind> kind_names = {{"a", Kind::a}, {"b", Kind::b}, {"c", Kind::c}};

ConfigReader reader_of(const nlohmann::json& object) { return {object, "train"}; }

TEST(Config, GivesTheDefaultOfAnAbsentKey) {
  const nlohmann::json object = nlohmann::json::object();
  ConfigReader reader(object, "train");
  EXPECT_EQ(reader.integer("steps", 7, 1), 7);
  EXPECT_EQ(reader.real("rate", 0.5, 0, 1), 0.5);
  EXPECT_TRUE(reader.boolean("ema", true));
  EXPECT_EQ(reader.text("name", "x"), "x");
  EXPECT_EQ(reader.one_of("kind", "b", {"a", "b"}), "b");
  EXPECT_EQ(reader.choice("kind", Kind::b, kind_names), Kind::b);
  EXPECT_THAT(reader.choices("kinds", {Kind::c}, kind_names), ElementsAre(Kind::c));
  EXPECT_THAT(reader.integers("k", {1, 2}, 0, 9), ElementsAre(1, 2));
  EXPECT_THAT(reader.reals("w", {0.5}, 0, 9), ElementsAre(0.5));
  EXPECT_THAT(reader.texts("arms", {"none"}), ElementsAre("none"));
  EXPECT_TRUE(reader.object("unet").empty());
  reader.finish();
}

TEST(Config, GivesTheValueOfAPresentKey) {
  const nlohmann::json object = parse_json(
      R"({"steps": 3, "rate": 1, "ema": false, "name": "y", "kind": "a", "k": [4], "w": [1, 2.5], "arms": ["p", "q"],
          "kinds": ["c", "a"],
          "unet": {"width": 8}})",
      "test");
  ConfigReader reader(object, "train");
  EXPECT_EQ(reader.integer("steps", 7, 1), 3);
  EXPECT_EQ(reader.real("rate", 0.5, 0, 1), 1.0);
  EXPECT_FALSE(reader.boolean("ema", true));
  EXPECT_EQ(reader.text("name", "x"), "y");
  EXPECT_EQ(reader.one_of("kind", "b", {"a", "b"}), "a");
  EXPECT_EQ(reader.choice("kind", Kind::b, kind_names), Kind::a);
  EXPECT_THAT(reader.choices("kinds", {Kind::b}, kind_names), ElementsAre(Kind::c, Kind::a));
  EXPECT_THAT(reader.integers("k", {1, 2}, 0, 9), ElementsAre(4));
  EXPECT_THAT(reader.reals("w", {0.5}, 0, 9), ElementsAre(1.0, 2.5));
  EXPECT_THAT(reader.texts("arms", {"none"}), ElementsAre("p", "q"));
  EXPECT_EQ(reader.object("unet").at("width"), 8);
  reader.finish();
}

TEST(Config, TakesBothEndsOfARange) {
  const nlohmann::json object = {{"low", 1}, {"high", 10}, {"zero", 0.0}, {"one", 1.0}};
  ConfigReader reader(object, "train");
  EXPECT_EQ(reader.integer("low", 5, 1, 10), 1);
  EXPECT_EQ(reader.integer("high", 5, 1, 10), 10);
  EXPECT_EQ(reader.real("zero", 0.5, 0, 1), 0.0);
  EXPECT_EQ(reader.real("one", 0.5, 0, 1), 1.0);
}

TEST(Config, NamesKeyValueAndRangeOfANumberOutOfRange) {
  const nlohmann::json object = {{"steps", 0}, {"k", {3, 11}}, {"rate", 1.5}, {"w", {-0.25}}};
  EXPECT_EQ(message_of<InputError>([&] { reader_of(object).integer("steps", 5, 1); }),
            "train.steps: 0 is out of range; accepted: at least 1");
  EXPECT_EQ(message_of<InputError>([&] { reader_of(object).integers("k", {}, 1, 10); }),
            "train.k: 11 is out of range; accepted: 1 to 10");
  EXPECT_EQ(message_of<InputError>([&] { reader_of(object).real("rate", 0.5, 0, 1); }),
            "train.rate: 1.5 is out of range; accepted: 0 to 1");
  EXPECT_EQ(message_of<InputError>([&] { reader_of(object).reals("w", {}, 0, 1); }),
            "train.w: -0.25 is out of range; accepted: 0 to 1");
}

TEST(Config, RefusesEveryOtherType) {
  const nlohmann::json object = {{"text", "3"},     {"number", 3},      {"fraction", 2.5},
                                 {"null", nullptr}, {"list", {1, "x"}}, {"nothing", nlohmann::json::array()}};
  EXPECT_THROW(reader_of(object).integer("text", 0, 0), InputError);
  EXPECT_THROW(reader_of(object).integer("fraction", 0, 0), InputError);
  EXPECT_THROW(reader_of(object).integer("null", 0, 0), InputError);
  EXPECT_THROW(reader_of(object).real("text", 0, 0, 1), InputError);
  EXPECT_THROW(reader_of(object).boolean("number", false), InputError);
  EXPECT_THROW(reader_of(object).text("number", ""), InputError);
  EXPECT_THROW(reader_of(object).integers("number", {}, 0, 9), InputError);
  EXPECT_THROW(reader_of(object).integers("list", {}, 0, 9), InputError);
  EXPECT_THROW(reader_of(object).reals("list", {}, 0, 9), InputError);
  EXPECT_THROW(reader_of(object).texts("list", {}), InputError);
  EXPECT_THROW(reader_of(object).integers("nothing", {}, 0, 9), InputError);
  EXPECT_THROW(reader_of(object).object("number"), InputError);
  EXPECT_THROW(ConfigReader(object.at("list"), "train"), InputError);
}

TEST(Config, RefusesAnIntegerBeyond64Bits) {
  const nlohmann::json object = {{"seed", std::uint64_t{1} << 63}};
  EXPECT_THAT(message_of<InputError>([&] { reader_of(object).integer("seed", 0, 0); }),
              AllOf(HasSubstr("train.seed"), HasSubstr("9223372036854775808")));
}

TEST(Config, NamesTheNearestKeyForAnUnknownOne) {
  const nlohmann::json object = {{"step", 3}};
  ConfigReader reader(object, "train");
  reader.integer("steps", 7, 1);
  reader.integer("batch", 7, 1);
  EXPECT_THAT(message_of<InputError>([&] { reader.finish(); }),
              AllOf(HasSubstr("train"), HasSubstr("'step'"), HasSubstr("did you mean 'steps'")));
}

TEST(Config, NamesTheNearestChoiceForAnUnknownOne) {
  const nlohmann::json object = {{"schedule", "cosin"}};
  EXPECT_THAT(message_of<InputError>([&] {
                reader_of(object).one_of("schedule", "linear", {"linear", "cosine"});
              }),
              AllOf(HasSubstr("train.schedule"), HasSubstr("'cosin'"), HasSubstr("did you mean 'cosine'"),
                    HasSubstr("linear")));
}

TEST(Config, NamesTheKeyOfAChoiceThatIsNone) {
  const nlohmann::json object = {{"kind", "d"}, {"kinds", {"a", "d"}}, {"twice", {"a", "b", "a"}}};
  EXPECT_EQ(message_of<InputError>([&] { reader_of(object).choice("kind", Kind::a, kind_names); }),
            "train.kind: unknown value 'd'; did you mean 'a'? known: a, b, c");
  EXPECT_EQ(message_of<InputError>([&] { reader_of(object).choices("kinds", {Kind::a}, kind_names); }),
            "train.kinds: unknown name 'd'; did you mean 'a'? known: a, b, c");
  EXPECT_EQ(message_of<InputError>([&] { reader_of(object).choices("twice", {Kind::a}, kind_names); }),
            "train.twice: a is given twice");
}

TEST(Config, ParsesComments) { EXPECT_EQ(parse_json("{\"a\": 1 /* steps */}  // end", "f").at("a"), 1); }

TEST(Config, NamesTheFileOfFaultyJson) {
  for (const std::string text : {"{", "", "{\"a\": 1,}", "{'a': 1}", "[1e999]", "\"\xff\""})
    EXPECT_THAT(message_of<InputError>([&] { parse_json(text, "presets.json"); }), HasSubstr("presets.json")) << text;
}

TEST(Config, RefusesJsonThatLiesDeepInItself) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_NO_THROW(parse_json(nested(256), "presets.json"));
  EXPECT_EQ(message_of<InputError>([&] { parse_json(nested(257), "presets.json"); }),
            "presets.json: its JSON lies more than 256 levels deep");
  EXPECT_THROW(parse_python_json(nested(257), "presets.json"), InputError);
}

TEST(SetKey, RefusesWhatLiesDeepInItself) {
  nlohmann::json object;
  EXPECT_THAT(message_of<InputError>([&] { set_key(object, "a=" + std::string(257, '[') + std::string(257, ']')); }),
              HasSubstr("256 levels"));
  std::string path = "a";
  for (int i = 0; i < 257; ++i) path += ".a";
  EXPECT_THAT(message_of<InputError>([&] { set_key(object, path + "=1"); }), HasSubstr("256 levels"));
  EXPECT_TRUE(object.is_null());
}

TEST(SetKey, ReadsTheValueAsJsonElseAsText) {
  nlohmann::json object = {{"kept", 1}};
  set_key(object, "steps=100");
  set_key(object, "rate=1e-3");
  set_key(object, "arms=[\"label\", \"none\"]");
  set_key(object, "name=two words");
  set_key(object, "formula=a=b");
  set_key(object, "empty=");
  const nlohmann::json expected = {
      {"kept", 1},           {"steps", 100},     {"rate", 1e-3}, {"arms", {"label", "none"}},
      {"name", "two words"}, {"formula", "a=b"}, {"empty", ""}};
  EXPECT_EQ(object, expected);
}

TEST(SetKey, FollowsDotsAndKeepsTheRest) {
  nlohmann::json object = {{"train", {{"steps", 1}, {"batch", 64}}}};
  set_key(object, "train.steps=2");
  set_key(object, "unet.attention.heads=4");
  EXPECT_EQ(object, parse_json(R"({"train": {"steps": 2, "batch": 64}, "unet": {"attention": {"heads": 4}}})", "test"));
}

TEST(SetKey, RefusesWhatIsNoAssignmentAndChangesNoValue) {
  for (const std::string assignment :
       {"steps", "=3", "", ".steps=3", "train.=3", "train..steps=3", "seed.low=3", "name=\xff"}) {
    nlohmann::json object = {{"train", {{"steps", 1}}}, {"seed", 5}};
    EXPECT_THAT(message_of<InputError>([&] { set_key(object, assignment); }), HasSubstr("--set")) << assignment;
    EXPECT_EQ(object.at("seed"), 5);
    EXPECT_EQ(object.at("train").at("steps"), 1);
  }
}

TEST(SetKey, NamesThePartThatIsNoObject) {
  nlohmann::json object = {{"seed", 5}};
  EXPECT_THAT(message_of<InputError>([&] { set_key(object, "seed.low=3"); }), HasSubstr("'seed' is not an object"));
}

TEST(PythonJson, HasNumbersThatJsonHasNot) {
  const auto value = parse_python_json(R"({"a": -Infinity, "b": [NaN, Infinity, 1], "c": "-Infinity \" NaN"})", "file");
  EXPECT_EQ(value.at("a").get<double>(), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(value.at("b")[0].get<double>()));
  EXPECT_EQ(value.at("b")[1].get<double>(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(value.at("b")[2], 1);
  EXPECT_EQ(value.at("c"), "-Infinity \" NaN");
  EXPECT_THAT(message_of<InputError>([] { parse_python_json(R"({"a": Nan})", "file"); }),
              HasSubstr("file: not valid JSON"));
  EXPECT_THAT(message_of<InputError>([] { parse_json(R"({"a": NaN})", "file"); }), HasSubstr("not valid JSON"));
}

std::string nested(int depth, const std::string& open, const std::string& close) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += "0";
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(JsonDepth, CountsArraysAndObjectsAlike) {
  for (const auto& [open, close] : {std::pair{"[", "]"}, {"{\"a\": ", "}"}, {"[1, {\"b\": [2], \"a\":", "}]"}}) {
    const int levels = std::string(open).find('{') != std::string::npos && open[0] == '[' ? 2 : 1;
    EXPECT_FALSE(nests_too_deeply(nested(deepest_json / levels - 1, open, close))) << open;
    EXPECT_TRUE(nests_too_deeply(nested(deepest_json / levels + 1, open, close))) << open;
  }
}

TEST(JsonDepth, CountsNothingOfTextsCommentsAndWhatIsClosed) {
  const std::string many(1000, '[');
  EXPECT_FALSE(nests_too_deeply("[\"" + many + "\\\"" + many + "\"]"));
  EXPECT_FALSE(nests_too_deeply("[1, // it's \"" + many + "\n2]"));
  EXPECT_FALSE(nests_too_deeply("[1, /* \" */ 2, /*" + many + "*/ 3]"));
  std::string row;
  for (int i = 0; i < 1000; ++i) row += "[1],";
  EXPECT_FALSE(nests_too_deeply("[" + row + "0]"));
  EXPECT_FALSE(nests_too_deeply(""));
  EXPECT_FALSE(nests_too_deeply("\"\\"));
}

TEST(JsonDepth, IsCountedBehindTextsAndComments) {
  const std::string many(1000, '[');
  EXPECT_TRUE(nests_too_deeply("\"a\\\\\"" + many));
  EXPECT_TRUE(nests_too_deeply("// a \" b\n" + many));
  EXPECT_TRUE(nests_too_deeply("/* a \" b */" + many));
  EXPECT_TRUE(nests_too_deeply("// a\r" + many));
  EXPECT_TRUE(nests_too_deeply("/**//*\"*/" + many));
}

}  // namespace
}  // namespace assay
