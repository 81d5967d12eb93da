#include "reproductions/published/step_speed.h"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/elapsed.h"
#include "diffusion/guidance/classifier_guidance.h"
#include "diffusion/networks/adm/encoder_unet.h"
#include "diffusion/networks/adm/unet.h"
#include "diffusion/sampling/adm_sampler.h"
#include "reproductions/samples/sample_noise.h"

namespace assay {
namespace {

/// Widths and head sizes of ADM's networks, at fewer levels and blocks.
template <class Config>
Config small(std::int64_t model_channels, std::int64_t out_channels, bool half) {
  Config c;
  c.image_size = 32;
  c.model_channels = model_channels;
  c.out_channels = out_channels;
  c.num_res_blocks = 1;
  c.channel_mult = {1, 2};
  c.attention_resolutions = {2};
  c.num_head_channels = 64;
  c.use_fp16 = half;
  return c;
}

EncoderUNetConfig small_classifier(bool half) {
  auto c = small<EncoderUNetConfig>(64, 1000, half);
  c.pool = "attention";
  return c;
}

}  // namespace

StepSpeed measure_step_speed(at::Device device, bool half) {
  UNet network(small<UNetConfig>(128, 6, half));
  EncoderUNet classifier(small_classifier(half));
  network.parameters().materialise(0, device);
  classifier.parameters().materialise(0, device);
  const double of_step = network.cost().flops + 2 * classifier.cost().flops;
  if (half) {
    network.convert_to(at::kHalf);
    classifier.convert_to(at::kHalf);
  }
  // A GPU is timed on a batch that fills it.
  const std::int64_t batch = device.is_cpu() ? 1 : 64;
  GaussianProcessOptions options;
  options.variance = VarianceType::learned_range;
  options.respacing = "ddim2";
  const GaussianProcess process(make_noise_schedule("linear", 1000), options);
  const AdmSampler sampler(process, {.kind = AdmSampling::Kind::ddim});
  ClassifierGuidance guidance(classifier, at::zeros({batch}, at::TensorOptions(at::kLong).device(device)), {});
  const at::Tensor noise = sample_noise(0, batch, {3, 32, 32}, 0).to(device);
  const auto run = [&] {
    const auto start = std::chrono::steady_clock::now();
    // Reading a value waits for the device.
    static_cast<void>(sampler.sample(network, guidance, noise).sum().item<float>());
    return seconds_since(start);
  };
  run();  // the first one also starts libraries
  double fastest = run();
  for (double spent = fastest; spent < 1.0;) {
    const double seconds = run();
    spent += seconds;
    fastest = std::min(fastest, seconds);
  }
  StepSpeed speed;
  const auto steps = static_cast<double>(process.steps());
  speed.flops_per_second = steps * static_cast<double>(batch) * of_step / fastest;
  speed.device = device.str();
  speed.how = fmt::format(
      "one guided step of a small network of ADM's kind at 32x32 ({:.1f} GFLOP, {}, batch {}, {}) took {:.3g} s; hours "
      "follow by FLOPs",
      of_step / 1e9, half ? "float16" : "float32", batch,
      device.is_cpu() ? fmt::format("{} threads", at::get_num_threads()) : device.str(), fastest / steps);
  return speed;
}

}  // namespace assay
