#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "diffusion/condition.h"
#include "diffusion/networks/parameters.h"

namespace assay {

class ConfigReader;

/// How Self-Guided Diffusion's networks are conditioned, under the official argument names.
struct ConditionConfig {
  std::int64_t cond_dim = 0;     // width of the condition vector; 0: no vector
  std::string condition_method;  // what the condition is; decides whether there is a layout
  std::int64_t layout_dim = 0;   // channels of the layout, officially condition.METHOD.layout_dim; 0: no layout
};

/// Reads cond_dim, condition_method and condition ({"scale_type", METHOD: {"layout_dim"}}). `layout_methods`: the
/// methods that have a layout in the network at hand. Throws InputError for an unknown method, and for a layout without
/// channels.
void read_condition_config(ConfigReader& reader, const std::vector<std::string>& layout_methods,
                           ConditionConfig& config);
/// Adds to `object` what differs from no condition at all.
void add_condition_config(const ConditionConfig& config, nlohmann::json& object);

/// The condition at the entrance of a network of Self-Guided Diffusion: its null vector and null layout (frozen tensors
/// of the checkpoint, keys null_cond_emb and null_layout_emb) and the checks on what is given.
class ConditionInput {
 public:
  /// `network` names the network in messages; `image_size` is that of layouts.
  ConditionInput(Parameters& p, std::string network, const ConditionConfig& config, std::int64_t image_size);

  /// Throws InputError unless `condition` has every part, of the right size, for the batch x [B, C, H, W], and nothing
  /// that the network does not take.
  void check(const Condition& condition, const at::Tensor& x) const;
  /// The null condition on B rows.
  Condition null(std::int64_t batch) const;
  /// `condition` with the rows where `drop` [B] is true made null; one decision drops vector and layout.
  Condition drop(const Condition& condition, const at::Tensor& drop) const;

 private:
  std::string network_;
  std::int64_t cond_dim_, layout_dim_, image_size_;
  const Parameter *null_vector_ = nullptr, *null_layout_ = nullptr;
};

}  // namespace assay
