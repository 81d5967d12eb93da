#include "reproductions/guidance_imbalance/arms.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"

namespace assay::guidance_imbalance {
namespace {

constexpr const char* every_k = "self_label";

/// Every arm that the study knows, in its order.
std::vector<StudyArm> known_arms(const std::vector<std::int64_t>& clusters) {
  std::vector<StudyArm> arms = {{.name = none_arm}, {.name = "label", .kind = ArmKind::label}};
  for (const std::int64_t k : clusters)
    arms.push_back({.name = fmt::format("{}_k{}", every_k, k), .kind = ArmKind::self_label, .clusters = k});
  arms.push_back({.name = "self_box", .kind = ArmKind::self_box});
  arms.push_back({.name = "self_mask", .kind = ArmKind::self_mask});
  arms.push_back({.name = classifier_arm, .kind = ArmKind::classifier});
  arms.push_back({.name = scaled_arm, .kind = ArmKind::classifier, .entropy_scaling = true});
  arms.push_back({.name = constrained_arm, .kind = ArmKind::classifier, .entropy_scaling = true, .constrained = true});
  return arms;
}

}  // namespace

std::vector<StudyArm> study_arms(const std::vector<std::string>& names, const std::vector<std::int64_t>& clusters) {
  std::vector<StudyArm> arms = known_arms(clusters);
  std::vector<std::string> accepted = {every_k};
  for (const StudyArm& arm : arms) accepted.push_back(arm.name);
  for (const std::string& name : names)
    if (std::find(accepted.begin(), accepted.end(), name) == accepted.end())
      throw InputError(unknown_name_message("arm", name, accepted));
  std::erase_if(arms, [&](const StudyArm& arm) {
    const auto asked = [&](const std::string& name) {
      return name == arm.name || (name == every_k && arm.kind == ArmKind::self_label);
    };
    return arm.guided() && std::none_of(names.begin(), names.end(), asked);
  });
  return arms;
}

}  // namespace assay::guidance_imbalance
