#include "diffusion/networks/vit/vit_classifier.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "core/safetensors.h"

namespace assay {
namespace {

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The labels of id2label, whose keys are the numbers of the classes as text; of num_labels alone those that
/// transformers makes.
std::vector<std::string> read_labels(ConfigReader& reader, const nlohmann::json& object, const std::string& where) {
  const std::int64_t unnamed = reader.integer("num_labels", 0, 0, 1 << 20);
  std::vector<std::string> labels;
  if (!object.contains("id2label") && unnamed > 0) {
    labels.reserve(static_cast<std::size_t>(unnamed));
    for (std::int64_t id = 0; id < unnamed; ++id) labels.push_back(fmt::format("LABEL_{}", id));
    return labels;
  }
  if (!object.contains("id2label") || !object.at("id2label").is_object() || object.at("id2label").empty())
    throw InputError(where + ".id2label: absent; accepted: an object that names every class");
  const nlohmann::json& names = object.at("id2label");
  labels.reserve(names.size());
  for (std::size_t id = 0; id < names.size(); ++id) {
    const auto found = names.find(std::to_string(id));
    if (found == names.end() || !found->is_string())
      throw InputError(fmt::format("{}.id2label: no text for class {} of {}", where, id, names.size()));
    labels.push_back(found->get<std::string>());
  }
  return labels;
}

void require_text(const nlohmann::json& object, const std::string& key, const std::string& accepted,
                  const std::string& where) {
  if (object.contains(key) && object.at(key) != accepted)
    throw InputError(fmt::format("{}.{}: {}; accepted: {}", where, key, object.at(key).dump(), accepted));
}

/// Whether a label is this name, or holds it between commas.
bool has_name(const std::string& label, const std::string& name) {
  const std::string all = lower_case(label), wanted = lower_case(name);
  if (all == wanted) return true;
  for (std::size_t begin = 0; begin <= all.size();) {
    const std::size_t end = std::min(all.find(", ", begin), all.size());
    if (all.compare(begin, end - begin, wanted) == 0) return true;
    begin = end + 2;
  }
  return false;
}

}  // namespace

VitClassifierConfig read_vit_classifier_config(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  require_text(object, "model_type", "vit", where);
  require_text(object, "hidden_act", "gelu", where);
  VitClassifierConfig c;
  constexpr std::int64_t most = 1 << 20;
  c.image_size = reader.integer("image_size", c.image_size, 1, 1 << 14);
  c.patch_size = reader.integer("patch_size", c.patch_size, 1, c.image_size);
  c.num_channels = reader.integer("num_channels", c.num_channels, 1, 64);
  c.hidden_size = reader.integer("hidden_size", c.hidden_size, 1, most);
  c.num_hidden_layers = reader.integer("num_hidden_layers", c.num_hidden_layers, 1, 1000);
  c.num_attention_heads = reader.integer("num_attention_heads", c.num_attention_heads, 1, c.hidden_size);
  c.intermediate_size = reader.integer("intermediate_size", c.intermediate_size, 1, most);
  c.layer_norm_eps = reader.real("layer_norm_eps", c.layer_norm_eps, 0, 1);
  c.qkv_bias = reader.boolean("qkv_bias", c.qkv_bias);
  c.labels = read_labels(reader, object, where);
  if (c.image_size % c.patch_size != 0)
    throw InputError(
        fmt::format("{}.image_size: {} is not a multiple of patch_size {}", where, c.image_size, c.patch_size));
  if (c.hidden_size % c.num_attention_heads != 0)
    throw InputError(fmt::format("{}.hidden_size: {} is not a multiple of num_attention_heads {}", where, c.hidden_size,
                                 c.num_attention_heads));
  return c;
}

NamedClass VitClassifierConfig::class_of(const std::string& given) const {
  std::vector<std::int64_t> found;
  for (std::int64_t id = 0; id < classes(); ++id)
    if (has_name(labels[static_cast<std::size_t>(id)], given)) found.push_back(id);
  if (found.size() == 1) return {found.front(), given};
  if (!found.empty()) {
    std::vector<std::string> listed;
    listed.reserve(found.size());
    for (const std::int64_t id : found)
      listed.push_back(fmt::format("{} ('{}')", id, labels[static_cast<std::size_t>(id)]));
    throw InputError(fmt::format("class '{}': {} of the classifier's classes have this name; accepted: an id, {}",
                                 given, found.size(), join(listed, " or ")));
  }
  std::int64_t id = 0;
  const auto [end, fault] = std::from_chars(given.data(), given.data() + given.size(), id);
  if (fault == std::errc() && end == given.data() + given.size() && id >= 0 && id < classes())
    return {id, labels[static_cast<std::size_t>(id)]};
  const std::string near = nearest_name(given, labels);
  throw InputError(fmt::format(
      "class '{}': none of the classifier's {} labels{} accepted: a label, or an id of 0 to {}", given, classes(),
      near.empty() ? fmt::format("; the first is '{}';", labels.front()) : fmt::format("; did you mean '{}'?", near),
      classes() - 1));
}

/// What the layers of a block are called.
struct VitBlockNames {
  std::string block;
  const char *query, *key, *value, *out, *fc1, *fc2;
};

namespace {

VitBlockNames saved_names(std::int64_t index) {
  return {fmt::format("vit.encoder.layer.{}", index),
          ".attention.attention.query",
          ".attention.attention.key",
          ".attention.attention.value",
          ".attention.output.dense",
          ".intermediate.dense",
          ".output.dense"};
}

VitBlockNames state_dict_names(std::int64_t index) {
  return {fmt::format("vit.layers.{}", index),
          ".attention.q_proj",
          ".attention.k_proj",
          ".attention.v_proj",
          ".attention.o_proj",
          ".mlp.fc1",
          ".mlp.fc2"};
}

}  // namespace

VitClassifier::Block::Block(Parameters& p, std::int64_t index, const VitClassifierConfig& c, VitKeys keys)
    : Block(p, keys == VitKeys::saved ? saved_names(index) : state_dict_names(index), c) {}

VitClassifier::Block::Block(Parameters& p, const VitBlockNames& names, const VitClassifierConfig& c)
    : before(p, names.block + ".layernorm_before", c.hidden_size, LayerNorm::Keys::weight_bias, c.layer_norm_eps),
      query(p, names.block + names.query, c.hidden_size, c.hidden_size, c.qkv_bias, true),
      key(p, names.block + names.key, c.hidden_size, c.hidden_size, c.qkv_bias, true),
      value(p, names.block + names.value, c.hidden_size, c.hidden_size, c.qkv_bias, true),
      out(p, names.block + names.out, c.hidden_size, c.hidden_size, true, true),
      after(p, names.block + ".layernorm_after", c.hidden_size, LayerNorm::Keys::weight_bias, c.layer_norm_eps),
      fc1(p, names.block + names.fc1, c.hidden_size, c.intermediate_size, true, true),
      fc2(p, names.block + names.fc2, c.intermediate_size, c.hidden_size, true, true),
      heads(c.num_attention_heads) {}

at::Tensor VitClassifier::Block::operator()(at::Tensor x) const {
  const std::int64_t batch = x.size(0), tokens = x.size(1), width = x.size(2);
  const auto by_head = [&](const at::Tensor& rows) {
    return rows.view({batch, tokens, heads, width / heads}).transpose(1, 2);
  };
  const at::Tensor normed = before(x);
  const at::Tensor attended =
      at::scaled_dot_product_attention(by_head(query(normed)), by_head(key(normed)), by_head(value(normed)));
  x = x + out(attended.transpose(1, 2).reshape({batch, tokens, width}));
  return x + fc2(at::gelu(fc1(after(x))));
}

VitClassifier::VitClassifier(const VitClassifierConfig& c, VitPooling pooling, VitKeys keys)
    : config_(c),
      pooling_(pooling),
      cls_(parameters_.declare({"vit.embeddings.cls_token", {1, 1, c.hidden_size}, Initial::normal_002})),
      positions_(parameters_.declare(
          {"vit.embeddings.position_embeddings", {1, 1 + c.patches(), c.hidden_size}, Initial::normal_002})),
      patch_weight_(parameters_.declare({"vit.embeddings.patch_embeddings.projection.weight",
                                         {c.hidden_size, c.num_channels, c.patch_size, c.patch_size},
                                         Initial::normal_002})),
      patch_bias_(
          parameters_.declare({"vit.embeddings.patch_embeddings.projection.bias", {c.hidden_size}, Initial::zeros})),
      blocks_([&] {
        std::vector<Block> blocks;
        blocks.reserve(static_cast<std::size_t>(c.num_hidden_layers));
        for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) blocks.emplace_back(parameters_, i, c, keys);
        return blocks;
      }()),
      norm_(parameters_, "vit.layernorm", c.hidden_size, LayerNorm::Keys::weight_bias, c.layer_norm_eps),
      head_(parameters_, "classifier", c.hidden_size, c.classes(), true, true) {}

at::Tensor VitClassifier::logits(const at::Tensor& images) const {
  const VitClassifierConfig& c = config_;
  if (images.dim() != 4 || images.size(1) != c.num_channels || images.size(2) != c.image_size ||
      images.size(3) != c.image_size)
    throw InputError(fmt::format("image classifier: images of [{}]; accepted: [B, {}, {}, {}]",
                                 fmt::join(images.sizes(), ", "), c.num_channels, c.image_size, c.image_size));
  const at::Tensor patches =
      at::conv2d(images, patch_weight_->value, patch_bias_->value, c.patch_size).flatten(2).transpose(1, 2);
  at::Tensor x = at::cat({cls_->value.expand({images.size(0), 1, c.hidden_size}), patches}, 1) + positions_->value;
  for (const Block& block : blocks_) x = block(x);
  return head_(norm_(pooling_ == VitPooling::cls ? x.select(1, 0) : x.narrow(1, 1, c.patches()).mean(1)));
}

NetworkCost VitClassifier::cost() const {
  const VitClassifierConfig& c = config_;
  const std::int64_t tokens = 1 + c.patches();
  CostWalk walk(c.num_channels, c.image_size, c.image_size);
  walk.multiply(c.patches(), c.num_channels * c.patch_size * c.patch_size, c.hidden_size);
  for (const Block& block : blocks_) {
    for (const Linear* layer : {&block.query, &block.key, &block.value, &block.out, &block.fc1, &block.fc2})
      layer->count(walk, tokens);
    walk.multiply(tokens, c.hidden_size, 2 * tokens);  // scores and their sum over values
    walk.work(tokens * (6 * c.hidden_size + 2 * c.intermediate_size));
    walk.keep(tokens * (8 * c.hidden_size + 2 * c.intermediate_size));
  }
  head_.count(walk);
  return walk.cost(parameters_.count());
}

VitClassifierConfig read_vit_classifier_folder(const std::filesystem::path& folder) {
  const std::filesystem::path description = folder / "config.json";
  return read_vit_classifier_config(parse_json(read_file(description), description.string()), description.string());
}

std::unique_ptr<VitClassifier> open_vit_classifier(const std::filesystem::path& folder, VitPooling pooling,
                                                   at::Device device) {
  const VitClassifierConfig config = read_vit_classifier_folder(folder);
  const SafetensorsFile file(folder / "model.safetensors");
  const bool as_in_memory = std::any_of(file.tensors().begin(), file.tensors().end(),
                                        [](const auto& tensor) { return tensor.first.starts_with("vit.layers."); });
  auto classifier =
      std::make_unique<VitClassifier>(config, pooling, as_in_memory ? VitKeys::state_dict : VitKeys::saved);
  classifier->parameters().materialise(0, device);
  classifier->parameters().load(file);
  return classifier;
}

}  // namespace assay
