#pragma once
#include <nlohmann/json.hpp>

#include "reproductions/diffusion_seg/algorithm/cut_arms.h"
#include "reproductions/diffusion_seg/study.h"

namespace assay::diffusion_seg {

/// What was chosen, and what it was chosen from.
struct Calibration {
  CutChoices choices;
  nlohmann::json tried;  // {"images", "thresholds": [[value, IoU]], "lambdas": {arm: [[value, IoU]]}}; null: nothing
};

/// The threshold and, for each arm that minimises an energy, the lambda with the highest mean IoU on images that are
/// drawn for this alone and whose masks their colours show (palette_masks()), the smallest of equal ones: chosen once
/// for all seeds and kept in the cache. Without such images, what the configuration gives. Throws InputError where none
/// of the images shows an object.
Calibration calibrated(const Study& s);

/// Records it in stage "calibration".
void record_calibration(const Study& s, const Calibration& calibration);

}  // namespace assay::diffusion_seg
