#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/feature_sets/gaussian.h"

namespace assay {

class DoubleMoments;

/// What is known of one set of images: a feature vector for each, class logits for each, or statistics alone.
struct FeatureSet {
  std::string name;        // the file, for messages
  std::string hash;        // of the numbers, whatever file holds them (core/hash.h)
  std::int64_t count = 0;  // samples; 0 where a statistics file does not say
  std::int64_t width = 0;  // numbers a sample

  /// [count, width], row after row, all finite. Empty: statistics or logits alone.
  std::span<const float> features;
  /// The same before they were rounded to float32, where they were given in float64; else empty. Fréchet distances take
  /// them, everything else takes `features`.
  std::span<const double> doubles;
  /// Given in float64, whether `doubles` keeps that or not.
  bool from_double = false;
  /// What the numbers were before they were converted to float32, which holds them exactly: "float16", "uint8". Empty
  /// of float32 and float64.
  std::string converted_from;
  /// [count, classes]; empty where the file has none.
  std::span<const float> logits;
  std::int64_t classes = 0;
  /// [count]; empty where the file has none, and where what it has is no label of each sample.
  std::vector<std::int64_t> labels;
  /// Then a whole line that says so, for scores that need labels; else empty.
  std::string label_fault;
  /// Name of label k at k; empty where labels are numbers and nothing else.
  std::vector<std::string> class_names;
  /// Of each sample, as ImageSource::names() gives them: "cat/0"; empty where the file has none.
  std::vector<std::string> names;

  /// What of the file was taken, understood or left out, one line each.
  std::vector<std::string> notes;

  /// Statistics of ours, which know their count and take any divisor; so do those of float64 features.
  std::shared_ptr<const FeatureMoments> moments;
  std::shared_ptr<const DoubleMoments> double_moments;
  /// `mu` and `sigma` of a public statistics file, divided by whatever its maker divided by.
  std::optional<Gaussian> statistics;
  /// `mu_s` and `sigma_s` of the same: the spatial features behind sFID.
  std::optional<Gaussian> spatial_statistics;

  /// What the spans look into.
  std::shared_ptr<const void> storage;

  bool has_features() const { return !features.empty(); }
  bool statistics_only() const {
    return !has_features() && (moments || double_moments || statistics || spatial_statistics);
  }
};

/// Some samples of a set, copied: features, logits and labels, without statistics; `name` is kept, `hash` is not.
FeatureSet select(const FeatureSet& set, std::span<const std::int64_t> samples);

/// The set as its spatial statistics where a public file has them beside the usual ones; features and statistics of
/// ours as they are. Throws InputError naming the keys where public statistics lack them.
FeatureSet spatial_of(const FeatureSet& set);

/// `converted_from` of all these without repetition; empty where none was converted.
std::string conversions(std::initializer_list<const FeatureSet*> sets);

/// Throws InputError naming both unless they hold equally many numbers a sample.
void check_widths(const FeatureSet& reference, const FeatureSet& generated);

/// The Gaussian of a set: low-rank from features with count <= width. `divisor` is not applied to public statistics.
/// Throws InputError naming the set when it has fewer than two samples.
Gaussian gaussian(const FeatureSet& set, Divisor divisor = Divisor::n_minus_1);

/// The hash of count, width and numbers of features and logits, for FeatureSet::hash.
std::string hash_of_samples(const FeatureSet& set);

}  // namespace assay
