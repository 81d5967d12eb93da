#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "metrics/clustering/linear_probe.h"
#include "metrics/feature_sets/strata.h"
#include "reproductions/fd_small.h"
#include "reproductions/guidance_imbalance/config.h"

namespace assay::guidance_imbalance {

/// The classes that are scored and the images of a balanced reference.
struct BalancedReference {
  std::vector<std::int64_t> images;   // of the whole training split, ascending: as many of each scored class
  std::vector<std::int64_t> classes;  // scored, ascending
  std::int64_t each = 0;              // images of a class
};

/// As many images of each class that has `least` and more in `labels` [N], drawn from a fixed seed: every seed and
/// every imbalance of a study meets one reference. Throws InputError where fewer than three classes have so many, since
/// there are then no head, medium and tail.
BalancedReference balanced_reference(const std::vector<std::int64_t>& labels, std::int64_t least);

/// All of them, head, medium and tail by `longest_tail`, the labels of the training images under the longest tail
/// (thirds of metrics/feature_sets/strata.h), and each class; only of `classes`.
std::vector<Stratum> study_strata(const std::vector<std::int64_t>& classes,
                                  const std::vector<std::int64_t>& longest_tail, const std::vector<std::string>& names);

/// Scores images against the balanced reference, as a whole and for each stratum, in features of fd-small's network,
/// which is trained on the whole training split, before any thinning.
///   recall, coverage     share of the stratum's reference images that lie in the balls of all generated images, or
///                        whose ball among the stratum's holds one of them
///   precision, fd-small  of the generated images that a linear probe sees as of the stratum, against its reference
/// A stratum of which a probe sees fewer images than neighbour balls need, or than fd-small has features, has no such
/// score: a note says so.
class TailJudge {
 public:
  /// `whole`: the training split before any thinning, of which `run` looks at the data set; `longest_tail` as in
  /// study_strata().
  TailJudge(Run& run, const LabelledImages& whole, const std::vector<std::int64_t>& longest_tail, const Config& config);

  /// The protocols of all scores, once a stage.
  void name_protocols(StageOutput& out) const;
  /// Adds the scores of images with these features; `params` get the key `of`, the stratum.
  void add_scores(const std::string& arm, const at::Tensor& features, const nlohmann::json& params,
                  StageOutput& out) const;

  at::Tensor features(const at::Tensor& images) const { return fd_.features(images); }
  /// fd-small to the whole reference.
  double distance(const at::Tensor& features) const;
  /// The images that the probe sees as of the tail.
  std::vector<std::int64_t> seen_in_tail(const at::Tensor& features) const;
  const BalancedReference& reference() const { return reference_; }
  /// Head, medium, tail and what is left out, a line each.
  std::vector<std::string> in_words(const std::vector<std::string>& names) const;

 private:
  std::vector<Score> neighbour_scores(const std::string& arm, const at::Tensor& generated, const at::Tensor& reference,
                                      const nlohmann::json& params, const std::vector<std::string>& wanted) const;

  FdSmall fd_;
  BalancedReference reference_;
  std::vector<Stratum> strata_;
  at::Tensor features_;                          // of the reference
  std::vector<std::vector<std::int64_t>> rows_;  // of the reference, of each stratum
  LinearProbe probe_;                            // of the whole split
  std::int64_t replicates_;
  std::uint64_t seed_;
  std::int64_t left_out_;  // classes with too few images
};

}  // namespace assay::guidance_imbalance
