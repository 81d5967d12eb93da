#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace assay {

/// Classes whose rows are scored together: a single class, or the head, middle or tail of a long-tailed set.
struct Stratum {
  std::string name;  // "class cat", "class 7", "head", "medium", "tail"
  std::vector<std::int64_t> classes;
  bool one_class = false;  // of class_strata()
};

/// How classes are told head, medium and tail, by their number of reference rows.
struct TailRule {
  std::string text;  // as the user gave it
  /// Above `head` is head, below `tail` is tail. Both 0: thirds of the classes.
  std::int64_t head = 0, tail = 0;
};

/// "thirds": classes sorted by falling count (equal counts by smaller label, which is natural order of names), cut into
/// three parts as equal as can be, the larger ones first. "many-few:A,B": more than A rows is head, fewer than B tail,
/// the rest medium; A = 100 and B = 20 are those of the long-tail literature (Liu et al. 2019). Throws InputError for
/// anything else.
TailRule parse_tail_rule(const std::string& text);

/// One stratum for each label of either side, in rising order. `names` holds the name of label k at k, or nothing.
std::vector<Stratum> class_strata(std::span<const std::int64_t> reference_labels,
                                  std::span<const std::int64_t> generated_labels,
                                  const std::vector<std::string>& names = {});

/// Head, medium and tail, of which any may hold no class. Throws InputError without labels.
std::vector<Stratum> tail_strata(std::span<const std::int64_t> reference_labels, const TailRule& rule);

/// Rows of both sides with equal numbers in each class.
struct MatchedRows {
  std::vector<std::int64_t> generated, reference;  // rising
};

/// For each class of the stratum the rows of the side that has fewer of it and, drawn without replacement by
/// RandomStream(seed, resample), as many of the other: neither side's size nor its mix of classes decides the score.
/// Without a class that has more rows on one side, all draws are equal.
MatchedRows draw_matched(const Stratum& stratum, std::span<const std::int64_t> generated_labels,
                         std::span<const std::int64_t> reference_labels, std::uint64_t seed, std::int64_t draw);

/// Whether draw_matched() has a choice.
bool has_choice(const Stratum& stratum, std::span<const std::int64_t> generated_labels,
                std::span<const std::int64_t> reference_labels);

}  // namespace assay
