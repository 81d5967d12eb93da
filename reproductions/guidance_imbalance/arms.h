#pragma once
#include <cstdint>
#include <string>
#include <vector>

/// The designed comparison `assay study guidance-imbalance`: what guides, against how long the tail of the training set
/// is.
namespace assay::guidance_imbalance {

/// What guides an arm.
///   none        nothing: the null condition
///   label       people's labels
///   self_label  k-means clusters of a self-supervised encoder, K of them
///   self_box    LOST's box and the image's cluster
///   self_mask   k-means segments
///   classifier  a noisy classifier of people's labels; with ED-DPM's entropy scale (EDS), and trained with its entropy
///               constraint (ECT)
enum class ArmKind { none, label, self_label, self_box, self_mask, classifier };

struct StudyArm {
  std::string name;
  ArmKind kind = ArmKind::none;
  std::int64_t clusters = 0;     // K of self_label
  bool entropy_scaling = false;  // EDS
  bool constrained = false;      // ECT

  bool guided() const { return kind != ArmKind::none; }
};

inline constexpr const char* none_arm = "none";
inline constexpr const char* classifier_arm = "classifier";
inline constexpr const char* scaled_arm = "classifier_eds";
inline constexpr const char* constrained_arm = "classifier_eds_ect";

/// The arms of these names in the order of the study, each once: none, label, self_label_kK (`self_label` stands for
/// every K of `clusters`), self_box, self_mask, classifier, classifier_eds, classifier_eds_ect. `none` is always among
/// them, since every other arm is held against it. Throws InputError for another name, and for a K that is not among
/// `clusters`.
std::vector<StudyArm> study_arms(const std::vector<std::string>& names, const std::vector<std::int64_t>& clusters);

}  // namespace assay::guidance_imbalance
