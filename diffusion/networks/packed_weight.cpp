#include "diffusion/networks/packed_weight.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "diffusion/networks/computing_type.h"
#include "kernels/inference/filter_product.h"
#include "kernels/inference/panel_product.h"
#include "kernels/inference/panels.h"

// LibTorch registers these operators for programs that its compiler makes ("freezing"); there is no header of them.
namespace assay {
namespace {

using MaybeTensor = std::optional<at::Tensor>;
using MaybeText = std::optional<std::string_view>;
using Scalars = c10::List<std::optional<at::Scalar>>;

template <class Signature>
c10::TypedOperatorHandle<Signature> find(const char* name, const char* overload = "") {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

MaybeTensor maybe(const at::Tensor& tensor) { return tensor.defined() ? MaybeTensor(tensor) : std::nullopt; }

/// A gradient would be lost without a word.
void require_prediction(const at::Tensor& x) {
  if (at::GradMode::is_enabled() && x.requires_grad()) throw Error("packed weights pass no gradient on");
}

bool takes_filters(const at::Tensor& weight, const WeightUse& use) {
  return weight.size(2) == 3 && weight.size(3) == 3 && use.stride == 1 && use.padding == 1 &&
         filter_product_takes(weight.size(1));
}

/// [panels, side, side, inputs, 16], where a side of 3 tells filters and 1 all else. Undefined for windows that are
/// neither 1x1 nor 3x3.
at::Tensor panels_of(const at::Tensor& weight, const WeightUse& use) {
  if (use.kind == WeightUse::Kind::linear) {
    if (weight.size(0) % panel_width != 0) return {};
    const at::Tensor panels = matrix_panels(weight.view({weight.size(0), weight.size(1)}));
    return panels.view({panels.size(0), 1, 1, panels.size(1), panel_width});
  }
  if (weight.size(2) != weight.size(3) || (weight.size(2) != 1 && weight.size(2) != 3)) return {};
  if (takes_filters(weight, use)) return filter_panels(weight).view({-1, 3, 3, weight.size(1), panel_width});
  const at::Tensor panels = window_panels(weight);
  return panels.view({panels.size(0), 1, 1, panels.size(1), panel_width});
}

at::Tensor matrix_of(const at::Tensor& weight) { return weight.flatten(1, 3); }

}  // namespace

at::Tensor packed(const at::Tensor& weight, const WeightUse& use) {
  if (use.kind == WeightUse::Kind::other || !weight.device().is_cpu()) return {};
  if (computing_type(weight.scalar_type(), weight.device()) == at::kFloat) return panels_of(weight, use);
  if (weight.scalar_type() != at::kBFloat16) return {};
  if (use.kind == WeightUse::Kind::linear) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, std::optional<std::int64_t>)>("mkldnn::_reorder_linear_weight");
    return op.call(weight.view({weight.size(0), weight.size(1)}), std::nullopt);
  }
  static const auto op = find<at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef,
                                         std::int64_t, at::OptionalIntArrayRef)>("mkldnn::_reorder_convolution_weight");
  return op.call(weight, {use.padding, use.padding}, {use.stride, use.stride}, {1, 1}, 1, std::nullopt);
}

at::Tensor packed_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  require_prediction(x);
  if (in_panels(weight)) return panel_product(x, matrix_of(weight), bias);
  static const auto op =
      find<at::Tensor(const at::Tensor&, const at::Tensor&, const MaybeTensor&, std::string_view, Scalars, MaybeText)>(
          "mkldnn::_linear_pointwise");
  return op.call(x, weight, maybe(bias), "none", Scalars(), "");
}

at::Tensor packed_linear_plus(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& other) {
  require_prediction(x);
  if (in_panels(weight)) return panel_product(x, matrix_of(weight), bias, other);
  static const auto op =
      find<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const MaybeTensor&, std::string_view)>(
          "mkldnn::_linear_pointwise", "binary");
  return op.call(x, other, weight, maybe(bias), "add");
}

at::Tensor packed_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const WeightUse& use, const at::Tensor& other) {
  require_prediction(x);
  if (in_panels(weight)) {
    if (weight.size(1) == 3) return filter_product(x, weight.view({-1, x.size(1), 9, panel_width}), bias, other);
    const std::int64_t window = weight.size(3) / x.size(1);
    return window_product(x, matrix_of(weight), window == 1 ? 1 : 3, use.stride, use.padding, bias, other);
  }
  if (bias.defined() && bias.dim() == 2) {
    const at::Tensor result = packed_convolution(x, weight, {}, use, other);
    return result + bias.unsqueeze(2).unsqueeze(3);
  }
  const std::array<std::int64_t, 2> padding = {use.padding, use.padding}, stride = {use.stride, use.stride},
                                    dilation = {1, 1};
  if (!other.defined()) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, const at::Tensor&, const MaybeTensor&, at::IntArrayRef, at::IntArrayRef,
                        at::IntArrayRef, std::int64_t, std::string_view, Scalars, MaybeText)>(
            "mkldnn::_convolution_pointwise");
    return op.call(x, weight, maybe(bias), padding, stride, dilation, 1, "none", Scalars(), "");
  }
  static const auto op =
      find<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const MaybeTensor&, at::IntArrayRef,
                      at::IntArrayRef, at::IntArrayRef, std::int64_t, std::string_view, std::optional<at::Scalar>,
                      MaybeText, Scalars, MaybeText)>("mkldnn::_convolution_pointwise", "binary");
  return op.call(x, other, weight, maybe(bias), padding, stride, dilation, 1, "add", std::nullopt, std::nullopt,
                 Scalars(), std::nullopt);
}

}  // namespace assay
