#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/networks/layers.h"
#include "diffusion/networks/parameters.h"

namespace assay::diffusion_seg {

/// Sizes of a MaskDecoder.
struct MaskDecoderOptions {
  std::int64_t width = 128;  // channels that every scale is brought to
  std::int64_t groups = 32;  // of normalisation; divides the width
  std::int64_t side = 64;    // positions a side at which the scales are added
};

MaskDecoderOptions read_mask_decoder_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const MaskDecoderOptions& options);

/// What turns the features of an image into a mask: the light decoder of DiffusionSeg's exploitation stage
/// (arXiv:2303.09813), whose sizes are ours, since the paper's are not public. Each scale goes through a convolution of
/// kernel 1 to `width` channels and group normalisation, and is brought to side x side positions: bilinearly from fewer
/// (half-pixel centres, align_corners false), by the mean over the area from more. Their sum goes twice through a 3x3
/// convolution, group normalisation and SiLU, and through a convolution of kernel 1 to one logit a position, which is
/// enlarged bilinearly to the image.
///
/// A scale is any map: features of an inverted image, of a noised one, or the pixels themselves. Keys:
/// `scales.K.projection`, `scales.K.norm`, `blocks.I.convolution`, `blocks.I.norm` for I = 0, 1, and `logit`, each with
/// `.weight` and `.bias`.
class MaskDecoder {
 public:
  /// For maps of these channels, one a scale; without weights until parameters().materialise() or load(). Throws
  /// InputError where there is no scale, or a number is out of range or no multiple of the groups.
  MaskDecoder(std::vector<std::int64_t> channels, const MaskDecoderOptions& options);

  /// Logits [B, height, width] of feature maps [B, C_k, h_k, w_k] float32, one a scale, on the decoder's device;
  /// differentiable. Throws InputError where their number, channels or batch are others.
  at::Tensor logits(const std::vector<at::Tensor>& features, std::int64_t height, std::int64_t width) const;

  const std::vector<std::int64_t>& channels() const { return channels_; }
  const MaskDecoderOptions& options() const { return options_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  /// Where the weights are, once they are there.
  at::Device device() const;

 private:
  struct Block {
    Conv2d convolution;
    GroupNorm norm;
  };

  std::vector<std::int64_t> channels_;
  MaskDecoderOptions options_;
  Parameters parameters_;
  std::deque<Block> scales_, blocks_;
  std::optional<Conv2d> logit_;
};

/// What a file says of the decoder in it: its channels and options, as metadata `decoder`.
void describe_mask_decoder(SafetensorsWriter& writer, const MaskDecoder& decoder);

/// Writes the weights under `model.`, what describe_mask_decoder() says, and `identity`, which names what was trained
/// on what.
void write_mask_decoder(const MaskDecoder& decoder, const std::filesystem::path& file, const std::string& identity);

/// A decoder that write_mask_decoder() or train_decoder() wrote. Throws InputError where the file is broken, holds
/// something else, or has another identity (empty: not checked).
std::unique_ptr<MaskDecoder> read_mask_decoder(const std::filesystem::path& file, const std::string& identity = "",
                                               at::Device device = at::kCPU);

}  // namespace assay::diffusion_seg
