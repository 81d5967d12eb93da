#include "diffusion/text/pair_merger.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/philox.h"
#include "diffusion/text/byte_symbols.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

/// The vocabulary of these merges: bytes a, b, c, d inside a word and at its end, then the merged pieces.
Vocabulary vocabulary_of(const Merges& merges) {
  Vocabulary ids;
  for (const std::string end : {"", "</w>"})
    for (const char byte : std::string("abcd"))
      ids.emplace(std::string(1, byte) + end, static_cast<std::int64_t>(ids.size()));
  for (const auto& [left, right] : merges) ids.emplace(left + right, static_cast<std::int64_t>(ids.size()));
  ids.emplace("<unknown>", static_cast<std::int64_t>(ids.size()));
  return ids;
}

std::vector<std::int64_t> ids_of(const Merges& merges, const std::string& word) {
  const Vocabulary vocabulary = vocabulary_of(merges);
  std::vector<std::int64_t> ids;
  PairMerger(vocabulary, merges, vocabulary.at("<unknown>"), "test").append(word, ids);
  return ids;
}

/// One merge at a time over the texts of the pieces.
std::vector<std::int64_t> by_hand(const Merges& merges, const std::string& word) {
  std::vector<std::string> pieces;
  for (const char byte : word) pieces.emplace_back(1, byte);
  pieces.back() += "</w>";
  while (true) {
    std::size_t best = merges.size(), place = 0;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      const auto rank = static_cast<std::size_t>(
          std::find(merges.begin(), merges.end(), std::pair(pieces[i], pieces[i + 1])) - merges.begin());
      if (rank < best) best = rank, place = i;
    }
    if (best == merges.size()) break;
    pieces[place] += pieces[place + 1];
    pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
  std::vector<std::int64_t> ids;
  ids.reserve(pieces.size());
  const Vocabulary vocabulary = vocabulary_of(merges);
  for (const std::string& piece : pieces) ids.push_back(vocabulary.at(piece));
  return ids;
}

TEST(PairMerger, MergesTheEarliestLearnedPairFirst) {
  // a b goes before b c although b c stands there too.
  const Merges merges = {{"a", "b"}, {"b", "c</w>"}};
  EXPECT_THAT(ids_of(merges, "abc"), ElementsAre(8, 6));
  EXPECT_THAT(ids_of({{"b", "c</w>"}, {"a", "b"}}, "abc"), ElementsAre(0, 8));
}

TEST(PairMerger, OfEqualPairsTheLeftmostIsMerged) { EXPECT_THAT(ids_of({{"a", "a"}}, "aaab"), ElementsAre(8, 0, 5)); }

TEST(PairMerger, ABytePieceThatTheVocabularyLacksIsUnknown) {
  const Vocabulary vocabulary = vocabulary_of({});
  EXPECT_THAT(ids_of({}, "axb"), ElementsAre(0, vocabulary.at("<unknown>"), 5));
}

TEST(PairMerger, WordsOfAnyLengthEqualTheDefinition) {
  RandomStream random(3, Purpose::initialise, 0);
  const auto any = [&](std::size_t n) { return static_cast<std::size_t>(random.uniform() * static_cast<double>(n)); };
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> pieces = {"a", "b", "c", "d"};
    Merges merges;
    for (int i = 0; i < 12; ++i) {
      const std::pair<std::string, std::string> merge(pieces[any(pieces.size())], pieces[any(pieces.size())]);
      if (std::find(merges.begin(), merges.end(), merge) != merges.end()) continue;
      merges.push_back(merge);
      pieces.push_back(merge.first + merge.second);
    }
    // 32 and 33 bytes are divided by different code.
    for (const std::size_t length : {1, 2, 5, 31, 32, 33, 34, 150}) {
      std::string word;
      for (std::size_t i = 0; i < length; ++i) word += static_cast<char>('a' + any(4));
      EXPECT_EQ(ids_of(merges, word), by_hand(merges, word)) << word;
    }
  }
}

}  // namespace
}  // namespace assay
