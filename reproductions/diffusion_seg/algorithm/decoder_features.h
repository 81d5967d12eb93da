#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "reproductions/diffusion_seg/algorithm/mask_decoder.h"
#include "reproductions/samples/sample_passes.h"

namespace assay::diffusion_seg {

/// The features that a decoder sees, of any number of images.
struct DecoderFeatures {
  std::int64_t count = 0;                   // images
  std::vector<std::int64_t> channels = {};  // of each scale, as MaskDecoder takes them
  /// One map [n, C_k, h_k, w_k] float32 a scale, on the CPU or the decoder's device, of the images with these numbers,
  /// each from 0 to count - 1; a number may occur twice. soft_masks() may call it from several threads at a time.
  std::function<std::vector<at::Tensor>(const std::vector<std::int64_t>& images)> load = {};
};

/// Of maps in memory, [N, C_k, h_k, w_k] float32 or float16 a scale. Throws InputError where there is none, or their
/// numbers of images differ.
DecoderFeatures features_in_memory(std::vector<at::Tensor> scales);

/// Keeps maps [N, C_k, h_k, w_k] float32 or float16 as `scale.0`, `scale.1`, ... in one file, atomically.
void write_features(const std::filesystem::path& file, const std::vector<at::Tensor>& scales);

/// Of files that write_features() wrote, as one row of images: those of the first file, then those of the second.
/// Nothing is read before it is asked for, and no more than the images that are (the files are mapped). Throws
/// InputError where there is no file, one is broken, or two have other channels or sides.
DecoderFeatures features_in_files(const std::vector<std::filesystem::path>& files);

/// Images of a larger set: number i is `images[i]` there. Throws InputError for a number that the set does not have.
DecoderFeatures chosen_features(const DecoderFeatures& features, std::vector<std::int64_t> images);

/// What the decoder makes of all images: probabilities [count, height, width] float32 on the CPU, in passes of one
/// shape, so that on a CPU an image's bits depend on no other. `progress` gets the number of images that are done.
at::Tensor soft_masks(const MaskDecoder& decoder, const DecoderFeatures& features, std::int64_t height,
                      std::int64_t width, const PassShape& passes, const std::function<void(std::int64_t)>& progress);

}  // namespace assay::diffusion_seg
