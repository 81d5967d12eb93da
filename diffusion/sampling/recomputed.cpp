#include "diffusion/sampling/recomputed.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "core/error.h"

namespace assay {
namespace {

using Evaluation = std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Carries the function through autograd's saved data.
struct Kept : torch::CustomClassHolder {
  explicit Kept(Evaluation f) : function(std::move(f)) {}
  Evaluation function;
};

/// `tensor` without its history, as a leaf where a gradient is wanted.
at::Tensor leaf(const at::Tensor& tensor, bool wanted) {
  at::Tensor copy = tensor.detach();
  if (wanted) copy.set_requires_grad(true);
  return copy;
}

/// Without recording. LibTorch multiplies in another way where a factor requires gradients, even then.
at::Tensor evaluated(const Evaluation& function, const at::Tensor& x, const at::Tensor& condition) {
  const at::NoGradGuard no_grad;
  return function(x.detach(), condition.detach());
}

struct Recomputed : torch::autograd::Function<Recomputed> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& condition,
                            const Evaluation* function) {
    context->save_for_backward({x, condition});
    context->saved_data["function"] = c10::IValue::make_capsule(c10::make_intrusive<Kept>(*function));
    return evaluated(*function, x, condition);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (at::GradMode::is_enabled()) throw Error("recomputed: differentiable once");
    const variable_list saved = context->get_saved_variables();
    const auto kept = context->saved_data["function"].toCapsule();
    variable_list wanted, of_each(3);
    at::Tensor x = leaf(saved[0], context->needs_input_grad(0)),
               condition = leaf(saved[1], context->needs_input_grad(1));
    for (const at::Tensor& argument : {x, condition})
      if (argument.requires_grad()) wanted.push_back(argument);
    at::Tensor value;
    {
      const at::AutoGradMode recording(true);
      value = static_cast<const Kept&>(*kept).function(x, condition);
    }
    if (!value.requires_grad()) return of_each;  // it depends on neither
    const variable_list found =
        torch::autograd::grad({value}, wanted, {gradients[0]}, std::nullopt, false, /*allow_unused=*/true);
    std::size_t next = 0;
    if (x.requires_grad()) of_each[0] = found[next++];
    if (condition.requires_grad()) of_each[1] = found[next];
    return of_each;
  }
};

}  // namespace

at::Tensor recomputed(const Evaluation& function, const at::Tensor& x, const at::Tensor& condition) {
  if (!at::GradMode::is_enabled() || !(x.requires_grad() || condition.requires_grad()))
    return evaluated(function, x, condition);
  return Recomputed::apply(x, condition, &function);
}

}  // namespace assay
