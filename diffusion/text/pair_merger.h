#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace assay {

using Vocabulary = std::unordered_map<std::string, std::int64_t>;
using Merges = std::vector<std::pair<std::string, std::string>>;

/// Byte-pair encoding (arXiv:1508.07909) of single words over a vocabulary.
class PairMerger {
 public:
  /// `merges` in the order in which they apply. `unknown` is the id of symbols that the vocabulary lacks. Throws
  /// InputError, beginning with `where`, for a merge whose halves or whole are not in the vocabulary: such merges are
  /// another model's.
  PairMerger(const Vocabulary& vocabulary, const Merges& merges, std::int64_t unknown, const std::string& where);

  /// Appends the ids of a word, any bytes: of all neighbours the pair that was learned first is merged, the leftmost of
  /// several, until no pair is left.
  void append(std::string_view word, std::vector<std::int64_t>& ids) const;

 private:
  struct Merge {
    std::uint32_t rank;
    std::int32_t whole;
  };
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
  }
  const Merge* find(std::int32_t left, std::int32_t right) const;
  void append_long(std::vector<std::int32_t> symbols, std::vector<std::int64_t>& ids) const;

  std::array<std::int32_t, 256> inner_{}, last_{};  // ids of a byte inside a word and at its end
  std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace assay
