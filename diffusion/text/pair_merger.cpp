#include "diffusion/text/pair_merger.h"

#include <fmt/format.h>

#include <limits>
#include <queue>
#include <tuple>

#include "core/error.h"
#include "diffusion/text/byte_symbols.h"

namespace assay {
namespace {

constexpr std::size_t short_word = 32;  // bytes up to which a scan for the next pair is faster than a queue
constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

}  // namespace

PairMerger::PairMerger(const Vocabulary& vocabulary, const Merges& merges, std::int64_t unknown,
                       const std::string& where) {
  const auto id_of = [&](const std::string& piece, std::int64_t otherwise) {
    const auto found = vocabulary.find(piece);
    return static_cast<std::int32_t>(found == vocabulary.end() ? otherwise : found->second);
  };
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::string& symbol = byte_symbols()[byte];
    inner_[byte] = id_of(symbol, unknown);
    last_[byte] = id_of(symbol + std::string(end_of_word), unknown);
  }
  merges_.reserve(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const auto& [left, right] = merges[i];
    for (const std::string& piece : {left, right, left + right})
      if (!vocabulary.contains(piece))
        throw InputError(
            fmt::format("{}: merge {} makes '{}' of '{}' and '{}', and '{}' is not in the vocabulary: the merges of "
                        "another model?",
                        where, i + 1, left + right, left, right, piece));
    // Of a pair that stands twice the later rank counts.
    merges_[key(id_of(left, 0), id_of(right, 0))] = {static_cast<std::uint32_t>(i), id_of(left + right, 0)};
  }
}

const PairMerger::Merge* PairMerger::find(std::int32_t left, std::int32_t right) const {
  const auto found = merges_.find(key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void PairMerger::append(std::string_view word, std::vector<std::int64_t>& ids) const {
  if (word.empty()) return;
  std::vector<std::int32_t> symbols;
  symbols.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i)
    symbols.push_back((i + 1 < word.size() ? inner_ : last_)[static_cast<unsigned char>(word[i])]);
  if (symbols.size() > short_word) return append_long(std::move(symbols), ids);

  // The merge of each symbol with its right neighbour; none for the last.
  std::vector<Merge> next(symbols.size(), Merge{none, 0});
  const auto look = [&](std::size_t i) {
    const Merge* merge = i + 1 < symbols.size() ? find(symbols[i], symbols[i + 1]) : nullptr;
    next[i] = merge ? *merge : Merge{none, 0};
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) look(i);
  while (true) {
    std::size_t first = 0;
    for (std::size_t i = 1; i < symbols.size(); ++i)
      if (next[i].rank < next[first].rank) first = i;
    if (next[first].rank == none) break;
    symbols[first] = next[first].whole;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(first) + 1);
    next.erase(next.begin() + static_cast<std::ptrdiff_t>(first) + 1);
    look(first);
    if (first > 0) look(first - 1);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

void PairMerger::append_long(std::vector<std::int32_t> symbols, std::vector<std::int64_t>& ids) const {
  constexpr std::int32_t gone = -1;
  const auto size = static_cast<std::int64_t>(symbols.size());
  std::vector<std::int64_t> before(symbols.size()), after(symbols.size());
  for (std::int64_t i = 0; i < size; ++i) {
    before[static_cast<std::size_t>(i)] = i - 1;
    after[static_cast<std::size_t>(i)] = i + 1;
  }
  // Rank and place of a pair, with the ids that it had when it was put in: a pair whose halves have changed is stale.
  using Candidate = std::tuple<std::uint32_t, std::int64_t, std::int32_t, std::int32_t>;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto look = [&](std::int64_t i) {
    if (i < 0 || after[static_cast<std::size_t>(i)] >= size) return;
    const std::int32_t left = symbols[static_cast<std::size_t>(i)],
                       right = symbols[static_cast<std::size_t>(after[static_cast<std::size_t>(i)])];
    if (const Merge* merge = find(left, right)) queue.emplace(merge->rank, i, left, right);
  };
  for (std::int64_t i = 0; i < size; ++i) look(i);
  while (!queue.empty()) {
    const auto [rank, place, left, right] = queue.top();
    queue.pop();
    const auto i = static_cast<std::size_t>(place);
    if (symbols[i] != left || after[i] >= size || symbols[static_cast<std::size_t>(after[i])] != right) continue;
    const auto j = static_cast<std::size_t>(after[i]);
    symbols[i] = find(left, right)->whole;
    symbols[j] = gone;
    after[i] = after[j];
    if (after[j] < size) before[static_cast<std::size_t>(after[j])] = place;
    look(before[i]);
    look(place);
  }
  for (const std::int32_t symbol : symbols)
    if (symbol != gone) ids.push_back(symbol);
}

}  // namespace assay
