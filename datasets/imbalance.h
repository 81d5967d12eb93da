#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace assay {

/// How the training items of a labelled set are thinned out. Classes are the groups, c = 0 .. C-1 in the order of
/// Dataset::groups(), and n_max is the size of the largest one in the training split.
///   natural            nothing is left out
///   exp:RHO            class c keeps n_max * RHO^(-c / (C - 1)), as in the long-tailed CIFAR of Cui et al. (2019)
///   step:RHO:FRACTION  the last round(FRACTION * C) classes keep n_max / RHO, the others n_max (Buda et al., 2018)
/// Counts are rounded to nearest, and are at least 1.
struct Imbalance {
  enum class Kind { natural, exponential, step };
  Kind kind = Kind::natural;
  double ratio = 1.0;     // RHO, 1 to 1e6
  double fraction = 0.0;  // 0 to 1
};

/// Throws InputError with the accepted forms.
Imbalance parse_imbalance(const std::string& text);

/// How many training items each of `classes` classes should keep. Throws Error when classes < 1 or n_max < 1.
std::vector<std::int64_t> imbalanced_counts(const Imbalance& imbalance, int classes, std::int64_t n_max);

/// A view of `base` with fewer training items: which ones stay is drawn per class by a seeded permutation, the order
/// and the validation split stay. A class with fewer items than asked keeps all, which is listed in problems().
/// The hash covers the items that stay. `natural` gives `base` back.
std::unique_ptr<Dataset> make_imbalanced(std::unique_ptr<Dataset> base, const Imbalance& imbalance, std::uint64_t seed);

}  // namespace assay
