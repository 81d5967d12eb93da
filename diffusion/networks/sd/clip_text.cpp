#include "diffusion/networks/sd/clip_text.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>
#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/error.h"
#include "core/safetensors.h"

namespace assay {
namespace {

at::Tensor activated(const at::Tensor& x, ClipActivation activation) {
  switch (activation) {
    case ClipActivation::quick_gelu:
      return x * at::sigmoid(x * 1.702);
    case ClipActivation::gelu:
      return at::gelu(x);
    case ClipActivation::gelu_tanh:
      return at::gelu(x, "tanh");
  }
  return x;
}

/// Keys of a config.json that say nothing of how the network predicts.
constexpr const char* indifferent_keys[] = {"_attn_implementation_autoset",
                                            "_name_or_path",
                                            "architectures",
                                            "attention_dropout",
                                            "bos_token_id",
                                            "dropout",
                                            "dtype",
                                            "gradient_checkpointing",
                                            "initializer_factor",
                                            "initializer_range",
                                            "model_type",
                                            "pad_token_id",
                                            "projection_dim",
                                            "torch_dtype",
                                            "transformers_version",
                                            "use_cache"};

}  // namespace

ClipTextConfig read_clip_text_config(const nlohmann::json& config, const std::string& where) {
  ConfigReader reader(config, where);
  ClipTextConfig c;
  constexpr std::int64_t most = 1 << 20;
  if (config.contains("model_type") && config.at("model_type") != "clip_text_model")
    throw InputError(
        fmt::format("{}.model_type: {}; accepted: \"clip_text_model\"", where, config.at("model_type").dump()));
  c.vocab_size = reader.integer("vocab_size", c.vocab_size, 1, most);
  c.hidden_size = reader.integer("hidden_size", c.hidden_size, 1, most);
  c.intermediate_size = reader.integer("intermediate_size", c.intermediate_size, 1, most);
  c.num_hidden_layers = reader.integer("num_hidden_layers", c.num_hidden_layers, 1, 1000);
  c.num_attention_heads = reader.integer("num_attention_heads", c.num_attention_heads, 1, most);
  c.max_position_embeddings = reader.integer("max_position_embeddings", c.max_position_embeddings, 2, most);
  c.hidden_act = reader.choice("hidden_act", c.hidden_act, clip_activation_names);
  c.layer_norm_eps = reader.real("layer_norm_eps", c.layer_norm_eps, 0, 1);
  if (config.contains("eos_token_id") && config.at("eos_token_id").is_null())
    reader.allow("eos_token_id");
  else
    c.eos_token_id = reader.integer("eos_token_id", c.eos_token_id, 0, most);
  for (const char* key : indifferent_keys) reader.allow(key);
  reader.finish();
  if (c.hidden_size % c.num_attention_heads != 0)
    throw InputError(fmt::format("{}.hidden_size: {} is not a multiple of the {} heads", where, c.hidden_size,
                                 c.num_attention_heads));
  return c;
}

std::string prepare_clip_text_file(SafetensorsFile& file) {
  const std::string table = "embeddings.token_embedding.weight";
  for (const std::string prefix : {"text_model.", ""}) {
    if (!file.has(prefix + table)) continue;
    file.forget(prefix + "embeddings.position_ids");
    file.forget("text_projection.weight");
    return prefix;
  }
  throw InputError(
      fmt::format("{}: no text encoder of CLIP: it has neither text_model.{} nor {}", file.path(), table, table));
}

ClipText::Layer::Layer(Parameters& p, const std::string& name, const ClipTextConfig& c)
    : norm1(p, name + ".layer_norm1", c.hidden_size, LayerNorm::Keys::weight_bias, c.layer_norm_eps),
      norm2(p, name + ".layer_norm2", c.hidden_size, LayerNorm::Keys::weight_bias, c.layer_norm_eps),
      q(p, name + ".self_attn.q_proj", c.hidden_size, c.hidden_size, true, true),
      k(p, name + ".self_attn.k_proj", c.hidden_size, c.hidden_size, true, true),
      v(p, name + ".self_attn.v_proj", c.hidden_size, c.hidden_size, true, true),
      out(p, name + ".self_attn.out_proj", c.hidden_size, c.hidden_size, true, true),
      fc1(p, name + ".mlp.fc1", c.hidden_size, c.intermediate_size, true, true),
      fc2(p, name + ".mlp.fc2", c.intermediate_size, c.hidden_size, true, true) {}

ClipText::ClipText(Parameters& p, const ClipTextConfig& config, const std::string& prefix)
    : config_(config),
      tokens_(p.declare({prefix + "embeddings.token_embedding.weight",
                         {config.vocab_size, config.hidden_size},
                         Initial::normal_002})),
      positions_(p.declare({prefix + "embeddings.position_embedding.weight",
                            {config.max_position_embeddings, config.hidden_size},
                            Initial::normal_002})),
      final_norm_(p, prefix + "final_layer_norm", config.hidden_size, LayerNorm::Keys::weight_bias,
                  config.layer_norm_eps) {
  layers_.reserve(static_cast<std::size_t>(config.num_hidden_layers));
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
    layers_.emplace_back(p, fmt::format("{}encoder.layers.{}", prefix, i), config);
}

at::Tensor ClipText::embed(const at::Tensor& ids, const at::Tensor& extra_rows) const {
  if (ids.dim() != 2 || ids.scalar_type() != at::kLong || ids.numel() == 0)
    throw InputError("text encoder: token ids must be an int64 tensor [B, L], neither of them 0");
  const std::int64_t length = ids.size(1), extra = extra_rows.defined() ? extra_rows.size(0) : 0;
  if (length > config_.max_position_embeddings)
    throw InputError(
        fmt::format("text encoder: {} tokens in a row; accepted: at most {}", length, config_.max_position_embeddings));
  if (extra_rows.defined() && (extra_rows.dim() != 2 || extra_rows.size(1) != config_.hidden_size))
    throw InputError(fmt::format("text encoder: embeddings of added tokens must be [K, {}]", config_.hidden_size));
  const std::int64_t low = ids.min().item<std::int64_t>(), high = ids.max().item<std::int64_t>();
  if (low < 0 || high >= config_.vocab_size + extra)
    throw InputError(fmt::format("text encoder: token id {}; accepted: 0 to {}", low < 0 ? low : high,
                                 config_.vocab_size + extra - 1));
  // The table of all tokens may be kept in fewer bits than what is computed in.
  const at::ScalarType type = positions_->value.scalar_type();
  at::Tensor x;
  if (extra == 0) {
    x = at::embedding(tokens_->value, ids).to(type);
  } else {
    // The table itself is not extended: that would copy all of it at each call.
    const at::Tensor added = ids.ge(config_.vocab_size);
    const at::Tensor known = at::embedding(tokens_->value, ids.clamp_max(config_.vocab_size - 1)).to(type);
    const at::Tensor rows = at::embedding(extra_rows, (ids - config_.vocab_size).clamp_min(0));
    x = at::where(added.unsqueeze(2), rows.to(type), known);
  }
  return x + positions_->value.narrow(0, 0, length);
}

at::Tensor ClipText::through(const Layer& layer, const at::Tensor& x, const at::Tensor& mask) const {
  const std::int64_t batch = x.size(0), length = x.size(1), heads = config_.num_attention_heads;
  const auto by_head = [&](const at::Tensor& y) {
    return y.view({batch, length, heads, config_.hidden_size / heads}).transpose(1, 2);
  };
  const at::Tensor normed = layer.norm1(x);
  const at::Tensor q = by_head(layer.q(normed)), k = by_head(layer.k(normed)), v = by_head(layer.v(normed));
  const at::Tensor attended = mask.defined() ? at::scaled_dot_product_attention(q, k, v, mask)
                                             : at::scaled_dot_product_attention(q, k, v, {}, 0.0, true);
  const at::Tensor y = x + layer.out(attended.transpose(1, 2).reshape({batch, length, config_.hidden_size}));
  return y + layer.fc2(activated(layer.fc1(layer.norm2(y)), config_.hidden_act));
}

at::Tensor ClipText::operator()(const at::Tensor& ids, const at::Tensor& extra_rows) const {
  at::Tensor x = embed(ids, extra_rows);
  for (const Layer& layer : layers_) x = through(layer, x, {});
  return final_norm_(x);
}

ClipText::Outputs ClipText::all(const at::Tensor& ids, const at::Tensor& extra_rows,
                                const at::Tensor& attention_mask) const {
  const std::int64_t length = ids.dim() == 2 ? ids.size(1) : 0;
  at::Tensor x = embed(ids, extra_rows), mask;
  if (attention_mask.defined()) {
    if (attention_mask.sizes() != ids.sizes())
      throw InputError("text encoder: the attention mask must be of the shape of the ids");
    const at::Tensor position = at::arange(length, ids.options());
    const at::Tensor seen =
        attention_mask.ne(0).view({-1, 1, 1, length}) & position.unsqueeze(0).le(position.unsqueeze(1));
    const at::Tensor nothing = at::full({}, std::numeric_limits<float>::lowest(), x.options());
    // A finite number: a position whose every predecessor is hidden then attends to all of them alike, as in
    // transformers, and not to nothing.
    mask = at::where(seen, at::full({}, 0.0, x.options()), nothing);
  }
  Outputs out;
  out.hidden_states.reserve(layers_.size() + 1);
  out.hidden_states.push_back(x);
  for (const Layer& layer : layers_) out.hidden_states.push_back(through(layer, out.hidden_states.back(), mask));
  out.last_hidden_state = final_norm_(out.hidden_states.back());
  out.penultimate_normed = final_norm_(out.hidden_states[out.hidden_states.size() - 2]);
  const at::Tensor at_end =
      config_.eos_token_id == 2 ? ids.argmax(1) : ids.eq(config_.eos_token_id).to(at::kInt).argmax(1);
  out.pooler_output =
      out.last_hidden_state.gather(1, at_end.view({-1, 1, 1}).expand({ids.size(0), 1, config_.hidden_size})).squeeze(1);
  return out;
}

void ClipText::count(CostWalk& walk) const {
  const std::int64_t length = config_.max_position_embeddings, width = config_.hidden_size;
  for (const Layer& layer : layers_) {
    for (const Linear* linear : {&layer.q, &layer.k, &layer.v, &layer.out, &layer.fc1, &layer.fc2})
      linear->count(walk, length);
    walk.multiply(length, width, 2 * length);  // scores and their sum over values
    walk.work(length * (4 * width + config_.intermediate_size));
    walk.keep(length * (8 * width + 3 * config_.intermediate_size));
  }
}

}  // namespace assay
