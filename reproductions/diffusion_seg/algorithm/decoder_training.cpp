#include "reproductions/diffusion_seg/algorithm/decoder_training.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/training/epoch_order.h"
#include "kernels/host_tensor.h"
#include "reproductions/diffusion_seg/algorithm/decoder_loss.h"

namespace assay::diffusion_seg {

DecoderTrainOptions read_decoder_train_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  DecoderTrainOptions o;
  o.steps = reader.integer("steps", o.steps, 1);
  o.batch = reader.integer("batch", o.batch, 1, 1 << 16);
  o.learning_rate = reader.real("learning_rate", o.learning_rate, 1e-9, 1.0);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 10.0);
  reader.finish();
  return o;
}

nlohmann::json to_json(const DecoderTrainOptions& o) {
  return {{"steps", o.steps}, {"batch", o.batch}, {"learning_rate", o.learning_rate}, {"weight_decay", o.weight_decay}};
}

DecoderMasks masks_in_memory(at::Tensor masks) {
  const bool bytes = masks.scalar_type() == at::kByte;
  if (masks.dim() != 3 || masks.numel() == 0 || (!bytes && masks.scalar_type() != at::kFloat))
    throw InputError(fmt::format("masks: {} [{}]; accepted: [images, height, width] in uint8 or float32",
                                 masks.dtype().name(), fmt::join(masks.sizes(), ", ")));
  // NaN is in no range either.
  if (!bytes && !((masks >= 0) & (masks <= 1)).all().item<bool>())
    throw InputError("masks: a value outside [0, 1]; accepted: 0 to 1 in float32, 0 to 255 in uint8");
  return [masks = std::move(masks), bytes](const std::vector<std::int64_t>& images) {
    const at::Tensor chosen = rows_of(masks, images);
    return bytes ? chosen.to(at::kFloat) / 255 : chosen;
  };
}

TrainReport train_decoder(MaskDecoder& decoder, const DecoderFeatures& features, const DecoderMasks& masks,
                          const DecoderTrainOptions& options, std::uint64_t seed, const std::filesystem::path& file,
                          const std::string& identity, double checkpoint_seconds,
                          const std::function<void(std::int64_t, double)>& progress) {
  if (features.count < 1) throw InputError("training of the decoder: no image; accepted: at least one");
  if (features.channels != decoder.channels())
    throw InputError(fmt::format("training of the decoder: features of {} channels; the decoder takes {}",
                                 fmt::join(features.channels, ", "), fmt::join(decoder.channels(), ", ")));
  ResumableTraining training(decoder.parameters(), WeightAverage::none, options.steps,
                             {file, identity, checkpoint_seconds},
                             {.save = [&](SafetensorsWriter& writer) { describe_mask_decoder(writer, decoder); },
                              .load = [](const SafetensorsFile&) {},  // the description says nothing new
                              .kept_when_finished = true});
  AdamWStep step;
  step.learning_rate = options.learning_rate;
  step.weight_decay = options.weight_decay;

  EpochOrder order(features.count, seed);
  const at::Device device = decoder.device();
  std::vector<std::int64_t> images(static_cast<std::size_t>(options.batch));
  while (!training.finished()) {
    const std::int64_t first = training.step() * options.batch;
    for (std::int64_t i = 0; i < options.batch; ++i) images[static_cast<std::size_t>(i)] = order.image(first + i);
    std::vector<at::Tensor> maps = features.load(images);
    for (at::Tensor& scale : maps) scale = scale.to(device);
    const at::Tensor truth = masks(images).to(device);
    if (truth.dim() != 3)
      throw InputError(fmt::format("training of the decoder: masks [{}]; accepted: [images, height, width]",
                                   fmt::join(truth.sizes(), ", ")));
    training.backward(decoder_loss(decoder.logits(maps, truth.size(1), truth.size(2)), truth));
    const double loss = training.descend(step);
    training.save_when_due();
    if (progress) progress(training.step(), loss);
  }
  return training.finish();
}

}  // namespace assay::diffusion_seg
