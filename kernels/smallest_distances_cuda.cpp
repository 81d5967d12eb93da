#include "kernels/smallest_distances_cuda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <tuple>

#include "kernels/smallest_distances_math.h"

namespace assay {
namespace {

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

}  // namespace

TORCH_LIBRARY_IMPL(assay, CUDA, m) { m.impl("smallest_distances", smallest_distances_cuda); }

}  // namespace assay
