#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "metrics/masks/corloc.h"
#include "reproductions/method.h"

namespace assay::diffusion_seg {

/// How the intervals of a run are made.
struct Resampling {
  std::int64_t replicates = 500;
  std::uint64_t seed = 0;
};

/// The grey levels at which precision and recall of maps are kept: 0, 15, ..., 255.
inline constexpr std::int64_t mask_levels = 18, mask_level_step = 15;

/// What maps of images score against their true masks, image by image.
struct MaskScores {
  std::vector<double> saliency;    // rows of saliency_layout(SaliencyProtocol::tokencut)
  std::vector<double> iou;         // of what is above one half
  std::vector<double> boundary_f;  // of the same, in a band of one pixel
  std::vector<double> precision;   // rows of mask_levels: of what reaches the level; 1 where nothing does
  std::vector<double> recall;

  std::int64_t images() const { return static_cast<std::int64_t>(iou.size()); }
  /// Adds those of further images.
  void add(const MaskScores& more);
};

/// Of maps [N, H, W] uint8, hard or soft, and true masks [N, H, W] of 0 and 255, of which none may be 0 everywhere.
MaskScores score_masks(const at::Tensor& maps, const at::Tensor& truth);

/// Adds `iou`, `accuracy` and `max_f` (protocol tokencut) and `boundary_f` of an arm, with intervals over images, and
/// the curves of core/mask_curve_names.h: F with TokenCut's weight, beta squared 0.3.
void add_mask_scores(StageOutput& out, const std::string& arm, const MaskScores& scores, const Resampling& how,
                     const nlohmann::json& params = nlohmann::json::object());
/// Adds `max_f` alone.
void add_max_f(StageOutput& out, const std::string& arm, const MaskScores& scores, const Resampling& how,
               const nlohmann::json& params);
/// The protocols of add_mask_scores(); `reference` says which images and masks, and `truth` what makes a pixel of a
/// true mask 255 before it is scored.
void add_mask_protocols(StageOutput& out, const nlohmann::json& reference,
                        const std::string& truth = "255 where at least half of a pixel is the object's");

/// Adds the mean over images of one value an image, of which more is better, with a bootstrap interval over images.
void add_mean(StageOutput& out, const std::string& arm, const std::string& name, const std::string& unit,
              const std::string& protocol, const std::vector<double>& values, const Resampling& how,
              const nlohmann::json& params = nlohmann::json::object());

/// Adds "NAME difference" of two arms, the mean over images of a - b, with a bootstrap interval over images: the
/// interval of a claim that has one seed.
void add_difference(StageOutput& out, const std::string& name, const std::string& protocol,
                    const std::pair<std::string, const std::vector<double>*>& a,
                    const std::pair<std::string, const std::vector<double>*>& b, const Resampling& how,
                    const nlohmann::json& params_a = nlohmann::json::object());

/// 1 where a box overlaps one of the true ones by at least one half, else 0; no box is a miss.
double box_hit(const std::optional<BoxCorners>& box, std::span<const BoxCorners> truth);
/// The same of images of one true box each.
std::vector<double> box_hits(const std::vector<std::optional<BoxCorners>>& boxes, const std::vector<BoxCorners>& truth);
/// Adds `corloc` of an arm.
void add_corloc(StageOutput& out, const std::string& arm, const std::vector<double>& hits,
                const nlohmann::json& params = nlohmann::json::object());
void add_corloc_protocol(StageOutput& out, const nlohmann::json& reference,
                         const std::string& boxes = "around the true masks, one an image");

/// The boxes around the largest 4-connected component of what is above one half in maps [N, H, W] uint8.
std::vector<std::optional<BoxCorners>> boxes_of(const at::Tensor& maps);

/// 255 where a map [N, H, W] uint8 is above one half, else 0.
at::Tensor hardened(const at::Tensor& maps);

/// Pictures of the images that an arm does best and worst, by its overlap: image and mask side by side.
void add_overlays(StageOutput& out, const Run& run, const std::string& arm, const at::Tensor& images,
                  const at::Tensor& maps, const std::vector<double>& iou);

}  // namespace assay::diffusion_seg
