#include "diffusion/networks/sd/text_to_image.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/safetensors.h"
#include "diffusion/networks/sd/matching_parts.h"

namespace assay {
namespace {

std::unique_ptr<SdVae> make_vae(Parameters& parameters, const TextToImageConfig& config) {
  if (config.vae.is_null()) return nullptr;
  return std::make_unique<SdVae>(parameters, read_sd_vae_config(config.vae, config.where + "vae"));
}

at::Tensor ids_tensor(const std::vector<std::int64_t>& ids) {
  at::Tensor row = at::empty({1, static_cast<std::int64_t>(ids.size())}, at::kLong);
  std::copy(ids.begin(), ids.end(), row.mutable_data_ptr<std::int64_t>());
  return row;
}

void hash_weight(Hasher& hasher, const std::string& name, std::span<const std::byte> bytes) {
  hasher.text(name).number(static_cast<std::int64_t>(bytes.size())).bytes(bytes.data(), bytes.size());
}

}  // namespace

std::string text_identity_of(const SafetensorsFile& file, const std::string& prefix) {
  Hasher hasher;
  for (const auto& [key, view] : file.tensors())
    if (key.starts_with(prefix)) hash_weight(hasher, TextToImage::text_prefix + key.substr(prefix.size()), view.data);
  return hasher.hex();
}

TextToImage::TextToImage(const TextToImageConfig& config, ClipTokenizer tokenizer)
    : config_(config),
      tokenizer_(std::move(tokenizer)),
      prediction_(read_prediction(config.scheduler, config.where + "scheduler")),
      unet_(parameters_, read_sd_unet_config(config.unet, config.where + "unet"), unet_prefix),
      text_(parameters_, read_clip_text_config(config.text_encoder, config.where + "text_encoder"), text_prefix),
      vae_(make_vae(vae_parameters_, config)) {
  require_matching_parts(unet_.config(), text_.config(), tokenizer_, vae_ ? &vae_->config() : nullptr, config.where);
}

at::Tensor TextToImage::predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const {
  return predict(x, timesteps, condition, nullptr);
}

at::Tensor TextToImage::predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                                AttentionObserver* observer) const {
  return unet_(x, timesteps, states_of(condition, x.size(0)), observer);
}

at::Tensor TextToImage::predict_in_training(const at::Tensor& x, const at::Tensor& timesteps,
                                            const Condition& condition, std::uint64_t /*dropout_seed*/) const {
  return predict(x, timesteps, condition);
}

at::Tensor TextToImage::states_of(const Condition& condition, std::int64_t batch) const {
  if (condition.vector.defined() || condition.layout.defined())
    throw InputError("text-to-image: a vector or a layout given to a network that takes a text");
  if (!condition.text.defined()) return states(empty_ids(tokenizer_.length())).expand({batch, -1, -1});
  return condition.text.is_floating_point() ? condition.text : states(condition.text);
}

Condition TextToImage::drop_condition(const Condition& condition, const at::Tensor& drop) const {
  const at::Tensor& text = condition.text;
  if (!text.defined()) return condition;
  const at::Tensor nothing = empty_ids(text.size(1));
  return Condition::of_text(text.is_floating_point()
                                ? at::where(drop.view({-1, 1, 1}), states(nothing).to(text.scalar_type()), text)
                                : at::where(drop.view({-1, 1}), nothing, text));
}

at::Tensor TextToImage::empty_ids(std::int64_t length) const {
  std::vector<std::int64_t> row(static_cast<std::size_t>(length), tokenizer_.pad_id());
  const std::vector<std::int64_t> ends = tokenizer_.pieces("");
  if (length < static_cast<std::int64_t>(ends.size()))
    throw InputError(fmt::format("text-to-image: texts of {} tokens; accepted: at least {}", length, ends.size()));
  std::copy(ends.begin(), ends.end(), row.begin());
  return ids_tensor(row).to(device());
}

at::Tensor TextToImage::ids(const std::vector<std::string>& prompts, std::vector<std::int64_t>* dropped) const {
  if (prompts.empty()) throw Error("text-to-image: no prompt");
  std::vector<at::Tensor> rows;
  rows.reserve(prompts.size());
  if (dropped) dropped->clear();
  for (const std::string& prompt : prompts) {
    const ClipTokenizer::Prompt encoded = tokenizer_.encode(prompt);
    rows.push_back(ids_tensor(encoded.ids));
    if (dropped) dropped->push_back(encoded.dropped);
  }
  return at::cat(rows).to(device());
}

at::Tensor TextToImage::states(const at::Tensor& ids, const at::Tensor& extra_rows, double others) const {
  const at::Tensor& rows = extra_rows.defined() ? extra_rows : added_rows_;
  if (others == 1.0) return text_(ids, rows);
  // Every position gets a row of its own, so that the table itself stays as it is.
  const std::int64_t known = text_.config().vocab_size;
  const at::Tensor flat = ids.reshape({-1});
  at::Tensor table = others * at::embedding(text_.token_embeddings(), flat.clamp_max(known - 1)).to(at::kFloat);
  if (rows.defined())
    table = at::where(flat.ge(known).unsqueeze(1), at::embedding(rows, (flat - known).clamp_min(0)).to(table), table);
  return text_(known + at::arange(flat.numel(), flat.options()).view(ids.sizes()), table);
}

void TextToImage::pack() {
  parameters_.pack();
  if (vae_) vae_parameters_.pack();
}

at::Tensor TextToImage::decode(const at::Tensor& latents) const {
  return (vae_ ? vae_->decode(latents) : latents).clamp(-1, 1);
}

std::int64_t TextToImage::add_token(const std::string& word, const at::Tensor& row) {
  if (row.dim() != 1 || row.size(0) != text_width())
    throw InputError(fmt::format("token '{}': its row is [{}]; accepted by this text encoder: [{}]", word,
                                 fmt::join(row.sizes(), ", "), text_width()));
  const std::int64_t added = added_rows_.defined() ? added_rows_.size(0) : 0;
  if (tokenizer_.vocabulary_size() != text_.config().vocab_size + added)
    throw InputError(
        fmt::format("token '{}': the tokenizer has {} tokens and the text encoder {} rows; accepted: as "
                    "many of both",
                    word, tokenizer_.vocabulary_size(), text_.config().vocab_size + added));
  const std::int64_t id = tokenizer_.add_token(word);
  const at::Tensor one = row.detach().to(device(), at::kFloat).unsqueeze(0);
  added_rows_ = added_rows_.defined() ? at::cat({added_rows_, one}) : one.clone();
  return id;
}

at::Tensor TextToImage::token_row(std::int64_t id) const {
  const std::int64_t known = text_.config().vocab_size, added = added_rows_.defined() ? added_rows_.size(0) : 0;
  if (id < 0 || id >= known + added)
    throw InputError(fmt::format("token id {}; accepted: 0 to {}", id, known + added - 1));
  return id < known ? text_.token_embeddings().select(0, id) : added_rows_.select(0, id - known);
}

std::vector<std::int64_t> TextToImage::latent_shape() const {
  const auto& [height, width] = unet_.config().sample_size;
  if (height == 0 || width == 0)
    throw InputError(config_.where + "unet.sample_size: not given; accepted: the side of what the network draws");
  return {unet_.config().in_channels, height, width};
}

std::string TextToImage::text_identity() const {
  if (!text_identity_.empty()) return text_identity_;
  std::map<std::string, at::Tensor> weights;
  for (const Parameter& parameter : parameters_.all())
    if (parameter.name.starts_with(text_prefix)) weights.emplace(parameter.name, parameter.value);
  Hasher hasher;
  for (const auto& [name, value] : weights) {
    const at::Tensor host = value.detach().to(at::kCPU, at::kFloat).contiguous();
    hash_weight(hasher, name,
                std::as_bytes(std::span(host.const_data_ptr<float>(), static_cast<std::size_t>(host.numel()))));
  }
  return hasher.hex();
}

NetworkCost TextToImage::cost() const {
  const std::vector<std::int64_t> shape = latent_shape();
  CostWalk walk(shape[0], shape[1], shape[2]);
  unet_.count(walk, tokenizer_.length());
  return walk.cost(parameters_.count());
}

}  // namespace assay
