#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/diffusion_seg/algorithm/decoder_features.h"
#include "reproductions/diffusion_seg/algorithm/decoder_training.h"
#include "reproductions/diffusion_seg/algorithm/mask_decoder.h"
#include "reproductions/diffusion_seg/config.h"
#include "reproductions/method.h"

namespace assay::diffusion_seg {

/// What a decoder of a run is trained on.
struct DecoderExamples {
  std::string name;         // of the decoder: "decoder inversion"
  nlohmann::json identity;  // of the examples: all that they depend on
  std::vector<std::int64_t> channels;
  std::int64_t side = 0;  // pixels of an image
  // Asked for where the cache has no such decoder. Image i of the features is that of mask i.
  std::function<DecoderFeatures()> features;
  std::function<DecoderMasks()> masks;
};

/// The decoder, trained in stage "train:NAME" or found in the cache.
std::unique_ptr<MaskDecoder> trained_decoder(Run& run, const DecoderConfig& config, const DecoderExamples& examples);

}  // namespace assay::diffusion_seg
