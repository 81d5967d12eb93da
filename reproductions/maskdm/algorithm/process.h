#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/names.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/sampling/ddim.h"

namespace assay::maskdm {

/// What the network's output means, and what is asked of it (gaussian_ddpm.py).
///   pred_noise  eps
///   pred_x0     x_0
///   pred_v      sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0 (Salimans and Ho, arXiv:2202.00512)
enum class Objective { pred_noise, pred_x0, pred_v };
inline constexpr Names<Objective> objective_names = {
    {"pred_noise", Objective::pred_noise}, {"pred_x0", Objective::pred_x0}, {"pred_v", Objective::pred_v}};

enum class Loss { l1, l2 };
inline constexpr Names<Loss> loss_names = {{"l1", Loss::l1}, {"l2", Loss::l2}};

/// MaskDM's forward process and DDIM (gaussian_ddpm.py). Its schedules are those of make_noise_schedule; unlike
/// guided-diffusion, the logarithm of the posterior variance is floored at ln 1e-20, and eps is kept after x_0 was
/// clipped.
class Process {
 public:
  /// "linear" or "cosine". `shift`: pixels of a side of the images for which the cosine's signal-to-noise ratio is
  /// shifted from that of 64 pixels (Hoogeboom et al., arXiv:2301.11093); 0 for none. Throws InputError as
  /// make_noise_schedule, and for a shift of the linear one.
  Process(const std::string& schedule, std::int64_t steps = 1000, std::int64_t shift = 0);

  const NoiseSchedule& schedule() const { return schedule_; }
  /// Variance of q(x_{t-1} | x_t, x_0) and its logarithm, [T] in double.
  std::vector<double> posterior_variance() const;
  std::vector<double> posterior_log_variance() const;

  /// x_t from x_0 and noise, [B, C, H, W]; t [B] int64.
  at::Tensor q_sample(const at::Tensor& x_start, const at::Tensor& t, const at::Tensor& noise) const;
  /// What a network of this objective should give.
  at::Tensor target(Objective objective, const at::Tensor& x_start, const at::Tensor& t, const at::Tensor& noise) const;
  /// The noise that an output of the network stands for at x_t. Of the objectives other than pred_noise it is derived
  /// from the x_0 after `clip`.
  at::Tensor predicted_noise(Objective objective, const at::Tensor& output, const at::Tensor& x, const at::Tensor& t,
                             const std::function<at::Tensor(const at::Tensor&)>& clip) const;

  /// The time steps of S sampling steps, noisiest first and -1 last: linspace(-1, T - 1, S + 1) in float32, truncated
  /// towards zero. Throws InputError unless 1 <= S <= T.
  std::vector<std::int64_t> ddim_times(std::int64_t sampling_steps) const;

  /// DDIM over these times; the last step goes to x_0 itself. `limit_x0`: what is done with the x_0 of every step.
  /// Where float32 would round 1 - alpha_bar' - sigma^2 below 0 and the published code then gives NaN, 0 is taken.
  /// Throws InputError as ddim_times().
  DdimSampler ddim_sampler(std::int64_t sampling_steps, double eta,
                           std::function<at::Tensor(const at::Tensor&)> limit_x0) const;

 private:
  at::Tensor at_step(const std::vector<double>& table, const at::Tensor& t) const;

  NoiseSchedule schedule_;
  std::vector<double> signal_, noise_;  // sqrt(alpha_bar), sqrt(1 - alpha_bar)
};

}  // namespace assay::maskdm
