#pragma once
#include <limits>
#include <vector>

#include "diffusion/guidance/classifier_free.h"

namespace assay {

/// Noise levels sigma = sqrt((1 - alpha_bar) / alpha_bar) above `low` and up to `high` (SamplingPoint::sigma; the unit
/// of Karras et al., arXiv:2206.00364, in which data have a deviation of about 0.5). Without arguments all of them.
struct NoiseInterval {
  double low = 0.0;  // at least 0
  double high = std::numeric_limits<double>::infinity();

  bool contains(double sigma) const { return sigma > low && sigma <= high; }
  bool operator==(const NoiseInterval&) const = default;
};

/// From its two bounds, low and high. Throws InputError unless there are two and 0 <= low < high.
NoiseInterval noise_interval(const std::vector<double>& bounds);

/// Guidance in a limited interval (Kynkaanniemi et al., arXiv:2404.07724): classifier-free guidance of the weight at
/// the noise levels of the interval, elsewhere the conditional prediction alone, which is w = 1 in the `imagen`
/// convention. Without a condition there is one branch at every level.
class IntervalGuidance : public Guidance {
 public:
  /// `condition` and `weight` as for ClassifierFreeGuidance.
  IntervalGuidance(const Condition& condition, double weight, const NoiseInterval& interval)
      : inside_(condition, weight), outside_(condition, 1.0), interval_(interval) {}

  Branches predict(const Denoiser& denoiser, const SamplingPoint& point) const override;
  /// A chain may have no step inside or none outside.
  Evaluations evaluations() const override;

 private:
  ClassifierFreeGuidance inside_, outside_;
  NoiseInterval interval_;
};

}  // namespace assay
