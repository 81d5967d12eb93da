#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

#include "diffusion/networks/parameters.h"
#include "kernels/adamw_step.h"

namespace assay {

/// Whether a training keeps a moving average of the weights.
enum class WeightAverage { none, ema };

/// AdamW over the trainable parameters of a network as one flat buffer, with the moving average of its weights where
/// asked for. In a file: the weights under `model.`, their average under `ema.`, the moments as `optimizer.first` and
/// `optimizer.second`.
class FlatAdamW {
 public:
  /// Moments of zero, the average at the weights as they are. `parameters`, which must outlive this object, record
  /// gradients while it lives and are plain values afterwards. LibTorch multiplies in another way where a factor
  /// requires gradients, even where none are recorded, and a network that was trained here must predict the same bits
  /// as the one that is loaded from its file.
  FlatAdamW(Parameters& parameters, WeightAverage average);
  ~FlatAdamW();
  FlatAdamW(const FlatAdamW&) = delete;
  FlatAdamW& operator=(const FlatAdamW&) = delete;

  /// Gradients accumulate from one backward pass to the next; this clears them.
  void zero_gradients();
  /// One step along the gathered gradients. Clipping goes into `grad_scale`; `ema_decay` is of no use without average.
  void step(const AdamWStep& step);

  /// The moving average, as Parameters::flat(). Throws where none is kept.
  const at::Tensor& average() const { return ema_.value(); }

  /// Adds weights and average: a finished checkpoint.
  void save_weights(SafetensorsWriter& writer) const;
  /// Adds the moments: what an unfinished one holds beside.
  void save_moments(SafetensorsWriter& writer) const;
  /// Reads all of them. Throws InputError where one is missing or of another network.
  void load(const SafetensorsFile& file);

 private:
  Parameters& parameters_;
  at::Tensor first_, second_;
  std::optional<at::Tensor> ema_;
};

}  // namespace assay
