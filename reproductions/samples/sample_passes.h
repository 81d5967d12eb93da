#pragma once
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace assay {

/// How many samples a network sees at once while it draws them.
///
/// On a CPU the bits of a product may depend on how many rows it has and on how many threads share it, on each kind of
/// processor in another way. So there every pass has the same number of rows, of which the last one throws away those
/// that nobody asked for: an image has the same bits however many are drawn with it.
struct PassShape {
  std::int64_t rows = 1;          // of every pass, at most
  bool filled = true;             // whether the last pass has as many rows too
  std::int64_t side_by_side = 0;  // passes at a time, each on one thread; 0: one after another, each on all threads

  /// Rows of the largest pass over `count` samples.
  std::int64_t rows_of(std::int64_t count) const { return filled ? rows : std::min(rows, count); }
};

/// For the small networks of tiers smoke and mini. On a CPU passes of ten, which take no longer an image than passes of
/// fifty; each has a thread of its own, so that the number of threads changes no bit either, and as many run at a time
/// as make up `batch`. On a GPU passes of `batch`.
PassShape passes_of_small_network(at::Device device, std::int64_t batch);

/// For published networks. On a CPU image by image, each on all threads: one is work enough for them and takes the
/// least memory. On a GPU passes of `batch`.
PassShape passes_of_published_network(at::Device device, std::int64_t batch);

/// A pass over the samples [begin, begin + rows) of those that are drawn, of which the first `kept` are asked for.
struct SamplePass {
  std::int64_t index, begin, rows, kept;

  /// What belongs to its samples, from one value a sample asked for; further rows repeat the last one.
  std::vector<std::int64_t> of(const std::vector<std::int64_t>& values) const;
};

/// The images [count, ...] that `draw` gives for one pass after another, each [rows, ...], on the CPU; no gradients are
/// recorded. `progress` gets the number of images that are done.
at::Tensor draw_in_passes(std::int64_t count, const PassShape& shape,
                          const std::function<at::Tensor(const SamplePass&)>& draw,
                          const std::function<void(std::int64_t)>& progress);

}  // namespace assay
