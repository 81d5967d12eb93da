#include "diffusion/networks/packed_weight.h"

#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <optional>
#include <string_view>

#include "core/error.h"

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

bool multiplies_bfloat16() {
  static const bool supported = find<bool()>("mkldnn::_is_mkldnn_bf16_supported").call();
  return supported;
}

}  // namespace

at::Tensor packed(const at::Tensor& weight, const WeightUse& use) {
  const bool multiplied =
      weight.scalar_type() == at::kFloat || (weight.scalar_type() == at::kBFloat16 && multiplies_bfloat16());
  if (use.kind == WeightUse::Kind::other || !multiplied || !weight.device().is_cpu()) return {};
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
  static const auto op =
      find<at::Tensor(const at::Tensor&, const at::Tensor&, const MaybeTensor&, std::string_view, Scalars, MaybeText)>(
          "mkldnn::_linear_pointwise");
  return op.call(x, weight, maybe(bias), "none", Scalars(), "");
}

at::Tensor packed_linear_plus(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& other) {
  require_prediction(x);
  static const auto op =
      find<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const MaybeTensor&, std::string_view)>(
          "mkldnn::_linear_pointwise", "binary");
  return op.call(x, other, weight, maybe(bias), "add");
}

at::Tensor packed_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const WeightUse& use, const at::Tensor& other) {
  require_prediction(x);
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
