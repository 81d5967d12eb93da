#include "reproductions/self_guided/algorithm/simclr.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "core/config.h"
#include "core/philox.h"
#include "kernels/host_tensor.h"
#include "kernels/smallest_distances.h"
#include "metrics/clustering/kmeans.h"
#include "metrics/features/augment.h"
#include "reproductions/self_guided/algorithm/pca.h"

namespace assay::self_guided {

SimclrOptions read_simclr_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  SimclrOptions o;
  o.width = reader.integer("width", o.width, 8, 1024);
  o.features = reader.integer("features", o.features, 2, 4096);
  o.grid = reader.integer("grid", o.grid, 1, 64);
  o.projection = reader.integer("projection", o.projection, 2, 4096);
  o.steps = reader.integer("steps", o.steps, 1);
  o.batch = reader.integer("batch", o.batch, 2, 1 << 16);
  o.temperature = reader.real("temperature", o.temperature, 1e-3, 100.0);
  o.learning_rate = reader.real("learning_rate", o.learning_rate, 1e-9, 1.0);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 10.0);
  o.smallest_crop = reader.real("smallest_crop", o.smallest_crop, 0.05, 1.0);
  o.colour = reader.real("colour", o.colour, 0.0, 4.0);
  o.grey = reader.real("grey", o.grey, 0.0, 1.0);
  o.channel_shuffle = reader.real("channel_shuffle", o.channel_shuffle, 0.0, 1.0);
  o.neighbours = reader.integer("neighbours", o.neighbours, 1, 1000);
  o.neighbour_share = reader.real("neighbour_share", o.neighbour_share, 0.0, 1.0);
  o.neighbour_parts = reader.integer("neighbour_parts", o.neighbour_parts, 1, 1000);
  reader.finish();
  return o;
}

nlohmann::json to_json(const SimclrOptions& o) {
  return {{"width", o.width},
          {"features", o.features},
          {"grid", o.grid},
          {"projection", o.projection},
          {"steps", o.steps},
          {"batch", o.batch},
          {"temperature", o.temperature},
          {"learning_rate", o.learning_rate},
          {"weight_decay", o.weight_decay},
          {"smallest_crop", o.smallest_crop},
          {"colour", o.colour},
          {"grey", o.grey},
          {"channel_shuffle", o.channel_shuffle},
          {"neighbours", o.neighbours},
          {"neighbour_share", o.neighbour_share},
          {"neighbour_parts", o.neighbour_parts}};
}

at::Tensor nt_xent(const at::Tensor& a, const at::Tensor& b, double temperature) {
  const std::int64_t n = a.size(0);
  at::Tensor z = at::cat({a, b});
  z = z / z.norm(2, {1}, true).clamp_min(1e-8);
  const at::Tensor self = at::eye(2 * n, z.options().dtype(at::kBool));
  const at::Tensor similarity =
      (at::matmul(z, z.t()) / temperature).masked_fill(self, -std::numeric_limits<double>::infinity());
  const at::Tensor index = at::arange(n, z.options().dtype(at::kLong));
  return at::cross_entropy_loss(similarity, at::cat({index + n, index}));
}

ConvEncoderConfig encoder_config(const SimclrOptions& options) {
  return {options.width, options.features, options.projection, options.grid};
}

ConvEncoder train_simclr(const at::Tensor& images, const SimclrOptions& options, std::uint64_t seed,
                         const std::function<void(std::int64_t, double)>& progress) {
  const std::int64_t n = images.size(0), batch = std::min(options.batch, n);
  ConvEncoder encoder(encoder_config(options), seed, images.device());
  Augmentation ranges;
  ranges.smallest_crop = options.smallest_crop;
  ranges.flip = true;
  ranges.brightness = options.colour / 2;
  ranges.contrast = options.colour;
  ranges.colour = options.colour;
  ranges.grey = options.grey;
  ranges.channel_shuffle = options.channel_shuffle;

  // Of each image the nearest others; column 0 is the image itself.
  at::Tensor nearest;
  const std::int64_t neighbours = std::min(options.neighbours, n - 1);
  const std::int64_t part = std::max<std::int64_t>(1, options.steps / options.neighbour_parts);
  const auto look_up = [&](std::int64_t step) {
    const at::Tensor features = step == 0 ? pca_features(images, std::min<std::int64_t>(32, images[0].numel()))
                                          : pooled_in_batches(encoder, images);
    const at::Tensor unit = normalise_rows(features - features.mean(0));
    nearest = smallest_distances(unit, unit, neighbours + 1).indices;
  };

  for (std::int64_t step = 0; step < options.steps; ++step) {
    if (options.neighbour_share > 0 && step % part == 0) look_up(step);
    // Without replacement inside a batch, or an image would repel itself.
    RandomStream random(seed, Purpose::order, static_cast<std::uint64_t>(step));
    const std::vector<std::int64_t> order = permutation(n, random);
    const at::Tensor index = host_tensor(std::span(order).first(static_cast<std::size_t>(batch)));
    at::Tensor partner = index.clone();
    for (std::int64_t i = 0; nearest.defined() && i < batch; ++i) {
      if (random.uniform() >= options.neighbour_share) continue;
      const auto rank = 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(neighbours)));
      partner.mutable_data_ptr<std::int64_t>()[i] =
          nearest.const_data_ptr<std::int64_t>()[index.const_data_ptr<std::int64_t>()[i] * (neighbours + 1) + rank];
    }
    const at::Tensor chosen = at::index_select(images, 0, index.to(images.device()));
    const at::Tensor paired = at::index_select(images, 0, partner.to(images.device()));
    const auto item = static_cast<std::uint64_t>(2 * step * batch);
    const at::Tensor views = at::cat(
        {augment(chosen, ranges, seed, item), augment(paired, ranges, seed, item + static_cast<std::uint64_t>(batch))});
    const at::Tensor projections = encoder.head(encoder.features(encoder.pooled(views)));
    const auto halves = projections.chunk(2);
    const at::Tensor loss = nt_xent(halves[0], halves[1], options.temperature);
    const double share = static_cast<double>(step) / static_cast<double>(options.steps);
    encoder.descend(loss, options.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * share)), options.weight_decay);
    if (progress) progress(step + 1, loss.item<double>());
  }
  return encoder;
}

}  // namespace assay::self_guided
