#include "kernels/visible_tokens_cuda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <optional>

#include "kernels/visible_index.h"

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

const std::int64_t* numbers_or_null(const OptionalTensor& visible) {
  return visible.has_value() ? visible->const_data_ptr<std::int64_t>() : nullptr;
}

at::Tensor visible_tokens_cuda(const at::Tensor& first, const at::Tensor& patches, const at::Tensor& positions,
                               const OptionalTensor& visible) {
  const c10::cuda::CUDAGuard on_device(first.device());
  const TokenSizes sizes{first.size(0), first.size(1), patches.size(1), positions.size(0) - first.size(1),
                         first.size(2)};
  at::Tensor out = at::empty({sizes.batch, sizes.first + sizes.shown, sizes.width}, first.options());
  launch_visible_tokens(first.const_data_ptr<float>(), patches.const_data_ptr<float>(),
                        positions.const_data_ptr<float>(), numbers_or_null(visible), out.mutable_data_ptr<float>(),
                        sizes, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

at::Tensor position_sums_cuda(const at::Tensor& tokens, const OptionalTensor& visible, std::int64_t first,
                              std::int64_t patches) {
  const c10::cuda::CUDAGuard on_device(tokens.device());
  const TokenSizes sizes{tokens.size(0), first, tokens.size(1) - first, patches, tokens.size(2)};
  at::Tensor out = at::empty({first + patches, sizes.width}, tokens.options());
  const OptionalTensor slots = visible.has_value() ? OptionalTensor(visible_slots(*visible, patches)) : std::nullopt;
  launch_position_sums(tokens.const_data_ptr<float>(), numbers_or_null(slots), out.mutable_data_ptr<float>(), sizes,
                       c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(assay, CUDA, m) {
  m.impl("visible_tokens", visible_tokens_cuda);
  m.impl("position_sums", position_sums_cuda);
}

}  // namespace assay
