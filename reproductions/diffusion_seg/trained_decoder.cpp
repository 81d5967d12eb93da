#include "reproductions/diffusion_seg/trained_decoder.h"

#include "reproductions/trained.h"

namespace assay::diffusion_seg {

std::unique_ptr<MaskDecoder> trained_decoder(Run& run, const DecoderConfig& config, const DecoderExamples& examples) {
  nlohmann::json identity = examples.identity;
  identity.update({{"what", "diffusion_seg decoder"},
                   {"network", to_json(config.network)},
                   {"train", to_json(config.train)},
                   {"seed", run.seed()}});
  MaskDecoder decoder(examples.channels, config.network);
  const auto file =
      trained(run,
              {.name = examples.name,
               .kind = "mask-decoder",
               .identity = identity,
               .artifact = examples.name,
               .loss = "cross-entropy and soft IoU",
               .parameters = decoder.parameters().trainable_count(),
               .steps = config.train.steps,
               .batch = config.train.batch,
               .side = examples.side},
              [&](const std::filesystem::path& target, const auto& progress) {
                decoder.parameters().materialise(run.seed(), run.device());
                return train_decoder(decoder, examples.features(), examples.masks(), config.train, run.seed(), target,
                                     identity.dump(), run.checkpoint_seconds(), progress);
              });
  return read_mask_decoder(file, identity.dump(), run.device());
}

}  // namespace assay::diffusion_seg
