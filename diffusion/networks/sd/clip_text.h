#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/names.h"
#include "diffusion/networks/layers.h"
#include "diffusion/networks/parameters.h"

namespace assay {

/// quick_gelu is x sigmoid(1.702 x) (SD 1.x), gelu the exact one (SD 2.x), gelu_tanh its tanh approximation.
enum class ClipActivation { quick_gelu, gelu, gelu_tanh };
inline constexpr Names<ClipActivation> clip_activation_names = {{"quick_gelu", ClipActivation::quick_gelu},
                                                                {"gelu", ClipActivation::gelu},
                                                                {"gelu_new", ClipActivation::gelu_tanh},
                                                                {"gelu_pytorch_tanh", ClipActivation::gelu_tanh}};

/// The text half of CLIP (arXiv:2103.00020) under the argument names of transformers' CLIPTextConfig, with its
/// defaults.
struct ClipTextConfig {
  std::int64_t vocab_size = 49408;
  std::int64_t hidden_size = 512;
  std::int64_t intermediate_size = 2048;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 8;
  std::int64_t max_position_embeddings = 77;
  ClipActivation hidden_act = ClipActivation::quick_gelu;
  double layer_norm_eps = 1e-5;
  /// 2 stands for "the largest id of the row" (see ClipText::Outputs), as the published files have it.
  std::int64_t eos_token_id = 49407;
};

/// Reads a text encoder's config.json. Throws InputError, beginning with `where` and the key, for what is not built.
ClipTextConfig read_clip_text_config(const nlohmann::json& config, const std::string& where);

/// Makes a file of a text encoder ready to load and gives the prefix of its keys: "text_model." in the classic layout,
/// "" in that of transformers 5.6 and later. Forgets what is no part of it: position_ids, which some files hold and
/// which are 0, 1, 2 ..., and the text_projection of CLIPTextModelWithProjection. Throws InputError where it is no text
/// encoder.
std::string prepare_clip_text_file(SafetensorsFile& file);

/// CLIP's text transformer: token and position embeddings, pre-norm blocks under a causal mask, final_layer_norm. Keys
/// are those of transformers after `prefix`: embeddings.token_embedding.weight,
/// encoder.layers.I.self_attn.q_proj.weight and so on. Files have them under "text_model." (classic) or without it
/// (transformers 5.6 on).
class ClipText {
 public:
  ClipText(Parameters& parameters, const ClipTextConfig& config, const std::string& prefix = "text_model.");

  /// last_hidden_state [B, L, width] of `ids` [B, L] int64, L at most max_position_embeddings: what a UNet attends to.
  /// `extra_rows` [K, width] are embeddings of the ids vocab_size ... vocab_size + K - 1, as tokens that were added
  /// later have them; gradients reach them. Throws InputError for an id beyond those and for rows that are too long.
  at::Tensor operator()(const at::Tensor& ids, const at::Tensor& extra_rows = {}) const;

  struct Outputs {
    at::Tensor last_hidden_state;  // [B, L, width], after final_layer_norm
    /// [B, width]: last_hidden_state where the largest id stands if eos_token_id is 2, else at the first eos_token_id,
    /// or at position 0 of a row without one.
    at::Tensor pooler_output;
    std::vector<at::Tensor> hidden_states;  // the embeddings, then after each layer, without final_layer_norm
    at::Tensor penultimate_normed;          // final_layer_norm of the state before the last layer
  };
  /// `attention_mask` [B, L]: 0 hides a position from all others. Undefined: none, as pipelines call the network.
  Outputs all(const at::Tensor& ids, const at::Tensor& extra_rows = {}, const at::Tensor& attention_mask = {}) const;

  const ClipTextConfig& config() const { return config_; }
  /// The table of the vocabulary's embeddings [vocab_size, width].
  const at::Tensor& token_embeddings() const { return tokens_->value; }
  /// Of one prompt of full length.
  void count(CostWalk& walk) const;

 private:
  struct Layer {
    Layer(Parameters& parameters, const std::string& name, const ClipTextConfig& config);
    LayerNorm norm1, norm2;
    Linear q, k, v, out, fc1, fc2;
  };

  at::Tensor embed(const at::Tensor& ids, const at::Tensor& extra_rows) const;
  at::Tensor through(const Layer& layer, const at::Tensor& x, const at::Tensor& mask) const;

  ClipTextConfig config_;
  const Parameter *tokens_, *positions_;
  std::vector<Layer> layers_;
  LayerNorm final_norm_;
};

}  // namespace assay
