#include "kernels/training/convolution.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "core/error.h"
#include "kernels/inference/filter_product.h"
#include "kernels/inference/panel_product.h"
#include "kernels/inference/panels.h"
#include "kernels/training/turned_panels.h"
#include "kernels/training/weight_gradient.h"

namespace assay {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool is_filter(const at::Tensor& weight) { return weight.size(2) == 3; }

at::Tensor channels_last(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

/// [B H W, C] of channels-last images.
at::Tensor rows_of(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}); }

at::Tensor convolved(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias, const at::Tensor& other) {
  return panels.dim() == 4 ? filter_product(x, panels, bias, other) : window_product(x, panels, 1, 1, 0, bias, other);
}

struct ImageConvolution : torch::autograd::Function<ImageConvolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const std::optional<at::Tensor>& other) {
    const at::Tensor images = channels_last(x);
    context->save_for_backward({images, weight});
    context->saved_data["biases"] = bias.dim() == 2 ? bias.size(0) : 1;
    context->saved_data["bias_axes"] = bias.dim();
    context->saved_data["other"] = other.has_value();
    return convolved(images, is_filter(weight) ? filter_panels(weight) : window_panels(weight), bias.contiguous(),
                     other.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (at::GradMode::is_enabled()) throw Error("image_convolution: differentiable once");
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &images = saved[0], &weight = saved[1], gradient = channels_last(gradients[0]);
    at::Tensor of_x, of_weight, of_bias;
    // The convolution with filters that are turned around, from outputs to inputs.
    if (context->needs_input_grad(0))
      of_x = convolved(gradient, turned_panels(weight.contiguous()), at::zeros({weight.size(1)}, weight.options()), {});
    if (context->needs_input_grad(1))
      of_weight = is_filter(weight) ? filter_gradient(images, gradient)
                                    : matrix_gradient(rows_of(images), rows_of(gradient)).view(weight.sizes());
    if (context->needs_input_grad(2)) {
      of_bias = row_sums(rows_of(gradient), context->saved_data["biases"].toInt());
      if (context->saved_data["bias_axes"].toInt() == 1) of_bias = of_bias.squeeze(0);
    }
    return {of_x, of_weight, of_bias, context->saved_data["other"].toBool() ? gradient : at::Tensor()};
  }
};

}  // namespace

bool image_convolution_takes(const at::Tensor& weight, std::int64_t stride, std::int64_t padding) {
  const std::int64_t side = weight.size(2);
  return weight.size(3) == side && (side == 1 || side == 3) && padding == side / 2 && stride == 1 &&
         gradient_takes(weight.size(0)) && gradient_takes(weight.size(1)) && filter_product_takes(weight.size(0)) &&
         filter_product_takes(weight.size(1));
}

at::Tensor image_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                             const at::Tensor& other) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || x.dim() != 4 || x.size(1) != weight.size(1))
    throw Error("image_convolution: images must be float32 on the CPU, of the weight's channels");
  return ImageConvolution::apply(x, weight, bias, other.defined() ? std::optional(other) : std::nullopt);
}

}  // namespace assay
