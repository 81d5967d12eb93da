#include "reproductions/diffusion_seg/algorithm/image_features.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "diffusion/networks/sd/feature_taps.h"
#include "diffusion/networks/sd/observed_denoiser.h"
#include "diffusion/networks/sd/unet_layers.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "kernels/host_tensor.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"

namespace assay::diffusion_seg {
namespace {

std::string scheduler_place(const TextToImage& model) { return model.config().where + "scheduler"; }

const InversionStep& step_of(const Inversion& inversion, const FeatureOptions& options) {
  const auto predictions = static_cast<std::int64_t>(inversion.steps().size());
  if (options.prediction < 0 || options.prediction >= predictions)
    throw InputError(fmt::format("features.prediction: {}; accepted: 0 to {}, as the inversion makes {} predictions",
                                 options.prediction, predictions - 1, predictions));
  return inversion.steps()[static_cast<std::size_t>(options.prediction)];
}

at::Device device_of(const TextToImage& model) { return model.text_encoder().token_embeddings().device(); }

/// What belongs to the images of a pass, of rows [N, ...].
at::Tensor rows_of_pass(const at::Tensor& rows, const SamplePass& pass) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(rows.size(0)));
  std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
  return rows_of(rows, pass.of(numbers));
}

/// Images [n, 3, H, W] uint8 as the UNet sees them: pixels in [-1, 1], or latents.
at::Tensor seen_by(const TextToImage& model, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  const at::Tensor pixels = from_bytes(images).to(device_of(model));
  return model.vae() ? model.vae()->encode_mean(pixels) : pixels;
}

std::vector<SdUNetBlock> blocks_of(const TextToImage& model, const FeatureOptions& options, std::int64_t height,
                                   std::int64_t width) {
  const LatentGrid grid{height / model.latent_factor(), width / model.latent_factor()};
  std::vector<SdUNetBlock> blocks;
  blocks.reserve(options.blocks.size());
  for (const std::string& name : options.blocks) blocks.push_back(unet_block(model.unet().config(), grid, name));
  return blocks;
}

/// Image x noised to time step t, for the images of a pass.
at::Tensor noised(const TextToImage& model, const at::Tensor& x, std::int64_t timestep,
                  const std::vector<std::int64_t>& numbers, std::uint64_t seed) {
  const NoiseSchedule schedule = schedule_of_config(model.config().scheduler, scheduler_place(model));
  const double alpha_bar = schedule.alpha_bar[static_cast<std::size_t>(timestep)];
  std::vector<at::Tensor> noise;
  noise.reserve(numbers.size());
  for (const std::int64_t number : numbers)
    noise.push_back(sample_noise(number, 1, {x.size(1), x.size(2), x.size(3)}, seed));
  return x * std::sqrt(alpha_bar) + at::cat(noise).to(x.device()) * std::sqrt(1 - alpha_bar);
}

}  // namespace

Inversion inversion_of(const TextToImage& model, InversionConvention convention, std::int64_t steps) {
  return inversion_of_config(model.config().scheduler, scheduler_place(model), convention, steps);
}

std::int64_t feature_timestep(const TextToImage& model, const FeatureOptions& options) {
  return step_of(inversion_of(model, options.convention, options.steps), options).timestep;
}

nlohmann::json to_json(FeatureKind kind, const FeatureOptions& options) {
  if (kind == FeatureKind::rgb) return {{"kind", "rgb"}};
  return {{"kind", name_of(kind, feature_kind_names)},
          {"convention", name_of(options.convention, inversion_convention_names)},
          {"steps", options.steps},
          {"prediction", options.prediction},
          {"blocks", options.blocks}};
}

std::vector<std::int64_t> feature_channels(const TextToImage& model, FeatureKind kind, const FeatureOptions& options,
                                           std::int64_t height, std::int64_t width) {
  if (kind == FeatureKind::rgb) return {3};
  std::vector<std::int64_t> channels;
  for (const SdUNetBlock& block : blocks_of(model, options, height, width)) channels.push_back(block.channels);
  return channels;
}

std::vector<at::Tensor> image_features(const TextToImage& model, FeatureKind kind, const FeatureOptions& options,
                                       const at::Tensor& images, const std::vector<std::int64_t>& numbers,
                                       std::uint64_t seed, const PassShape& passes,
                                       const std::function<void(std::int64_t)>& progress) {
  if (kind == FeatureKind::rgb) {
    progress(images.size(0));
    return {from_bytes(images)};
  }
  const Inversion inversion = inversion_of(model, options.convention, options.steps);
  const std::int64_t timestep = step_of(inversion, options).timestep;
  std::vector<std::vector<std::int64_t>> shapes;
  std::vector<std::int64_t> sizes;
  for (const SdUNetBlock& block : blocks_of(model, options, images.size(2), images.size(3))) {
    shapes.push_back({block.channels, block.grid.height, block.grid.width});
    sizes.push_back(block.channels * block.grid.positions());
  }
  const auto of_pass = [&](const SamplePass& pass) {
    const at::Tensor x = seen_by(model, rows_of_pass(images, pass));
    const std::int64_t prediction = kind == FeatureKind::inversion ? options.prediction : 0;
    FeatureTaps taps(options.blocks, {prediction}, pass.rows);
    const ObservedDenoiser observed(model, taps);
    if (kind == FeatureKind::inversion)
      inversion.invert(observed, Condition(), x, {}, options.prediction + 1);
    else
      observed.predict(noised(model, x, timestep, pass.of(numbers), seed),
                       at::full({pass.rows}, timestep, x.options().dtype(at::kLong)), Condition());
    // One row an image, as passes are put together.
    std::vector<at::Tensor> flat;
    flat.reserve(options.blocks.size());
    for (const std::string& block : options.blocks) flat.push_back(taps.features(block, prediction).flatten(1));
    return at::cat(flat, 1);
  };
  const at::Tensor flat = draw_in_passes(images.size(0), passes, of_pass, progress);
  std::vector<at::Tensor> features;
  features.reserve(shapes.size());
  std::int64_t begin = 0;
  for (std::size_t k = 0; k < shapes.size(); ++k) {
    features.push_back(
        flat.narrow(1, begin, sizes[k]).reshape({-1, shapes[k][0], shapes[k][1], shapes[k][2]}).contiguous());
    begin += sizes[k];
  }
  return features;
}

at::Tensor reconstructed(const TextToImage& model, const Inversion& inversion, const at::Tensor& images,
                         const PassShape& passes, const std::function<void(std::int64_t)>& progress) {
  return draw_in_passes(
      images.size(0), passes,
      [&](const SamplePass& pass) {
        const at::Tensor x = from_bytes(rows_of_pass(images, pass)).to(device_of(model));
        return inversion.sample(model, Condition(), inversion.invert(model, Condition(), x));
      },
      progress);
}

}  // namespace assay::diffusion_seg
