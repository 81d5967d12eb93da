#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "diffusion/process/gaussian_process.h"

namespace assay {

/// KL(N(mean1, exp logvar1) || N(mean2, exp logvar2)) in nats, elementwise.
at::Tensor normal_kl(const at::Tensor& mean1, const at::Tensor& logvar1, const at::Tensor& mean2,
                     const at::Tensor& logvar2);

/// ln probability of 8-bit values x (v / 127.5 - 1) under a Gaussian integrated over each bin, in nats, elementwise;
/// with guided-diffusion's tanh approximation of the normal distribution function (losses.py).
at::Tensor discretized_gaussian_log_likelihood(const at::Tensor& x, const at::Tensor& means,
                                               const at::Tensor& log_scales);

/// A term of the variational bound, bits a dimension.
struct BoundTerm {
  at::Tensor bits;     // [B]: KL to the posterior, at t = 0 the decoder's negative log-likelihood
  at::Tensor x_start;  // predicted
};
BoundTerm bound_term(const GaussianProcess& process, const at::Tensor& output, const at::Tensor& x_start,
                     const at::Tensor& x, const at::Tensor& t, bool clip);

/// A network as a function of x [B, C, H, W] and the timesteps of GaussianProcess::model_timesteps.
using ModelFunction = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& timesteps)>;

/// Loss terms of each sample, [B]; `mse` and `vb` are undefined where the loss type has none.
struct TrainingLosses {
  at::Tensor loss, mse, vb;
};
/// guided-diffusion's training_losses: the mean is detached in the bound that mse types add, and nothing is clipped.
TrainingLosses training_losses(const GaussianProcess& process, const ModelFunction& model, const at::Tensor& x_start,
                               const at::Tensor& t, const at::Tensor& noise);

/// The whole bound, bits a dimension. Columns run from the noisiest step to step 0.
struct BitsPerDimension {
  at::Tensor total, prior;              // [B]
  at::Tensor vb, x_start_mse, eps_mse;  // [B, steps]
};
/// `noise(i)` gives the noise of column i.
BitsPerDimension bits_per_dimension(const GaussianProcess& process, const ModelFunction& model,
                                    const at::Tensor& x_start, bool clip,
                                    const std::function<at::Tensor(std::int64_t)>& noise);

}  // namespace assay
