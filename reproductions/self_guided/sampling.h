#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "reproductions/fd_small.h"
#include "reproductions/self_guided/layout_signals.h"
#include "reproductions/self_guided/networks.h"

namespace assay::self_guided {

/// The training images whose conditions the samples take: the empirical training marginal (SGDM's published code), the
/// same images for every arm.
std::vector<std::int64_t> condition_sources(const Study& s);

/// Samples as bytes [sources.size(), 3, H, W]: sample i shows what training image sources[i] shows of `block`, and has
/// the same noise in every arm. At w = 0 the null condition, whatever the block.
at::Tensor draw(const Study& s, const Denoiser& net, const Network& network, std::size_t block, double w,
                const std::vector<std::int64_t>& sources, const std::function<void(std::int64_t)>& progress);

/// An arm of a network: one block at one weight.
struct Arm {
  std::string name;
  std::size_t block = 0;
};

/// Samples at one weight, scores them, and keeps samples, features and a picture under the first arm's name. Several
/// arms may share the samples of w = 0. `layouts`: what judges arms of boxes and masks, or null. Stage "sample:ARM:wW".
/// Returns fd-small.
double sample_arms(Study& s, const Denoiser& net, const Network& network, const std::vector<Arm>& arms, double w,
                   const FdSmall& fd, const LayoutSignals* layouts);

/// The samples of an arm, [N, 3, H, W] in [-1, 1].
at::Tensor stored_images(const Study& s, const std::string& arm, double w);

/// Features [N, D] of the samples of an arm.
at::Tensor stored_features(const Study& s, const std::string& arm, double w);

}  // namespace assay::self_guided
