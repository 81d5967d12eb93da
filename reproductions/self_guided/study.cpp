#include "reproductions/self_guided/study.h"

#include <fmt/format.h>

#include <utility>

#include "diffusion/guidance/classifier_free.h"

namespace assay::self_guided {

Study::Study(Run& r, Config c, const ShippedNetwork* network)
    : run(r),
      config(std::move(c)),
      train(load_images(r.dataset(), Split::train)),
      validation(load_images(r.dataset(), Split::validation)),
      shipped(network) {}

Study::Study(const Study& whole, Run& part)
    : run(part), config(whole.config), train(whole.train), validation(whole.validation), shipped(whole.shipped) {}

std::string self_label_arm(std::int64_t clusters) { return fmt::format("self_label_k{}", clusters); }

std::string self_label_arm(Encoder encoder, std::int64_t clusters) {
  return fmt::format("self_label_{}_k{}", name_of(encoder, encoder_names), clusters);
}

nlohmann::json guidance_params(double w) { return {{"w", w}, {"w_cfg", to_cfg(w)}}; }

ConvEncoder trained_encoder(Study& s) {
  const nlohmann::json identity = {
      {"what", "simclr"}, {"options", to_json(s.config.encoder)}, {"dataset", s.run.dataset().hash()}, {"seed", 0}};
  const auto file = s.run.product("encoder", identity, [&](const std::filesystem::path& out) {
    const auto progress = s.run.progress("train encoder", s.config.encoder.steps, "steps");
    train_simclr(s.train.images.to(s.run.device()), s.config.encoder, 0, [&](std::int64_t step, double) {
      progress(step);
    }).save(out, identity.dump());
  });
  ConvEncoder loaded(encoder_config(s.config.encoder), 0);
  loaded.load(file, identity.dump());
  return loaded;
}

}  // namespace assay::self_guided
