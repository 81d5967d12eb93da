#include "reproductions/maskdm/algorithm/masked_loss.h"

#include <ATen/TensorOperators.h>

namespace assay::maskdm {

MaskedLoss masked_loss(const MaskUVit& network, const Process& process, const at::Tensor& x_start, const at::Tensor& t,
                       const at::Tensor& noise, const at::Tensor& visible, const at::Tensor& labels,
                       Objective objective, Loss loss, const at::Tensor& weight) {
  MaskedLoss result;
  result.x_t = process.q_sample(x_start, t, noise);
  result.output = network.forward_visible(result.x_t, t, visible, labels);
  const MaskUVitConfig& config = network.config();
  const at::Tensor target = process.target(objective, x_start, t, noise);
  std::int64_t first = 0;
  for (std::size_t band = 0; band < result.output.size(); ++band) {
    const std::int64_t chans = config.bands()[band];
    const at::Tensor error = result.output[band] - patch_targets(target.narrow(1, first, chans), config.patch_size,
                                                                 visible_of_band(visible, config, band));
    const at::Tensor values = loss == Loss::l1 ? error.abs() : error.square();
    const at::Tensor mean = weight.defined() ? (values.flatten(1).mean(1) * weight).mean() : values.mean();
    result.loss = result.loss.defined() ? result.loss + mean : mean;
    first += chans;
  }
  return result;
}

}  // namespace assay::maskdm
