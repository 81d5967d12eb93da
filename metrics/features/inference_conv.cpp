#include "metrics/features/inference_conv.h"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/relu.h>

#include <optional>
#include <string>
#include <vector>

namespace assay {
namespace {

/// Operators that LibTorch has for its own compiler, without a function in a header: called by name.
at::Tensor call(const char* name, torch::jit::Stack stack) {
  c10::Dispatcher::singleton().findSchemaOrThrow(name, "").callBoxed(&stack);
  return stack.front().toTensor();
}

}  // namespace

InferenceConv::InferenceConv(const at::Tensor& weight, at::Tensor bias, std::array<std::int64_t, 2> stride,
                             std::array<std::int64_t, 2> padding)
    : weight_(weight.contiguous(at::MemoryFormat::ChannelsLast)),
      bias_(std::move(bias)),
      stride_(stride),
      padding_(padding) {}

at::Tensor InferenceConv::operator()(const at::Tensor& x) const {
  if (!x.is_cpu() || !at::hasMKLDNN()) {
    at::Tensor y = at::conv2d(x, weight_, bias_, stride_, padding_);
    return at::relu_(y);
  }
  const std::vector<std::int64_t> stride(stride_.begin(), stride_.end()), padding(padding_.begin(), padding_.end()),
      dilation{1, 1};
  constexpr std::int64_t groups = 1;
  if (!packed_.defined()) {
    // For a batch of constant size: which kernel every later batch takes follows from the layout.
    std::vector<std::int64_t> sizes = x.sizes().vec();
    sizes.front() = 16;
    packed_ = call("mkldnn::_reorder_convolution_weight", {weight_, padding, stride, dilation, groups, sizes});
  }
  return call("mkldnn::_convolution_pointwise", {x, packed_, bias_, padding, stride, dilation, groups, "relu",
                                                 c10::List<std::optional<at::Scalar>>(), std::string()});
}

}  // namespace assay
