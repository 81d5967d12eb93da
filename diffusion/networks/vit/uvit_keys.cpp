#include "diffusion/networks/vit/uvit_keys.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.h"

namespace assay {
namespace {

// The trunk's other tensors have the same names in both, behind `encoder.` in MaskDM's network.
const std::string trunk = "encoder.";
constexpr std::pair<const char*, const char*> renamed[] = {{"pos_embed", "encoder.encoder_pos_embed"},
                                                           {"decoder_pred.weight", "encoder_to_output.weight"},
                                                           {"decoder_pred.bias", "encoder_to_output.bias"}};
constexpr const char* labels = "label_emb.weight";
constexpr const char* null_label = "encoder.uncond_embed";
constexpr const char* joint_bias = ".attn.qkv.bias";
constexpr const char* query_bias = ".attn.q_bias";
constexpr const char* value_bias = ".attn.v_bias";

bool is_final_layer(const std::string& key) { return key.starts_with("final_layer."); }

std::string refused_final_layer(const SafetensorsFile& file) {
  return fmt::format(
      "{}: has a final layer, which MaskDM's network lacks; accepted: a checkpoint without one, or final_layer=drop",
      file.path());
}

std::string without_ending(const std::string& key, const std::string& ending) {
  return key.substr(0, key.size() - ending.size());
}

void add(SafetensorsWriter& out, const std::string& key, const TensorView& view) {
  out.add(key, view.type, view.shape, view.data);
}

void split_bias(SafetensorsWriter& out, const std::string& key, const TensorView& bias, const std::string& path) {
  if (bias.shape.size() != 1 || bias.shape[0] % 3 != 0)
    throw InputError(fmt::format("{}: {} must hold the biases of queries, keys and values", path, key));
  const auto values = bias.f32(key);
  const std::size_t width = values.size() / 3;
  const auto keys = values.subspan(width, width);
  if (std::any_of(keys.begin(), keys.end(), [](float value) { return value != 0; }))
    throw InputError(
        fmt::format("{}: {} has a bias for keys, which MaskDM's attention lacks; accepted: 0 there", path, key));
  const std::string block = trunk + without_ending(key, joint_bias);
  const auto size = static_cast<std::int64_t>(width);
  out.add(block + query_bias, {size}, values.first(width));
  out.add(block + value_bias, {size}, values.last(width));
}

void split_labels(SafetensorsWriter& out, const TensorView& table, const std::string& path) {
  if (table.shape.size() != 2 || table.shape[0] < 2)
    throw InputError(fmt::format(
        "{}: {} must hold a row for each class and a last one for none; MaskDM's network needs both", path, labels));
  const auto values = table.f32(labels);
  const std::int64_t classes = table.shape[0] - 1, width = table.shape[1];
  const auto null_row = static_cast<std::size_t>(width);
  out.add(trunk + labels, {classes, width}, values.first(values.size() - null_row));
  out.add(null_label, {1, width}, values.last(null_row));
}

/// A file name of this process's own, removed at the end.
struct TemporaryFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("assay-{}-renamed.safetensors", ::getpid());
  TemporaryFile() = default;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

}  // namespace

bool has_uvit_keys(const SafetensorsFile& file) { return file.has("pos_embed") && file.has("decoder_pred.weight"); }

SafetensorsWriter mask_uvit_tensors(const SafetensorsFile& uvit, FinalLayer final_layer) {
  SafetensorsWriter out;
  for (const auto& [key, view] : uvit.tensors()) {
    const std::string& name = key;
    const auto* const known =
        std::find_if(std::begin(renamed), std::end(renamed), [&](const auto& names) { return name == names.first; });
    if (is_final_layer(key)) {
      if (final_layer == FinalLayer::refuse) throw InputError(refused_final_layer(uvit));
    } else if (known != std::end(renamed)) {
      add(out, known->second, view);
    } else if (key == labels) {
      split_labels(out, view, uvit.path());
    } else if (key.ends_with(joint_bias)) {
      split_bias(out, key, view, uvit.path());
    } else {
      add(out, trunk + key, view);
    }
  }
  return out;
}

void load_mask_uvit(MaskUVit& network, const SafetensorsFile& file, FinalLayer final_layer) {
  const bool uvit = has_uvit_keys(file);
  const bool convolved =
      std::any_of(file.tensors().begin(), file.tensors().end(), [](const auto& t) { return is_final_layer(t.first); });
  if (!uvit && !convolved) {
    network.parameters().load(file);
    return;
  }
  if (convolved && final_layer == FinalLayer::refuse) throw InputError(refused_final_layer(file));
  SafetensorsWriter tensors;
  if (uvit) {
    tensors = mask_uvit_tensors(file, FinalLayer::drop);
  } else {
    for (const auto& [key, view] : file.tensors())
      if (!is_final_layer(key)) add(tensors, key, view);
  }
  const TemporaryFile temporary;
  tensors.write(temporary.path);
  const SafetensorsFile loaded(temporary.path);
  const std::string fault = network.parameters().misfit(loaded);
  if (!fault.empty())
    throw InputError(fmt::format("{}: under MaskDM's keys it does not fit this network: {}", file.path(), fault));
  network.parameters().load(loaded);
}

}  // namespace assay
