#include "datasets/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::AllOf;
using ::testing::HasSubstr;

DatasetSpec read(const char* json) { return read_dataset_spec(nlohmann::json::parse(json), "config.dataset"); }
std::string refusal(const char* json) {
  return input_error([&] { read(json); });
}

TEST(DatasetSpec, ReadsEveryKeyAndGivesItBack) {
  const char* const json = R"({"name": "shapes", "size": 32, "background": "solid", "imbalance": "exp:10", "seed": 7,
                               "count": 99, "group": "colour"})";
  const DatasetSpec spec = read(json);

  EXPECT_EQ(spec.size, 32);
  EXPECT_EQ(spec.seed, 7u);
  EXPECT_EQ(spec.count, 99);
  EXPECT_EQ(to_json(spec), nlohmann::json::parse(json));
}

TEST(DatasetSpec, ANameAloneStandsForTheDefaults) {
  EXPECT_EQ(to_json(read(R"("shapes")")), to_json(read(R"({"name": "shapes", "size": 16, "background": "texture",
    "imbalance": "natural", "seed": 0, "count": 4096, "group": "shape"})")));
  EXPECT_EQ(to_json(read(R"("emoji")")), nlohmann::json::parse(R"({"name": "emoji", "size": 16, "background": "white",
    "imbalance": "natural", "seed": 0})"));
  EXPECT_EQ(to_json(read(R"("stamps")")), nlohmann::json::parse(R"({"name": "stamps", "size": 16, "background": "white",
    "imbalance": "natural", "seed": 0, "symbols": false})"));
  EXPECT_EQ(to_json(read(R"({"name": "clipart", "folder": "a/b"})")), nlohmann::json::parse(R"({"name": "clipart",
    "size": 16, "background": "white", "imbalance": "natural", "seed": 0, "folder": "a/b"})"));
}

TEST(DatasetSpec, PlacementIsGivenBackWholeAndNullIsNone) {
  const auto placement = [](const char* json) { return to_json(read(json)).value("placement", nlohmann::json()); };
  EXPECT_EQ(placement(R"({"name": "stamps", "placement": {"sides": [0.25, 1], "anywhere": false, "copies": 9}})"),
            nlohmann::json({{"sides", {0.25, 1.0}}, {"anywhere", false}, {"copies", 9}}));
  EXPECT_EQ(placement(R"({"name": "emoji", "placement": {}})"),
            nlohmann::json({{"sides", {0.5, 0.8}}, {"anywhere", true}, {"copies", 1}}));
  EXPECT_EQ(placement(R"({"name": "clipart", "placement": null})"), nlohmann::json());
}

TEST(DatasetSpec, RefusesWhatIsOutOfRangeAndSaysTheRange) {
  EXPECT_THAT(refusal(R"({"name": "emoji", "size": 7})"),
              AllOf(HasSubstr("config.dataset.size"), HasSubstr("8 to 128")));
  EXPECT_THAT(refusal(R"({"name": "emoji", "size": 129})"), HasSubstr("8 to 128"));
  EXPECT_THAT(refusal(R"({"name": "shapes", "size": 513})"), HasSubstr("8 to 512"));
  EXPECT_THAT(refusal(R"({"name": "shapes", "count": 0})"), HasSubstr("config.dataset.count"));
  EXPECT_THAT(refusal(R"({"name": "shapes", "seed": -1})"), HasSubstr("config.dataset.seed"));
  EXPECT_THAT(refusal(R"({"name": "shapes", "background": "blue"})"),
              AllOf(HasSubstr("config.dataset.background"), HasSubstr("white, solid, texture")));
  EXPECT_THAT(refusal(R"({"name": "shapes", "group": "fill"})"), AllOf(HasSubstr("group"), HasSubstr("colour")));
  EXPECT_THAT(refusal(R"({"name": "shapes", "imbalance": "heavy"})"), HasSubstr("step:RHO:FRACTION"));
  for (const char* sides : {"[0.5]", "[0.8, 0.5]", "[0.3, 0.4, 0.5]"})
    EXPECT_THAT(
        refusal((std::string(R"({"name": "emoji", "placement": {"sides": )") + sides + "}}").c_str()),
        AllOf(HasSubstr("config.dataset.placement.sides: ["), HasSubstr("accepted: the least and the most share")));
  EXPECT_THAT(refusal(R"({"name": "emoji", "placement": {"sides": [0.2, 0.5]}})"),
              AllOf(HasSubstr("placement.sides"), HasSubstr("0.25")));
  EXPECT_THAT(refusal(R"({"name": "emoji", "placement": {"copies": 0}})"), HasSubstr("placement.copies"));
  EXPECT_THAT(refusal(R"({"name": "emoji", "placement": "anywhere"})"), HasSubstr("config.dataset.placement"));
}

TEST(DatasetSpec, RefusesUnknownNamesAndKeysOfOtherSets) {
  EXPECT_THAT(refusal(R"("emojis")"), AllOf(HasSubstr("unknown dataset 'emojis'"), HasSubstr("did you mean 'emoji'")));
  EXPECT_THAT(refusal(R"({"name": "emoji", "count": 5})"), HasSubstr("unknown key 'count'"));
  EXPECT_THAT(refusal(R"({"name": "emoji", "group": "shape"})"), HasSubstr("unknown key 'group'"));
  EXPECT_THAT(refusal(R"({"name": "shapes", "font": "a.ttf"})"), HasSubstr("unknown key 'font'"));
  EXPECT_THAT(refusal(R"({"name": "emoji", "folder": "a"})"), HasSubstr("unknown key 'folder'"));
  EXPECT_THAT(refusal(R"({"name": "shapes", "placement": {}})"), HasSubstr("unknown key 'placement'"));
  EXPECT_THAT(refusal(R"({"name": "clipart", "symbols": true})"), HasSubstr("unknown key 'symbols'"));
  EXPECT_THAT(refusal(R"({"name": "stamps", "symbols": 1})"), HasSubstr("config.dataset.symbols"));
  EXPECT_THAT(refusal(R"({"size": 16})"), HasSubstr("expected \"name\""));
  EXPECT_THAT(refusal("3"), HasSubstr("config.dataset"));
}

TEST(OpenDataset, ChecksSpecsThatWereFilledInByHand) {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.size = 1000;
  EXPECT_THAT(input_error([&] { open_dataset(spec); }), HasSubstr("8 to 512"));
  spec.size = 16;
  spec.seed = ~std::uint64_t{0};
  EXPECT_THAT(input_error([&] { open_dataset(spec); }), HasSubstr("shapes.seed"));
  spec.name = "shape";
  EXPECT_THAT(input_error([&] { open_dataset(spec); }), HasSubstr("did you mean 'shapes'"));
}

TEST(OpenDataset, RefusesAnItemThatIsNotThere) {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.count = 3;
  const auto dataset = open_dataset(spec);
  EXPECT_THROW(dataset->sample(3), Error);
  EXPECT_THROW(dataset->sample(-1), Error);
}

TEST(SplitByHash, NeverMovesAKey) {
  // python3 -c "import xxhash; print(xxhash.xxh3_128_hexdigest(b'shape-000011'))", and so on: a key is for validation
  // when the first 16 digits are at least 0.8 * 2^64 = cccccccccccccccc.
  EXPECT_EQ(split_by_hash("1f9d1-200d-1f373"), Split::train);   // 704ba04c...
  EXPECT_EQ(split_by_hash("shape-000004"), Split::train);       // 88f1744a...
  EXPECT_EQ(split_by_hash("shape-000011"), Split::validation);  // cd451f2a...
  EXPECT_EQ(split_by_hash("shape-000009"), Split::validation);  // d08a4f2c...
}

}  // namespace
}  // namespace assay
