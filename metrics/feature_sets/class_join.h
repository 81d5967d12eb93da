#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "metrics/feature_sets/feature_set.h"

namespace assay {

/// A class that one side alone has, and how many images of it.
struct LoneClass {
  std::string name;  // or its number in decimal
  std::int64_t images = 0;
};

/// How the classes of two sets were brought together.
struct ClassJoin {
  bool by_name = false;                                     // else by number
  std::vector<LoneClass> reference_alone, generated_alone;  // in natural order
  std::vector<std::string> notes;                           // what a user has to know of it, one line each
};

/// Gives both sets labels that mean the same class: by name, compared exactly, where both have names; by number where
/// neither has, or where all names of the one are whole numbers as decimals without leading zeros ("0", "10"). Names
/// are then numbered in natural order (metrics/feature_sets/natural_order.h), and both sets hold the same list of them,
/// or none where numbers were joined. Throws InputError naming the set without labels, with a label that has no name or
/// with one name twice; and, where one side has names and the other numbers alone, both sides and what can be done.
ClassJoin join_classes(FeatureSet& reference, FeatureSet& generated);

/// The name of a class, or its number in decimal where there are no names.
std::string class_text(std::int64_t label, const std::vector<std::string>& names);

}  // namespace assay
