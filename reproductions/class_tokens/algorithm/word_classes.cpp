#include "reproductions/class_tokens/algorithm/word_classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/error.h"

namespace assay::class_tokens {
namespace {

// Words of three letters or more that join a sentence or point, and name nothing that could be drawn; in order.
constexpr std::array<std::string_view, 122> function_words = {
    "about", "above", "after",  "again",   "against", "all",     "along",  "also",    "among",  "and",    "another",
    "any",   "are",   "around", "because", "been",    "before",  "behind", "being",   "below",  "beside", "between",
    "both",  "but",   "can",    "could",   "did",     "does",    "down",   "each",    "either", "else",   "ever",
    "every", "few",   "for",    "from",    "had",     "has",     "have",   "having",  "her",    "here",   "hers",
    "him",   "his",   "how",    "into",    "its",     "just",    "let",    "like",    "many",   "may",    "might",
    "more",  "most",  "much",   "must",    "near",    "neither", "never",  "nor",     "not",    "now",    "off",
    "one",   "only",  "other",  "our",     "ours",    "out",     "over",   "own",     "same",   "she",    "should",
    "since", "some",  "such",   "than",    "that",    "the",     "their",  "theirs",  "them",   "then",   "there",
    "these", "they",  "this",   "those",   "three",   "through", "too",    "toward",  "two",    "under",  "until",
    "upon",  "use",   "used",   "very",    "was",     "were",    "what",   "when",    "where",  "which",  "while",
    "who",   "whom",  "whose",  "why",     "will",    "with",    "within", "without", "would",  "you",    "your",
    "yours"};

std::set<std::string> words_of(const std::string& caption) {
  std::set<std::string> words;
  std::string word;
  const auto take = [&] {
    if (word.size() >= 3 && !std::binary_search(function_words.begin(), function_words.end(), std::string_view(word)))
      words.insert(word);
    word.clear();
  };
  for (const char c : caption) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalpha(letter) != 0)
      word += static_cast<char>(std::tolower(letter));
    else
      take();
  }
  take();
  return words;
}

}  // namespace

std::vector<WordClass> choose_word_classes(const std::vector<std::string>& captions,
                                           const std::vector<std::int64_t>& classes, const WordRule& rule) {
  std::map<std::string, std::map<std::int64_t, std::int64_t>> images;  // by word and class
  std::map<std::int64_t, std::int64_t> class_sizes;
  for (std::size_t i = 0; i < captions.size(); ++i) {
    ++class_sizes[classes[i]];
    for (const std::string& word : words_of(captions[i])) ++images[word][classes[i]];
  }

  std::vector<WordClass> candidates;
  for (const auto& [word, by_class] : images) {
    std::int64_t all = 0, common = 0;
    for (const auto& [id, count] : by_class) {
      all += count;
      common += count >= rule.least ? 1 : 0;
    }
    if (common < 2) continue;
    for (const auto& [id, count] : by_class)
      if (count >= rule.least && 2 * count <= all &&
          static_cast<double>(count) >= rule.share * static_cast<double>(class_sizes.at(id)))
        candidates.push_back({word, id, count, all});
  }
  std::sort(candidates.begin(), candidates.end(), [](const WordClass& a, const WordClass& b) {
    return std::tuple(-a.images, a.word, a.target) < std::tuple(-b.images, b.word, b.target);
  });

  std::vector<WordClass> chosen;
  std::set<std::string> words;
  std::set<std::int64_t> targets;
  for (const WordClass& candidate : candidates) {
    if (static_cast<std::int64_t>(chosen.size()) == rule.pairs) break;
    if (words.contains(candidate.word) || targets.contains(candidate.target)) continue;
    words.insert(candidate.word);
    targets.insert(candidate.target);
    chosen.push_back(candidate);
  }
  if (chosen.empty())
    throw InputError(fmt::format(
        "words: no word of the captions is ambiguous between two classes, in {} images of each (words.least) and {:g} "
        "of those of its target (words.share); accepted: lower numbers, or captions with such words",
        rule.least, rule.share));
  return chosen;
}

}  // namespace assay::class_tokens
