#include "bench/harness/parity.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <memory>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "core/safetensors.h"
#include "diffusion/guidance.h"
#include "diffusion/timestep_embedding.h"
#include "diffusion/unet.h"
#include "metrics/features/vision_transformer.h"

namespace assay {
namespace {

at::Tensor to_tensor(const TensorView& view, const std::string& name) {
  const auto type = view.type == DType::f32 ? at::kFloat
                    : view.type == DType::i64
                        ? at::kLong
                        : throw InputError(fmt::format("tensor '{}': packs hold F32 and I64", name));
  at::Tensor tensor = at::empty(view.shape, type);
  std::memcpy(tensor.mutable_data_ptr(), view.data.data(), view.data.size());
  return tensor;
}

/// One case: its inputs, tensors or literals, read by name.
class Case {
 public:
  Case(const nlohmann::json& description, const SafetensorsFile& tensors, std::string where)
      : description_(description), tensors_(tensors), where_(std::move(where)) {}

  bool has(const std::string& input) const { return inputs().contains(input); }
  at::Tensor tensor(const std::string& input) const {
    const nlohmann::json& value = at(input);
    if (!value.is_string()) throw InputError(fmt::format("{}: input '{}' must name a tensor", where_, input));
    const auto name = value.get<std::string>();
    return to_tensor(tensors_.at(name), name);
  }
  at::Tensor tensor_or_undefined(const std::string& input) const { return has(input) ? tensor(input) : at::Tensor(); }
  double number(const std::string& input) const {
    const nlohmann::json& value = at(input);
    if (!value.is_number()) throw InputError(fmt::format("{}: input '{}' must be a number", where_, input));
    return value.get<double>();
  }
  std::string text(const std::string& input) const {
    const nlohmann::json& value = at(input);
    if (!value.is_string()) throw InputError(fmt::format("{}: input '{}' must be a text", where_, input));
    return value.get<std::string>();
  }
  std::string call() const { return description_.value("call", "(none)"); }

 private:
  const nlohmann::json& inputs() const { return description_.at("inputs"); }
  const nlohmann::json& at(const std::string& input) const {
    if (!has(input)) throw InputError(fmt::format("{}: no input '{}'", where_, input));
    return inputs().at(input);
  }

  const nlohmann::json& description_;
  const SafetensorsFile& tensors_;
  std::string where_;
};

using Outputs = std::map<std::string, at::Tensor>;
/// Runs one case.
using Module = std::function<Outputs(const Case&)>;

InputError unknown_call(const Case& c, const std::string& known) {
  return InputError(fmt::format("unknown call '{}'; known: {}", c.call(), known));
}

Module timestep_embedding_module(const nlohmann::json& config, const SafetensorsFile*) {
  const double max_period = config.value("max_period", 10000.0);
  return [max_period](const Case& c) -> Outputs {
    return {{"embedding",
             timestep_embedding(c.tensor("timesteps"), static_cast<std::int64_t>(c.number("dim")), max_period)}};
  };
}

std::shared_ptr<UNet> load_unet(const UNetConfig& config, const SafetensorsFile* state) {
  if (!state) throw InputError("the pack names no state file");
  auto net = std::make_shared<UNet>(config);
  net->parameters().materialise(0);
  net->parameters().load(*state);
  return net;
}

Module adm_unet_module(const nlohmann::json& config, const SafetensorsFile* state) {
  const auto net = load_unet(read_unet_config(config, "config"), state);
  return [net](const Case& c) -> Outputs {
    at::Tensor x = c.tensor("x");
    if (c.call() == "(none)") {
      at::NoGradGuard no_grad;
      return {{"sample", net->forward(x, c.tensor("timesteps"), c.tensor_or_undefined("y"), {})}};
    }
    if (c.call() != "forward_and_grad") throw unknown_call(c, "(none), forward_and_grad");
    x.set_requires_grad(true);
    const at::Tensor sample = net->forward(x, c.tensor("timesteps"), c.tensor_or_undefined("y"), {});
    (sample * c.tensor("weight")).sum().backward();
    return {{"sample", sample.detach()}, {"grad_x", x.grad()}};
  };
}

/// SGDM's image-level U-Net: the ADM class with its condition branch.
Module sgdm_unet_module(nlohmann::json config, const SafetensorsFile* state) {
  const std::string method = config.value("condition_method", "cluster");
  if (method != "cluster" && method != "label" && method != "attr")
    throw InputError(fmt::format("condition_method '{}' is not supported; accepted: cluster, label, attr", method));
  for (const char* key : {"condition_method", "condition", "use_checkpoint", "use_fp16"}) config.erase(key);
  const auto net = load_unet(read_unet_config(config, "config"), state);
  return [net](const Case& c) -> Outputs {
    at::NoGradGuard no_grad;
    const at::Tensor x = c.tensor("x"), t = c.tensor("timesteps"), condition = c.tensor("cond");
    const auto dropped = [&](const at::Tensor& drop) {
      return net->predict(x, t, net->drop_condition(condition, drop));
    };
    const at::Tensor none = at::zeros({x.size(0)}, at::kLong), all = at::ones({x.size(0)}, at::kLong);
    if (c.call() == "forward") return {{"eps", dropped(c.number("cond_drop_prob") >= 1 ? all : none)}};
    if (c.call() == "forward_drop_mask") return {{"eps", dropped(c.tensor("drop"))}};
    if (c.call() != "guided") throw unknown_call(c, "forward, forward_drop_mask, guided");
    // The official code takes weights of exactly 0 and 1 as one branch, in both conventions.
    const double scale = c.number("cond_scale");
    if (scale == 0) return {{"eps", dropped(all)}};
    if (scale == 1) return {{"eps", dropped(none)}};
    const double w = to_imagen(scale, read_guidance_convention(c.text("scale_type")));
    return {{"eps", (1 - w) * dropped(all) + w * dropped(none)}};
  };
}

Module dino_vit_module(const nlohmann::json& config, const SafetensorsFile* state) {
  if (!state) throw InputError("the pack names no state file");
  const auto net = std::make_shared<VisionTransformer>(read_vision_transformer_config(config, "config"), state->path());
  return [net](const Case& c) -> Outputs {
    if (c.call() != "features") throw unknown_call(c, "features");
    const VisionTransformerOutputs out = net->forward(c.tensor("x"));
    return {{"cls", out.cls},
            {"tokens_normed", out.tokens_normed},
            {"second_last_normed", out.second_last_normed},
            {"last_attention", out.last_attention},
            {"last_q", out.last_q},
            {"last_k", out.last_k},
            {"last_v", out.last_v},
            {"pos_embed_used", out.pos_embed_used}};
  };
}

struct ModuleEntry {
  std::string id;
  Module (*make)(nlohmann::json config, const SafetensorsFile* state);
};

const std::vector<ModuleEntry>& modules() {
  static const std::vector<ModuleEntry> table = {
      {"adm.timestep_embedding",
       [](nlohmann::json c, const SafetensorsFile* s) { return timestep_embedding_module(c, s); }},
      {"adm.unet", [](nlohmann::json c, const SafetensorsFile* s) { return adm_unet_module(c, s); }},
      {"dino.vit", [](nlohmann::json c, const SafetensorsFile* s) { return dino_vit_module(c, s); }},
      {"sgdm.unet", [](nlohmann::json c, const SafetensorsFile* s) { return sgdm_unet_module(std::move(c), s); }},
  };
  return table;
}

nlohmann::json compare(const std::string& name, const std::string& output, const at::Tensor& got_any,
                       const at::Tensor& want, double rtol, double atol) {
  nlohmann::json row = {{"name", name}, {"output", output}, {"max_abs", 0.0}, {"max_rel", 0.0}, {"ok", true}};
  if (!got_any.defined() || got_any.sizes() != want.sizes()) {
    row["ok"] = false;
    row["fault"] =
        got_any.defined() ? fmt::format("{} elements, expected {}", got_any.numel(), want.numel()) : "not computed";
    return row;
  }
  const at::Tensor got = got_any.detach().to(at::kCPU).to(at::kDouble).contiguous();
  const at::Tensor expected = want.to(at::kDouble).contiguous();
  const double *g = got.const_data_ptr<double>(), *w = expected.const_data_ptr<double>();
  const bool exact = want.scalar_type() == at::kLong;
  double max_abs = 0, max_rel = 0;
  bool ok = true;
  for (std::int64_t i = 0; i < got.numel(); ++i) {
    if (!std::isfinite(g[i]) || !std::isfinite(w[i])) {
      ok = ok && ((std::isnan(g[i]) && std::isnan(w[i])) || g[i] == w[i]);
      continue;
    }
    const double difference = std::abs(g[i] - w[i]);
    max_abs = std::max(max_abs, difference);
    if (w[i] != 0) max_rel = std::max(max_rel, difference / std::abs(w[i]));
    ok = ok && (exact ? difference == 0 : difference <= atol + rtol * std::abs(w[i]));
  }
  row["max_abs"] = max_abs;
  row["max_rel"] = max_rel;
  row["ok"] = ok;
  return row;
}

/// Computes with one ATen thread while it lives.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

nlohmann::json read_pack(const std::filesystem::path& pack) {
  const std::filesystem::path file = pack / "pack.json";
  if (!std::filesystem::is_regular_file(file))
    throw InputError(fmt::format("{}: not a parity pack: no pack.json in it", pack.string()));
  nlohmann::json description = parse_json(read_file(file), file.string());
  if (!description.is_object() || !description.contains("module") || !description.contains("cases") ||
      !description.contains("tensors") || !description.at("module").is_string() || !description.at("cases").is_array())
    throw InputError(fmt::format("{}: lacks module, cases or tensors", file.string()));
  return description;
}

}  // namespace

const std::vector<std::string>& parity_modules() {
  static const std::vector<std::string> ids = [] {
    std::vector<std::string> names;
    for (const ModuleEntry& entry : modules()) names.push_back(entry.id);
    return names;
  }();
  return ids;
}

nlohmann::json check_parity(const std::filesystem::path& pack) {
  const nlohmann::json description = read_pack(pack);
  const std::string where = pack.string(), id = description.at("module").get<std::string>();
  const auto entry = std::find_if(modules().begin(), modules().end(), [&](const ModuleEntry& m) { return m.id == id; });
  if (entry == modules().end()) throw InputError(where + ": " + unknown_name_message("module", id, parity_modules()));

  const OneThread one_thread;
  nlohmann::json cases = nlohmann::json::array();
  bool ok = true;
  try {
    const SafetensorsFile tensors(pack / description.at("tensors").get<std::string>());
    std::unique_ptr<SafetensorsFile> state;
    if (description.contains("state"))
      state = std::make_unique<SafetensorsFile>(pack / description.at("state").get<std::string>());
    const Module module = entry->make(description.value("config", nlohmann::json::object()), state.get());
    for (const nlohmann::json& c : description.at("cases")) {
      const std::string name = c.at("name").get<std::string>();
      const Outputs outputs = module(Case(c, tensors, fmt::format("{}: case '{}'", where, name)));
      for (const auto& [output, wanted] : c.at("outputs").items()) {
        const auto tensor = wanted.get<std::string>();
        const auto got = outputs.find(output);
        cases.push_back(compare(name, output, got == outputs.end() ? at::Tensor() : got->second,
                                to_tensor(tensors.at(tensor), tensor), c.value("rtol", 0.0), c.value("atol", 0.0)));
        ok = ok && cases.back().at("ok").get<bool>();
      }
    }
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: pack.json: {}", where, error.what()));
  }
  if (cases.empty()) throw InputError(fmt::format("{}: the pack has no cases", where));
  return {{"pack", std::filesystem::absolute(pack).lexically_normal().filename().string()},
          {"module", id},
          {"cases", cases},
          {"ok", ok}};
}

std::vector<std::filesystem::path> find_packs(const std::filesystem::path& path, std::vector<std::string>& skipped) {
  if (std::filesystem::is_regular_file(path / "pack.json")) return {path};
  std::vector<std::filesystem::path> packs;
  if (std::filesystem::is_directory(path))
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (!std::filesystem::is_regular_file(entry.path() / "pack.json")) continue;
      const auto module = read_pack(entry.path()).at("module").get<std::string>();
      if (std::find(parity_modules().begin(), parity_modules().end(), module) != parity_modules().end())
        packs.push_back(entry.path());
      else
        skipped.push_back(fmt::format("{} (module {})", entry.path().filename().string(), module));
    }
  if (packs.empty())
    throw InputError(fmt::format(
        "{}: no parity pack here; accepted: a folder with pack.json, or a folder of such folders", path.string()));
  std::sort(packs.begin(), packs.end());
  std::sort(skipped.begin(), skipped.end());
  return packs;
}

}  // namespace assay
