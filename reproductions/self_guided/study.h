#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "metrics/features/conv_encoder.h"
#include "reproductions/method.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/self_guided/config.h"
#include "reproductions/self_guided/shipped_network.h"

namespace assay::self_guided {

/// What all stages of a run share.
struct Study {
  Run& run;
  Config config;
  LabelledImages train, validation;
  const ShippedNetwork* shipped = nullptr;  // stands in the place of a training, with the conditions it knows

  Study(Run& r, Config c, const ShippedNetwork* network = nullptr);
  /// The same study, whose stages belong to a part of its run (Run::side_by_side).
  Study(const Study& whole, Run& part);

  /// The human labels of arm `label`, and how many there are.
  const std::vector<std::int64_t>& labels(const LabelledImages& images) const {
    return labels_of(images, config.label);
  }
  std::int64_t label_count() const { return assay::label_count(run.dataset(), config.label); }
};

inline constexpr const char* unguided_arm = "uncond_w0";
inline constexpr const char* uncond_model_arm = "uncond_model";
inline constexpr const char* label_arm = "label";
inline constexpr const char* random_arm = "random_label";
inline constexpr const char* box_arm = "self_box";
inline constexpr const char* mask_arm = "self_mask";

/// Arm of K clusters of an encoder: "self_label_k100" for the first encoder, "self_label_pca_k100" for another.
std::string self_label_arm(std::int64_t clusters);
std::string self_label_arm(Encoder encoder, std::int64_t clusters);

/// {"w", "w_cfg"}: both conventions of the guidance weight.
nlohmann::json guidance_params(double w);

/// g: the self-supervised encoder, trained once for all seeds or found in the cache.
ConvEncoder trained_encoder(Study& s);

}  // namespace assay::self_guided
