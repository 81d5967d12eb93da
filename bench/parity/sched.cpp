#include <ATen/TensorOperators.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include "bench/parity/modules.h"
#include "bench/parity/toy_denoiser.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "kernels/host_tensor.h"

namespace assay::parity {
namespace {

Outputs sample(Scheduler& scheduler, const Case& c, const ToyDenoiser& network) {
  scheduler.set_timesteps(c.integer("steps"));
  at::Tensor x = c.tensor("x_T");
  if (c.has("scale_initial") && c.number("scale_initial") != 0) x = x * scheduler.init_noise_sigma();
  const at::Tensor noise = c.tensor_or_undefined("step_noise");
  if (scheduler.needs_noise() && !noise.defined())
    throw InputError("sampler: this configuration needs an input 'step_noise'");
  std::vector<at::Tensor> trajectory, inputs;
  for (const double t : scheduler.timesteps()) {
    const auto step = static_cast<std::int64_t>(inputs.size());
    inputs.push_back(scheduler.scale_model_input(x));
    x = scheduler.step(network(inputs.back(), t), x, noise.defined() ? noise[step] : at::Tensor());
    trajectory.push_back(x);
  }
  return {{"timesteps", host_tensor(scheduler.timesteps())},
          {"trajectory", at::stack(trajectory)},
          {"model_inputs", at::stack(inputs)},
          {"sample", x},
          {"init_noise_sigma", at::scalar_tensor(scheduler.init_noise_sigma(), at::kDouble)},
          {"sigmas", host_tensor(scheduler.sigmas())}};
}

}  // namespace

/// The samplers of diffusers on a toy network.
Module sched(nlohmann::json config, const SafetensorsFile* /*state*/) {
  const ToyDenoiser network(config.value("toy_model", nlohmann::json::object()));
  return [config, network](const Case& c) -> Outputs {
    const std::string name = c.text("scheduler");
    const nlohmann::json& known = config.at("schedulers");
    if (!known.contains(name)) throw InputError(fmt::format("the pack has no scheduler '{}'", name));
    nlohmann::json arguments = config.value("betas", nlohmann::json::object());
    arguments.update(known.at(name).value("kwargs", nlohmann::json::object()));
    for (const char* of_step : {"eta", "use_clipped_model_output"})
      if (c.has(of_step)) arguments[of_step] = c.literal(of_step);
    const auto scheduler = make_scheduler(known.at(name).at("class").get<std::string>(), arguments, name);
    if (c.call() == "sample" || c.call() == "sample_eta") return sample(*scheduler, c, network);
    if (c.call() != "add_noise") throw unknown_call(c, "sample, sample_eta, add_noise");
    if (c.has("steps")) scheduler->set_timesteps(c.integer("steps"));
    return {{"noisy", scheduler->add_noise(c.tensor("x"), c.tensor("noise"), c.tensor("t"))}};
  };
}

}  // namespace assay::parity
