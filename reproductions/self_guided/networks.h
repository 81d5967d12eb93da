#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "diffusion/condition_block.h"
#include "diffusion/networks/trainable_denoiser.h"
#include "reproductions/self_guided/signals.h"
#include "reproductions/self_guided/study.h"

namespace assay::self_guided {

/// One denoiser, the conditions it knows, and what it is trained on.
struct Network {
  std::string name;
  bool layouts = false;                // UNetCa of boxes and masks, in the place of the image-level UNet
  std::vector<ConditionBlock> blocks;  // of the training images; none for an unconditional network
  std::vector<ConditionBlock> held_out;
  at::Tensor images;  // [N, 3, H, W], the training images
  std::string data;   // content id of the images
};

/// What the null condition of a network for layouts goes by: "uncond_layout", "uncond_self_box", "uncond_self_mask".
std::string unguided_layout_arm(const Config& config, const std::string& arm);

/// One network for all signals (`name`) or one each, named after its arm.
std::vector<Network> networks_of(const Study& s, const std::vector<Signal>& signals, const std::string& name,
                                 bool layouts);

/// The network of given blocks, with weights yet to come.
std::unique_ptr<TrainableDenoiser> make_network(const Config& config, const std::vector<ConditionBlock>& blocks,
                                                bool layouts);

/// Trains a denoiser with condition dropout, or finds it in the cache, or takes the shipped one, and loads the weights
/// that will be sampled. Stage "train:NAME". Throws InputError where the shipped one learned something else.
std::unique_ptr<TrainableDenoiser> trained_network(Study& s, const Network& network);

/// Whether a network has learned what its conditions mean: its loss on held-out images under their own condition, and
/// that less the loss under the null condition, paired by image and noise (protocol denoising-loss). Stage "loss:NAME".
/// The null condition goes by the name `unguided`; `record_null`: whether its own loss is recorded here.
void held_out_losses(Study& s, const Denoiser& net, const Network& network, const std::string& unguided,
                     bool record_null);

}  // namespace assay::self_guided
