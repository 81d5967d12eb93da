#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/names.h"
#include "diffusion/prediction.h"
#include "diffusion/process/noise_schedule.h"

namespace assay {

/// Where the steps lie on the training time steps (arXiv:2305.08891, table 2).
enum class Spacing { linspace, leading, trailing };
inline constexpr Names<Spacing> spacing_names = {
    {"linspace", Spacing::linspace}, {"leading", Spacing::leading}, {"trailing", Spacing::trailing}};

struct DynamicThreshold {
  double ratio = 0.995;
  double max_value = 1.0;
};

/// A sampler as the diffusers library (0.35) cuts it: the caller evaluates the network between the steps.
///
///   scheduler.set_timesteps(count);
///   x = scheduler.init_noise_sigma() * normal noise;   (the inverse one: x0)
///   for (double t : scheduler.timesteps())
///     x = scheduler.step(network(scheduler.scale_model_input(x), t), x);
///
/// Class and argument names, defaults and the numbers are those of diffusers; where its behaviour surprises, the class
/// says so. Tensors are [B, C, H, W] float32 on any device. The object keeps the history of one chain: set_timesteps
/// begins another.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Throws InputError for a count that the spacing cannot give: below 1, above T, or with time steps outside [0, T).
  void set_timesteps(std::int64_t count);

  /// What the network is given, in the order of the calls; not always one a step asked for (PNDM). Before
  /// set_timesteps: T - 1 ... 0.
  const std::vector<double>& timesteps() const { return timesteps_; }
  /// Whether all of them are whole numbers in every configuration (int64 in diffusers; float32 with Euler).
  virtual bool whole_timesteps() const { return true; }
  /// sqrt((1 - alpha_bar) / alpha_bar) at each step and at the end; empty for the samplers that work on alpha_bar.
  const std::vector<double>& sigmas() const { return sigmas_; }
  /// The share of x0 in the power of what the network sees at the current step. Throws Error past the last step.
  double current_alpha_bar() const;
  /// The deviation of the starting noise.
  virtual double init_noise_sigma() const { return 1.0; }

  /// What the network sees of x at the current step.
  virtual at::Tensor scale_model_input(const at::Tensor& x) const { return x; }
  /// Whether step() reads `noise`.
  virtual bool needs_noise() const { return false; }
  /// x after the current step, and goes on to the next. Throws Error past the last step, and without noise where it is
  /// needed.
  at::Tensor step(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise = {});

  /// x0 made as noisy as the time steps `t` [B] int64 say, in the scaling that the sampler works in.
  /// Throws InputError for a time step outside the table.
  virtual at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& t) const;

  /// What step() takes the network's output for.
  virtual Prediction prediction() const = 0;

 protected:
  explicit Scheduler(NoiseSchedule schedule);

  /// Fills timesteps_ (and sigmas_) and forgets the chain before.
  virtual void plan(std::int64_t count) = 0;
  virtual at::Tensor advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) = 0;

  std::int64_t training_steps() const { return schedule_.steps(); }
  /// Throws InputError for a time step outside the table.
  double alpha_bar(std::int64_t t) const;

  NoiseSchedule schedule_;
  std::vector<double> timesteps_, sigmas_;
  std::size_t index_ = 0;  // of the current step

 private:
  void require_a_step_left() const;
};

/// `count` time steps, ascending, for T training steps.
///   leading   i floor(T / count) + offset
///   trailing  round(T - i T / count) - 1, without the -1 that NumPy's range of floats adds for 62 of the counts below
///             1000, which diffusers then reads from the table's other end
///   linspace  round of count numbers from 0 to T - 1
std::vector<std::int64_t> spaced_timesteps(Spacing spacing, std::int64_t training_steps, std::int64_t count,
                                           std::int64_t offset);

/// numpy.linspace(0, last, count).
std::vector<double> even_numbers(double last, std::int64_t count);
/// numpy.arange(first, 0, -stride).round() - 1 without numbers below 0.
std::vector<std::int64_t> trailing_timesteps(std::int64_t first, double stride);

}  // namespace assay
