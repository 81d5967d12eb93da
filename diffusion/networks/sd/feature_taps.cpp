#include "diffusion/networks/sd/feature_taps.h"

#include <ATen/ops/promote_types.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace assay {

FeatureTaps::FeatureTaps(std::vector<std::string> blocks, std::vector<std::int64_t> predictions, std::int64_t images)
    : blocks_(std::move(blocks)), chosen_(std::move(predictions)), images_(images) {}

void FeatureTaps::begin(const at::Tensor& x, const at::Tensor& /*timesteps*/) {
  first_row_ = first_row_of_prompts(x.size(0), images_);
  ++predictions_;
}

void FeatureTaps::see_block(const std::string& block, const at::Tensor& output) {
  const std::int64_t now = predictions_ - 1;
  if (std::find(blocks_.begin(), blocks_.end(), block) == blocks_.end() ||
      std::find(chosen_.begin(), chosen_.end(), now) == chosen_.end())
    return;
  const at::Tensor rows = output.detach().narrow(0, first_row_, images_);
  kept_[{block, now}] = rows.to(at::promote_types(rows.scalar_type(), at::kFloat), false, true);
}

const at::Tensor& FeatureTaps::features(const std::string& block, std::int64_t prediction) const {
  const auto found = kept_.find({block, prediction});
  if (found == kept_.end())
    throw Error(fmt::format("features: nothing was kept of {} at prediction {}", block, prediction));
  return found->second;
}

}  // namespace assay
