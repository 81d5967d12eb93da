#include "kernels/training/linear.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "core/error.h"
#include "kernels/inference/panel_product.h"
#include "kernels/inference/panels.h"
#include "kernels/training/turned_panels.h"
#include "kernels/training/weight_gradient.h"

namespace assay {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct RowProduct : torch::autograd::Function<RowProduct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const std::optional<at::Tensor>& other) {
    const at::Tensor rows = x.contiguous();
    context->save_for_backward({rows, weight});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["other"] = other.has_value();
    return panel_product(rows, matrix_panels(weight), bias.value_or(at::Tensor()), other.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (at::GradMode::is_enabled()) throw Error("row_product: differentiable once");
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &rows = saved[0], &weight = saved[1], gradient = gradients[0].contiguous();
    const at::Tensor flat = gradient.view({-1, weight.size(0)});
    const bool has_bias = context->saved_data["bias"].toBool();
    variable_list of_each(4);
    if (context->needs_input_grad(0)) of_each[0] = panel_product(gradient, turned_panels(weight.contiguous()));
    if (context->needs_input_grad(1)) of_each[1] = matrix_gradient(rows.view({-1, weight.size(1)}), flat);
    if (has_bias && context->needs_input_grad(2)) of_each[2] = row_sums(flat, 1).squeeze(0);
    if (context->saved_data["other"].toBool()) of_each[3] = gradient;
    return of_each;
  }
};

std::optional<at::Tensor> maybe(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

}  // namespace

bool row_product_takes(const at::Tensor& weight) {
  return weight.size(0) % panel_width == 0 && weight.size(1) % panel_width == 0;
}

at::Tensor row_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& other) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || x.size(-1) != weight.size(1))
    throw Error("row_product: rows must be float32 on the CPU, as long as the weight's");
  return RowProduct::apply(x, weight, maybe(bias), maybe(other));
}

}  // namespace assay
