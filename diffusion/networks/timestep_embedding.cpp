#include "diffusion/networks/timestep_embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace assay {

at::Tensor timestep_embedding(const at::Tensor& timesteps, std::int64_t dim, double max_period, double frequency_shift,
                              EmbeddingOrder order) {
  const std::int64_t half = dim / 2;
  const at::Tensor index = at::arange(half, timesteps.options().dtype(at::kFloat));
  const at::Tensor frequencies =
      (index * (-std::log(max_period)) / (static_cast<double>(half) - frequency_shift)).exp();
  const at::Tensor angles = timesteps.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);
  at::Tensor embedding = order == EmbeddingOrder::cosines_first ? at::cat({angles.cos(), angles.sin()}, 1)
                                                                : at::cat({angles.sin(), angles.cos()}, 1);
  if (dim % 2 == 1) embedding = at::cat({embedding, at::zeros({embedding.size(0), 1}, embedding.options())}, 1);
  return embedding;
}

}  // namespace assay
