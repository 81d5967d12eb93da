#pragma once
#include <cmath>
#include <cstdint>

#include "kernels/host_device.h"

namespace assay {

/// What the step multiplies with, worked out once in double on the host.
struct AdamWFactors {
  float grad_scale;
  float beta1, beta1_rest, beta2, beta2_rest;
  float decay;         // 1 - learning_rate * weight_decay
  float step_size;     // -learning_rate / (1 - beta1^step)
  float second_scale;  // 1 / sqrt(1 - beta2^step)
  float epsilon;
  float ema_decay, ema_rest;
};

// Products that are added to something are written as fma, so that no element's bits depend on how a loop was split.
ASSAY_HOST_DEVICE inline float adamw_value(float parameter, float gradient, float& first, float& second,
                                           const AdamWFactors& f) {
  const float g = f.grad_scale * gradient;
  first = fmaf(f.beta1, first, f.beta1_rest * g);
  second = fmaf(f.beta2, second, f.beta2_rest * g * g);
  const float denominator = fmaf(sqrtf(second), f.second_scale, f.epsilon);
  return fmaf(f.step_size, first / denominator, f.decay * parameter);
}

ASSAY_HOST_DEVICE inline float ema_value(float ema, float parameter, const AdamWFactors& f) {
  return fmaf(f.ema_decay, ema, f.ema_rest * parameter);
}

/// Of one step, which counts from 1.
inline AdamWFactors adamw_factors(double learning_rate, double beta1, double beta2, double epsilon, double weight_decay,
                                  std::int64_t step, double grad_scale, double ema_decay) {
  const auto t = static_cast<double>(step);
  AdamWFactors f{};
  f.grad_scale = static_cast<float>(grad_scale);
  f.beta1 = static_cast<float>(beta1);
  f.beta1_rest = static_cast<float>(1.0 - beta1);
  f.beta2 = static_cast<float>(beta2);
  f.beta2_rest = static_cast<float>(1.0 - beta2);
  f.decay = static_cast<float>(1.0 - learning_rate * weight_decay);
  f.step_size = static_cast<float>(-learning_rate / (1.0 - std::pow(beta1, t)));
  f.second_scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, t)));
  f.epsilon = static_cast<float>(epsilon);
  f.ema_decay = static_cast<float>(ema_decay);
  f.ema_rest = static_cast<float>(1.0 - ema_decay);
  return f;
}

}  // namespace assay
