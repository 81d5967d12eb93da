#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace assay {

/// By what the rows of two sets belong together.
enum class PairRule {
  stem,    // equal names without extension, folder of the class included
  number,  // the number in each name: 10 with 00010, img-3 with sample_003
  order    // place: names in natural order (metrics/feature_sets/natural_order.h), rows of files as they stand
};

std::string name_of(PairRule rule);
/// Throws InputError naming the three for any other text.
PairRule parse_pair_rule(const std::string& text);

/// The rows of one set, as far as their names say what they are.
struct RowNames {
  std::string set;  // for messages
  std::int64_t count = 0;
  /// Of each row, without extension; of images in class folders with the folder, "cat/0". Empty where rows have no
  /// names.
  std::vector<std::string> names;
  /// Rows of a feature file. `assay metric features` writes the images of a folder in the order of their names as
  /// text, so beside such a file without names the other set stays in that order.
  bool feature_file = false;
};

struct RowPairing {
  PairRule rule = PairRule::order;
  std::vector<std::int64_t> rows;  // row rows[i] of b belongs to row i of a
  std::string note;                // one line: both sets, the rule, and the first pair whose names differ

  /// False where rows[i] is i.
  bool reorders() const;
  /// The row of a that this row of b belongs to.
  std::int64_t partner_of(std::int64_t row) const;
  /// Leaves out rows of a, ascending, with their partners, which it returns, ascending. What is left moves up.
  std::vector<std::int64_t> leave_out(std::span<const std::int64_t> rows_of_a);
};

/// Pairs by `rule`, or by the first of stem, number and order that can be used. Stems can be used where both sets have
/// the same ones, each once. Numbers can be used where, in each folder, all names of a set are alike but for one run of
/// digits, and where both sets have the same numbers, each once.
/// Throws InputError with the reason where the given rule cannot be used, and where the sets differ in size; then it
/// names the first rows without a partner, where rows have names.
RowPairing pair_rows(const RowNames& a, const RowNames& b, std::optional<PairRule> rule = std::nullopt);

}  // namespace assay
