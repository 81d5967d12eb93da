#include "tests/fuzz/mutation.h"

#include <gmock/gmock.h>

#include <set>

#include "core/error.h"

namespace assay::fuzz {
namespace {

using ::testing::SizeIs;

const std::vector<Files> seeds = {{{"a.json", R"({"steps": 100, "name": "x"})"}, {"b", std::string(40, 'b')}},
                                  {{"a.json", R"([1, 2, 3])"}}};

TEST(Mutation, IsTheSameForTheSameNumberAndAnotherForMostOthers) {
  std::set<Files> different;
  for (std::uint64_t number = 0; number < 200; ++number) {
    EXPECT_EQ(mutated(seeds, 7, number), mutated(seeds, 7, number));
    different.insert(mutated(seeds, 7, number));
  }
  EXPECT_GT(different.size(), 150U);
  EXPECT_NE(mutated(seeds, 7, 3), mutated(seeds, 8, 3));
}

TEST(Mutation, AddsNoFileAndTakesNoneAway) {
  for (std::uint64_t number = 0; number < 200; ++number) {
    const Files files = mutated(seeds, 1, number);
    EXPECT_TRUE(files.contains("a.json"));
    EXPECT_LE(files.size(), 2U);
  }
}

TEST(Mutation, OfAnEmptyFileIsAFile) {
  for (std::uint64_t number = 0; number < 200; ++number) EXPECT_THAT(mutated({{{"a", ""}}}, 1, number), SizeIs(1));
  EXPECT_THROW(mutated({}, 1, 0), Error);
}

TEST(Mutation, ReachesExtremeNumbersAndLengthsDeepBracketsAndCutFiles) {
  int numbers = 0, lengths = 0, deep = 0, cut = 0;
  for (std::uint64_t number = 0; number < 2000; ++number) {
    const std::string text = mutated(seeds, 1, number).at("a.json");
    numbers += text.find("9223372036854775807") != std::string::npos ? 1 : 0;
    lengths += text.find(std::string(4, '\xFF')) != std::string::npos ? 1 : 0;
    deep += text.find(std::string(200, '[')) != std::string::npos ? 1 : 0;
    cut += text.size() < 9 ? 1 : 0;
  }
  EXPECT_GT(numbers, 5);
  EXPECT_GT(lengths, 5);
  EXPECT_GT(deep, 5);
  EXPECT_GT(cut, 5);
}

}  // namespace
}  // namespace assay::fuzz
