// What the dispatcher calls for tensors on CUDA: one file for all operators, because LibTorch's headers for
// registration take longer to compile than everything here.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <optional>
#include <tuple>

#include "kernels/adamw_step_cuda.h"
#include "kernels/guided_ddim_step_cuda.h"
#include "kernels/moments_cuda.h"
#include "kernels/smallest_distances_cuda.h"
#include "kernels/smallest_distances_math.h"
#include "kernels/visible_index.h"
#include "kernels/visible_patches_cuda.h"
#include "kernels/visible_tokens_cuda.h"

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

const std::int64_t* numbers_or_null(const OptionalTensor& visible) {
  return visible.has_value() ? visible->const_data_ptr<std::int64_t>() : nullptr;
}

void adamw_step_cuda(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& first,
                     const at::Tensor& second, const OptionalTensor& ema, double learning_rate, double beta1,
                     double beta2, double epsilon, double weight_decay, std::int64_t step, double grad_scale,
                     double ema_decay) {
  const c10::cuda::CUDAGuard on_device(parameters.device());
  launch_adamw_step(parameters.mutable_data_ptr<float>(), gradients.const_data_ptr<float>(),
                    first.mutable_data_ptr<float>(), second.mutable_data_ptr<float>(),
                    ema.has_value() ? ema->mutable_data_ptr<float>() : nullptr, parameters.numel(),
                    adamw_factors(learning_rate, beta1, beta2, epsilon, weight_decay, step, grad_scale, ema_decay),
                    c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

at::Tensor guided_ddim_step_cuda(const at::Tensor& x, const at::Tensor& eps_uncond, const OptionalTensor& eps_cond,
                                 const OptionalTensor& noise, double weight, double alpha_bar, double alpha_bar_prev,
                                 double sigma, bool clip, bool rederive_eps) {
  const c10::cuda::CUDAGuard on_device(x.device());
  at::Tensor out = at::empty_like(x);
  launch_guided_ddim_step(x.const_data_ptr<float>(), eps_uncond.const_data_ptr<float>(),
                          eps_cond.has_value() ? eps_cond->const_data_ptr<float>() : nullptr,
                          noise.has_value() ? noise->const_data_ptr<float>() : nullptr, out.mutable_data_ptr<float>(),
                          out.numel(), step_factors(weight, alpha_bar, alpha_bar_prev, sigma, clip, rederive_eps),
                          c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

std::tuple<at::Tensor, at::Tensor> moments_cuda(const at::Tensor& rows) {
  const c10::cuda::CUDAGuard on_device(rows.device());
  const std::int64_t width = rows.size(1);
  at::Tensor sum = at::zeros({width}, rows.options().dtype(at::kDouble));
  at::Tensor outer = at::zeros({width, width}, rows.options().dtype(at::kDouble));
  launch_moments(rows.const_data_ptr<float>(), rows.size(0), width, sum.mutable_data_ptr<double>(),
                 outer.mutable_data_ptr<double>(), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {sum, outer};
}

std::tuple<at::Tensor, at::Tensor> smallest_distances_cuda(const at::Tensor& queries, const at::Tensor& references,
                                                           std::int64_t k) {
  const c10::cuda::CUDAGuard on_device(queries.device());
  TORCH_CHECK(k <= max_k_on_device, "smallest_distances: k must be at most ", max_k_on_device, " on CUDA, got ", k);
  TORCH_CHECK(at::isfinite(queries).all().item<bool>(), "smallest_distances: a query holds a value that is not finite");
  TORCH_CHECK(at::isfinite(references).all().item<bool>(),
              "smallest_distances: a reference holds a value that is not finite");
  at::Tensor distances = at::empty({queries.size(0), k}, queries.options().dtype(at::kDouble));
  at::Tensor indices = at::empty({queries.size(0), k}, queries.options().dtype(at::kLong));
  launch_smallest_distances(queries.const_data_ptr<float>(), queries.size(0), references.const_data_ptr<float>(),
                            references.size(0), queries.size(1), static_cast<int>(k),
                            distances.mutable_data_ptr<double>(), indices.mutable_data_ptr<std::int64_t>(),
                            c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {distances, indices};
}

at::Tensor gather_patches_cuda(const at::Tensor& x, const OptionalTensor& visible, std::int64_t patch,
                               bool channel_last) {
  const c10::cuda::CUDAGuard on_device(x.device());
  const PatchGrid grid{x.size(1), x.size(2), x.size(3), patch, channel_last};
  const std::int64_t shown = visible.has_value() ? visible->size(1) : grid_patches(grid);
  at::Tensor out = at::empty({x.size(0), shown, patch_values(grid)}, x.options());
  launch_gather_patches(x.const_data_ptr<float>(),
                        visible.has_value() ? visible->const_data_ptr<std::int64_t>() : nullptr,
                        out.mutable_data_ptr<float>(), x.size(0), shown, grid, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

at::Tensor scatter_patches_cuda(const at::Tensor& patches, const OptionalTensor& visible, std::int64_t channels,
                                std::int64_t height, std::int64_t width, std::int64_t patch, bool channel_last,
                                double fill) {
  const c10::cuda::CUDAGuard on_device(patches.device());
  const PatchGrid grid{channels, height, width, patch, channel_last};
  at::Tensor out = at::empty({patches.size(0), channels, height, width}, patches.options());
  // One thread a pixel looks up where its patch stands: every pixel is written once, filled or not.
  const at::Tensor slots = visible.has_value() ? visible_slots(*visible, grid_patches(grid)) : at::Tensor();
  launch_scatter_patches(patches.const_data_ptr<float>(),
                         slots.defined() ? slots.const_data_ptr<std::int64_t>() : nullptr,
                         out.mutable_data_ptr<float>(), patches.size(0), patches.size(1), static_cast<float>(fill),
                         grid, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
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
  m.impl("adamw_step", adamw_step_cuda);
  m.impl("guided_ddim_step", guided_ddim_step_cuda);
  m.impl("moments", moments_cuda);
  m.impl("smallest_distances", smallest_distances_cuda);
  m.impl("gather_patches", gather_patches_cuda);
  m.impl("scatter_patches", scatter_patches_cuda);
  m.impl("visible_tokens", visible_tokens_cuda);
  m.impl("position_sums", position_sums_cuda);
}

}  // namespace assay
