#include "diffusion/networks/adm/condition_input.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/where.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/config.h"
#include "core/error.h"

namespace assay {

void read_condition_config(ConfigReader& reader, const std::vector<std::string>& layout_methods,
                           ConditionConfig& config) {
  static const std::vector<std::string> methods = {
      "", "attr", "cluster", "clusterlayout", "clusterrandom", "label", "layout", "stego_attr", "stegoclusterlayout"};
  config.cond_dim = reader.integer("cond_dim", config.cond_dim, 0, 10000000);
  config.condition_method = reader.one_of("condition_method", config.condition_method, methods);
  const bool layout =
      std::find(layout_methods.begin(), layout_methods.end(), config.condition_method) != layout_methods.end();
  const nlohmann::json& condition = reader.object("condition");
  ConfigReader inner(condition, "condition");
  inner.one_of("scale_type", "imagen", {"imagen", "cfg"});
  for (const std::string& method : methods) {
    if (method.empty()) continue;
    const nlohmann::json& options = inner.object(method);
    if (method != config.condition_method) continue;
    ConfigReader of_method(options, "condition." + method);
    const std::int64_t channels = of_method.integer("layout_dim", 0, 0, 1024);
    if (layout) config.layout_dim = channels;
  }
  inner.finish();
  if (layout && config.layout_dim == 0)
    throw InputError(fmt::format("condition.{}.layout_dim: a network with layouts needs at least 1 channel",
                                 config.condition_method));
}

void add_condition_config(const ConditionConfig& config, nlohmann::json& object) {
  object["cond_dim"] = config.cond_dim;
  if (!config.condition_method.empty()) object["condition_method"] = config.condition_method;
  if (config.layout_dim > 0) object["condition"][config.condition_method]["layout_dim"] = config.layout_dim;
}

ConditionInput::ConditionInput(Parameters& p, std::string network, const ConditionConfig& config,
                               std::int64_t image_size)
    : network_(std::move(network)),
      cond_dim_(config.cond_dim),
      layout_dim_(config.layout_dim),
      image_size_(image_size) {
  if (cond_dim_ > 0) null_vector_ = p.declare({"null_cond_emb", {1, cond_dim_}, Initial::zeros, 1, false});
  if (layout_dim_ > 0)
    null_layout_ = p.declare({"null_layout_emb", {1, 1, image_size, image_size}, Initial::zeros, 1, false});
}

void ConditionInput::check(const Condition& condition, const at::Tensor& x) const {
  const at::Tensor &vector = condition.vector, &layout = condition.layout;
  if (condition.text.defined()) throw InputError(network_ + ": text given to a network that takes none");
  if ((cond_dim_ > 0) != vector.defined())
    throw InputError(network_ + (vector.defined() ? ": condition given to a network without cond_dim"
                                                  : ": a network with cond_dim needs a condition"));
  if (vector.defined() && (vector.dim() != 2 || vector.size(1) != cond_dim_ || vector.size(0) != x.size(0)))
    throw InputError(fmt::format("{}: condition must be [{}, {}]", network_, x.size(0), cond_dim_));
  if ((layout_dim_ > 0) != layout.defined())
    throw InputError(network_ + (layout.defined() ? ": layout given to a network without layout channels"
                                                  : ": a network with layout channels needs a layout"));
  if (!layout.defined()) return;
  if (layout.dim() != 4 || layout.size(0) != x.size(0) || layout.size(1) != layout_dim_ ||
      layout.size(2) != image_size_ || layout.size(3) != image_size_ || x.size(2) != image_size_ ||
      x.size(3) != image_size_)
    throw InputError(fmt::format("{}: layout must be [{}, {}, {}, {}], and the image of that size", network_, x.size(0),
                                 layout_dim_, image_size_, image_size_));
}

Condition ConditionInput::null(std::int64_t batch) const {
  Condition none;
  if (null_vector_) none.vector = null_vector_->value.expand({batch, cond_dim_});
  if (null_layout_) none.layout = null_layout_->value.expand({batch, layout_dim_, image_size_, image_size_});
  return none;
}

Condition ConditionInput::drop(const Condition& condition, const at::Tensor& drop) const {
  if ((null_vector_ && !condition.vector.defined()) || (null_layout_ && !condition.layout.defined()))
    throw InputError(network_ +
                     ": a condition is dropped row by row from a whole one: its vector or layout is missing");
  const at::Tensor rows = drop.to(at::kBool);
  Condition out = condition;
  if (null_vector_) out.vector = at::where(rows.unsqueeze(1), null_vector_->value, condition.vector);
  if (null_layout_) out.layout = at::where(rows.view({-1, 1, 1, 1}), null_layout_->value, condition.layout);
  return out;
}

}  // namespace assay
