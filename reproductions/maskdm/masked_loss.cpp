#include "reproductions/maskdm/masked_loss.h"

#include <ATen/TensorOperators.h>

namespace assay::maskdm {

MaskedLoss masked_loss(const MaskUVit& network, const Process& process, const at::Tensor& x_start, const at::Tensor& t,
                       const at::Tensor& noise, const at::Tensor& visible, const at::Tensor& labels,
                       Objective objective, Loss loss) {
  MaskedLoss result;
  result.x_t = process.q_sample(x_start, t, noise);
  result.output = network.forward_visible(result.x_t, t, visible, labels);
  const at::Tensor wanted =
      patch_targets(process.target(objective, x_start, t, noise), network.config().patch_size, visible);
  const at::Tensor error = result.output - wanted;
  result.loss = loss == Loss::l1 ? error.abs().mean() : error.square().mean();
  return result;
}

}  // namespace assay::maskdm
