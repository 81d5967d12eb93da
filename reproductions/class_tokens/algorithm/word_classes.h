#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace assay::class_tokens {

/// A word and the class that a token is to turn it into.
struct WordClass {
  std::string word;
  std::int64_t target = 0;
  std::int64_t images = 0;      // of the class whose captions have the word
  std::int64_t all_images = 0;  // of any class whose captions have it
};

/// Which words are ambiguous enough for a token.
struct WordRule {
  std::int64_t pairs = 12;  // at most
  std::int64_t least = 3;   // images with the word in the target, and in another class
  double share = 0.3;       // at least, of the target's images whose captions have the word
};

/// Pairs of a word and a class by what the captions of a training split say. The word, of three letters or more and not
/// a function word ("and", "your"), stands in captions of at least two classes; at most half of its images are of the
/// target, so that a prompt with the bare word most often means another class. Pairs with most images of the
/// target come first, then those that are first in the alphabet and in the order of the classes; no word and no class
/// is taken twice. Throws InputError where there is none.
std::vector<WordClass> choose_word_classes(const std::vector<std::string>& captions,
                                           const std::vector<std::int64_t>& classes, const WordRule& rule);

}  // namespace assay::class_tokens
