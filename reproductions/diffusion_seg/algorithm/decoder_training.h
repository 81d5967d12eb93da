#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/training/resumable_training.h"
#include "reproductions/diffusion_seg/algorithm/decoder_features.h"
#include "reproductions/diffusion_seg/algorithm/mask_decoder.h"

namespace assay::diffusion_seg {

/// How a decoder is trained. The rate, the batch and the steps are those that our notes on the method propose, since
/// the paper's are not public.
struct DecoderTrainOptions {
  std::int64_t steps = 20000;
  std::int64_t batch = 16;
  double learning_rate = 1e-4;  // constant
  double weight_decay = 0.01;
};

DecoderTrainOptions read_decoder_train_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const DecoderTrainOptions& options);

/// Where the masks of a training come from: [n, H, W] float32 in [0, 1] on the CPU, of the images with these numbers.
using DecoderMasks = std::function<at::Tensor(const std::vector<std::int64_t>& images)>;

/// Of masks in memory, [N, H, W]: uint8, where 255 stands for 1, or float32 in [0, 1]. Throws InputError for another
/// shape or type.
DecoderMasks masks_in_memory(at::Tensor masks);

/// Trains `decoder`, whose weights must be there, by decoder_loss() and AdamW on images and masks of the same numbers,
/// and leaves in `file` what read_mask_decoder() reads, with the loss curve. Every image is shown once in a random
/// order of `seed`, then again in another one. Nothing but the decoder learns: features come as they are.
///
/// Every `checkpoint_seconds` the full state goes to `file`.partial, from which a later call with the same `identity`
/// continues, on a CPU with as many threads to the same bits. `progress(step, loss)` is called after every step;
/// throwing from it interrupts the training. Throws InputError where the features do not fit the decoder or there is no
/// image.
TrainReport train_decoder(MaskDecoder& decoder, const DecoderFeatures& features, const DecoderMasks& masks,
                          const DecoderTrainOptions& options, std::uint64_t seed, const std::filesystem::path& file,
                          const std::string& identity, double checkpoint_seconds,
                          const std::function<void(std::int64_t, double)>& progress);

}  // namespace assay::diffusion_seg
