#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/names.h"
#include "diffusion/networks/sd/text_to_image.h"
#include "diffusion/sampling/inversion.h"
#include "reproductions/samples/sample_passes.h"

namespace assay::diffusion_seg {

/// What a decoder is shown of an image.
///   inversion  what blocks of the UNet give on the way of the image to noise (DiffusionSeg's exploitation stage)
///   noised     the same blocks at the same time step, of the image with random noise added: q(x_t | x_0)
///   rgb        its pixels
enum class FeatureKind { inversion, noised, rgb };
inline constexpr Names<FeatureKind> feature_kind_names = {
    {"inversion", FeatureKind::inversion}, {"noised", FeatureKind::noised}, {"rgb", FeatureKind::rgb}};

/// How images are inverted, and where features are taken. The paper's choices are not public; these are ours.
struct FeatureOptions {
  InversionConvention convention = InversionConvention::diffusers;
  std::int64_t steps = 50;
  std::int64_t prediction = 10;  // at which of the inversion's predictions, from 0, the image being least noisy there
  std::vector<std::string> blocks = {"up_blocks.1", "up_blocks.2", "up_blocks.3"};
};

/// The inversion of a model as its scheduler's configuration and the options say. Throws InputError as
/// inversion_of_config(), and where it makes too few predictions.
Inversion inversion_of(const TextToImage& model, InversionConvention convention, std::int64_t steps);
/// The time step at which features are taken. Throws InputError where the inversion does not get there.
std::int64_t feature_timestep(const TextToImage& model, const FeatureOptions& options);

/// {"kind"} and, where a network is asked, all options: what features depend on beside the model and the noise.
nlohmann::json to_json(FeatureKind kind, const FeatureOptions& options);

/// Channels of the maps of image_features(), one a block, for images of `height` x `width` pixels. Throws InputError as
/// it does.
std::vector<std::int64_t> feature_channels(const TextToImage& model, FeatureKind kind, const FeatureOptions& options,
                                           std::int64_t height, std::int64_t width);

/// Feature maps [N, C_k, h_k, w_k] float32 on the CPU, one a block (of `rgb` the one that the image is, in [-1, 1]), of
/// images [N, 3, H, W] uint8 of the size that the model draws; an autoencoder, where it has one, makes latents of them
/// first, the means. The inversion goes no further than to the features. The model is told the empty prompt, without
/// guidance. `numbers` name the noise of each image under `seed`, which `noised` adds. An image's features depend on no
/// other's. `progress` gets the number of images that are done. Throws InputError for blocks that the network does not
/// have, and as feature_timestep().
std::vector<at::Tensor> image_features(const TextToImage& model, FeatureKind kind, const FeatureOptions& options,
                                       const at::Tensor& images, const std::vector<std::int64_t>& numbers,
                                       std::uint64_t seed, const PassShape& passes,
                                       const std::function<void(std::int64_t)>& progress);

/// The images [N, 3, H, W] float in [-1, 1] that come back when images [N, 3, H, W] uint8 are inverted and drawn again.
at::Tensor reconstructed(const TextToImage& model, const Inversion& inversion, const at::Tensor& images,
                         const PassShape& passes, const std::function<void(std::int64_t)>& progress);

}  // namespace assay::diffusion_seg
