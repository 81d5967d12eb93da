#include "diffusion/text/byte_pairs.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "diffusion/text/byte_symbols.h"
#include "diffusion/text/unicode_text.h"
#include "diffusion/text/words.h"

namespace assay {
namespace {

using Pair = std::pair<std::string, std::string>;

struct Word {
  std::vector<std::string> symbols;
  std::int64_t count = 0;
};

std::vector<Word> counted_words(const std::vector<std::string>& texts) {
  std::map<std::string, std::int64_t> counts;
  for (const std::string& text : texts) {
    check_utf8(text, "caption");
    const std::string normal = normalised(text);
    for (const std::string_view word : words_of(normal)) ++counts[std::string(word)];
  }
  std::vector<Word> words;
  words.reserve(counts.size());
  for (const auto& [text, count] : counts) {
    Word word{{}, count};
    word.symbols.reserve(text.size());
    for (const char byte : text) word.symbols.push_back(byte_symbols()[static_cast<unsigned char>(byte)]);
    word.symbols.back() += end_of_word;
    words.push_back(std::move(word));
  }
  return words;
}

/// The pairs of neighbours of all words, how often each occurs and in which words.
class PairTable {
 public:
  explicit PairTable(std::vector<Word> words) : words_(std::move(words)) {
    for (std::size_t i = 0; i < words_.size(); ++i) count(i, 1);
  }

  /// The pair to merge next; null where none occurs twice.
  const Pair* best() const {
    const Pair* found = nullptr;
    std::int64_t most = 1;
    for (const auto& [pair, places] : pairs_)
      if (places.count > most) {
        most = places.count;
        found = &pair;
      }
    return found;
  }

  void merge(const Pair& pair) {
    const std::set<std::size_t> touched = pairs_.at(pair).words;
    for (const std::size_t i : touched) {
      count(i, -1);
      std::vector<std::string> merged;
      const std::vector<std::string>& old = words_[i].symbols;
      merged.reserve(old.size());
      for (std::size_t k = 0; k < old.size(); ++k) {
        const bool here = k + 1 < old.size() && old[k] == pair.first && old[k + 1] == pair.second;
        merged.push_back(here ? old[k] + old[k + 1] : old[k]);
        if (here) ++k;
      }
      words_[i].symbols = std::move(merged);
      count(i, 1);
    }
  }

 private:
  struct Places {
    std::int64_t count = 0;
    std::set<std::size_t> words;
  };

  void count(std::size_t word, std::int64_t sign) {
    const std::vector<std::string>& symbols = words_[word].symbols;
    for (std::size_t k = 0; k + 1 < symbols.size(); ++k) {
      const auto place = pairs_.try_emplace({symbols[k], symbols[k + 1]}).first;
      place->second.count += sign * words_[word].count;
      if (sign > 0)
        place->second.words.insert(word);
      else
        place->second.words.erase(word);
      if (place->second.count == 0) pairs_.erase(place);
    }
  }

  std::vector<Word> words_;
  std::map<Pair, Places> pairs_;
};

}  // namespace

Merges learn_merges(const std::vector<std::string>& texts, std::int64_t most) {
  PairTable table(counted_words(texts));
  Merges merges;
  while (static_cast<std::int64_t>(merges.size()) < most) {
    const Pair* best = table.best();
    if (!best) break;
    merges.push_back(*best);
    table.merge(merges.back());
  }
  return merges;
}

ClipVocabulary clip_vocabulary_of(Merges merges, std::int64_t length) {
  ClipVocabulary vocabulary;
  vocabulary.where = "learned vocabulary";
  vocabulary.length = length;
  const auto add = [&](const std::string& piece) {
    vocabulary.ids.emplace(piece, static_cast<std::int64_t>(vocabulary.ids.size()));
  };
  for (const std::string_view end : {std::string_view(), end_of_word})
    for (const std::string& symbol : ordered_byte_symbols()) add(symbol + std::string(end));
  vocabulary.merges = std::move(merges);
  // Two merges may make the same piece of other halves.
  for (const auto& [left, right] : vocabulary.merges) add(left + right);
  for (const std::string& token : {vocabulary.begin, vocabulary.end}) {
    add(token);
    vocabulary.added.push_back({token, vocabulary.ids.at(token), true, false});
  }
  return vocabulary;
}

ClipVocabulary learn_clip_vocabulary(const std::vector<std::string>& captions, std::int64_t merges,
                                     std::int64_t length) {
  return clip_vocabulary_of(learn_merges(captions, merges), length);
}

}  // namespace assay
