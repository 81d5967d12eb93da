#include "reproductions/maskdm/algorithm/step_cost.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/philox.h"
#include "kernels/adamw_step.h"
#include "reproductions/maskdm/algorithm/masked_loss.h"

namespace assay::maskdm {
namespace {

at::Tensor normal(std::int64_t batch, const MaskUVitConfig& config, std::uint64_t item) {
  at::Tensor values = at::empty({batch, config.in_chans, config.img_size, config.img_size}, at::kFloat);
  RandomStream random(0, Purpose::noise, item);
  random.fill_normal({values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  return values;
}

}  // namespace

CostedStep::CostedStep(const MaskUVitConfig& config, std::int64_t batch, at::Device device)
    : network_(config),
      images_(normal(batch, config, 0).to(device)),
      noise_(normal(batch, config, 1).to(device)),
      timesteps_(at::empty({batch}, at::kLong)) {
  for (std::int64_t i = 0; i < batch; ++i)
    timesteps_.mutable_data_ptr<std::int64_t>()[i] = i * process_.schedule().steps() / batch;
  timesteps_ = timesteps_.to(device);
  Parameters& parameters = network_.parameters();
  parameters.materialise(0, device);
  parameters.require_gradients();
  first_ = at::zeros_like(parameters.flat());
  second_ = at::zeros_like(parameters.flat());
  average_ = parameters.flat().clone();
}

at::Tensor CostedStep::visible_patches(const MaskOptions& mask) const {
  if (mask.kind == MaskOptions::Kind::none) return {};
  const MaskUVitConfig& config = network_.config();
  if (config.data_chans > 0) throw InputError("step cost: wavelets are not timed; accepted: data_chans 0");
  const std::int64_t grid = config.grid(), batch = images_.size(0), shown = visible_count(mask, grid);
  at::Tensor visible = at::empty({batch, shown}, at::kLong);
  for (std::int64_t i = 0; i < batch; ++i) {
    RandomStream random(0, Purpose::training, static_cast<std::uint64_t>(i));
    const std::vector<std::int64_t> patches = draw_visible(mask, grid, random);
    std::copy(patches.begin(), patches.end(), visible.mutable_data_ptr<std::int64_t>() + i * shown);
  }
  return visible.to(images_.device());
}

double CostedStep::seconds(const MaskOptions& mask) {
  const at::Tensor visible = visible_patches(mask);
  Parameters& parameters = network_.parameters();
  const auto start = std::chrono::steady_clock::now();
  parameters.flat_gradient().zero_();
  masked_loss(network_, process_, images_, timesteps_, noise_, visible).loss.backward();
  AdamWStep step;
  step.learning_rate = 1e-6;  // far from where numbers change their size
  step.step = ++steps_;
  step.ema_decay = 0.999;
  const at::NoGradGuard no_grad;
  adamw_step(parameters.flat(), parameters.flat_gradient(), first_, second_, average_, step);
  // Reading a value waits for the device.
  static_cast<void>(average_[0].item<float>());
  return seconds_since(start);
}

double CostedStep::flops(const MaskOptions& mask) const {
  return 3 * static_cast<double>(images_.size(0)) * network_.cost(visible_count(mask, network_.config().grid())).flops;
}

}  // namespace assay::maskdm
