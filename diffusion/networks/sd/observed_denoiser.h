#pragma once
#include "diffusion/networks/sd/text_to_image.h"

namespace assay {

/// A text-to-image model while an observer looks into its UNet: for samplers, guidances and inversions in place of the
/// model itself. Both must outlive this object.
class ObservedDenoiser : public Denoiser {
 public:
  ObservedDenoiser(const TextToImage& model, AttentionObserver& observer) : model_(model), observer_(observer) {}

  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override {
    return model_.predict(x, timesteps, condition, &observer_);
  }
  Prediction prediction() const override { return model_.prediction(); }
  std::int64_t condition_size() const override { return model_.condition_size(); }
  bool takes_text() const override { return model_.takes_text(); }

 private:
  const TextToImage& model_;
  AttentionObserver& observer_;
};

}  // namespace assay
