#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/names.h"
#include "diffusion/networks/layers.h"
#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"

namespace assay {

/// What becomes of the last block's tokens.
///   cls         the class token after the last norm (ViTForImageClassification)
///   patch_mean  the mean of the patches' tokens, and of that the norm, as the classifiers tuned from a masked
///               autoencoder have it (vesteinn/vit-mae-cub as Schwartz et al., arXiv:2303.17155, load it)
enum class VitPooling { cls, patch_mean };
inline constexpr Names<VitPooling> vit_pooling_names = {{"cls", VitPooling::cls},
                                                        {"patch_mean", VitPooling::patch_mean}};

/// How the keys of a file are named.
///   saved       as save_pretrained() of transformers writes them and the hub has them
///   state_dict  as ViTForImageClassification has them in memory from transformers 5 on, and so whoever saves its
///               state_dict()
enum class VitKeys { saved, state_dict };

struct VitBlockNames;

/// A class of a classifier, and what to call it: the name that was given for it, or its label.
struct NamedClass {
  std::int64_t id = 0;
  std::string name;
};

/// Under the names of transformers' ViTConfig.
struct VitClassifierConfig {
  std::int64_t image_size = 224;  // pixels a side, a multiple of patch_size
  std::int64_t patch_size = 16;
  std::int64_t num_channels = 3;
  std::int64_t hidden_size = 768;  // a multiple of num_attention_heads
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3072;
  double layer_norm_eps = 1e-12;
  bool qkv_bias = true;
  std::vector<std::string> labels;  // id2label, in the order of the classes; at least one

  std::int64_t classes() const { return static_cast<std::int64_t>(labels.size()); }
  /// The class of a label, ignoring case, of one of the names that commas part in a label ("tiger cat" of "tabby,
  /// tiger cat"), or of this id. Throws InputError where there is none, with the nearest label, and for a name of
  /// several classes ("crane" of ImageNet is a bird and a machine), with their ids.
  NamedClass class_of(const std::string& given) const;
  std::int64_t patches() const { return (image_size / patch_size) * (image_size / patch_size); }
};

/// Reads a config.json as transformers writes it. Keys that change no logit are passed over, since files carry those of
/// many versions. Throws InputError for another model_type than vit, another hidden_act than gelu, values out of range
/// and labels that are not numbered from 0.
VitClassifierConfig read_vit_classifier_config(const nlohmann::json& object, const std::string& where);

/// A vision transformer that classifies images, with the keys of transformers' ViTForImageClassification.
/// It only predicts, and is differentiable in the images.
class VitClassifier {
 public:
  VitClassifier(const VitClassifierConfig& config, VitPooling pooling, VitKeys keys = VitKeys::saved);

  /// Logits [B, classes] of normalised images [B, num_channels, image_size, image_size].
  /// Throws InputError for images of another size.
  at::Tensor logits(const at::Tensor& images) const;

  NetworkCost cost() const;
  const VitClassifierConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }

 private:
  struct Block {
    Block(Parameters& p, std::int64_t index, const VitClassifierConfig& config, VitKeys keys);
    Block(Parameters& p, const VitBlockNames& names, const VitClassifierConfig& config);
    at::Tensor operator()(at::Tensor x) const;
    LayerNorm before;
    Linear query, key, value, out;
    LayerNorm after;
    Linear fc1, fc2;
    std::int64_t heads;
  };

  VitClassifierConfig config_;
  VitPooling pooling_;
  Parameters parameters_;
  const Parameter *cls_, *positions_, *patch_weight_, *patch_bias_;
  std::vector<Block> blocks_;
  LayerNorm norm_;
  Linear head_;
};

/// The classifier in a folder as the hub has it: config.json and model.safetensors, whose keys may be named either way.
/// Throws InputError where one of them is absent, or they do not fit each other.
std::unique_ptr<VitClassifier> open_vit_classifier(const std::filesystem::path& folder, VitPooling pooling,
                                                   at::Device device = at::kCPU);
/// The configuration in such a folder. Throws InputError.
VitClassifierConfig read_vit_classifier_folder(const std::filesystem::path& folder);

}  // namespace assay
