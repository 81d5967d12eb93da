#include "reproductions/self_guided/networks.h"

#include <fmt/format.h>

#include <filesystem>
#include <numeric>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/safetensors.h"
#include "diffusion/training/trainer.h"
#include "metrics/statistics/bootstrap.h"
#include "reproductions/self_guided/algorithm/denoising_loss.h"
#include "reproductions/trained.h"

namespace assay::self_guided {
namespace {

UNetConfig image_config(const Config& config, const std::vector<ConditionBlock>& blocks) {
  UNetConfig unet = config.unet;
  unet.cond_dim = vector_width(blocks);
  return unet;
}

UNetCaConfig layout_config(const Config& config, const std::vector<ConditionBlock>& blocks) {
  UNetCaConfig unet = config.layouts.unet;
  unet.cond_dim = vector_width(blocks);
  unet.cond_token_num = unet.cond_dim > 0 ? 1 : 0;
  unet.layout_dim = layout_width(blocks);
  unet.condition_method = "clusterlayout";
  return unet;
}

void hash_tensor(Hasher& hasher, const at::Tensor& tensor) {
  if (tensor.defined())
    hasher.values(std::span(tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())));
}

nlohmann::json identity_of(const Study& s, const Network& network) {
  Hasher conditions;
  for (const ConditionBlock& block : network.blocks) {
    conditions.text(block.name).number(block.classes).values(std::span<const std::int64_t>(block.ids));
    hash_tensor(conditions, block.rows);
    hash_tensor(conditions, block.layout);
  }
  return {{"what", "self_guided denoiser"},
          {"unet", network.layouts ? to_json(layout_config(s.config, network.blocks))
                                   : to_json(image_config(s.config, network.blocks))},
          {"train", to_json(s.config.train)},
          {"schedule", {s.config.schedule.name, s.config.schedule.steps()}},
          {"dataset", network.data},
          {"conditions", conditions.hex()},
          {"device", s.run.device().is_cpu() ? "cpu" : "cuda"},
          {"seed", s.run.seed()}};
}

/// Trains the network or finds it in the cache.
std::filesystem::path trained_here(Study& s, const Network& network, TrainableDenoiser& net,
                                   const nlohmann::json& identity) {
  const Training training = {.name = network.name,
                             .kind = "denoiser",
                             .identity = identity,
                             .artifact = "denoiser " + network.name,
                             .loss = identity.at("train").at("loss"),
                             .parameters = net.parameters().trainable_count(),
                             .steps = s.config.train.steps,
                             .batch = s.config.train.batch,
                             .side = s.config.dataset.size};
  return trained(s.run, training, [&](const std::filesystem::path& target, const auto& progress) {
    TrainOptions options = s.config.train;
    if (network.blocks.empty()) options.condition_dropout = 0;
    return train(net, s.config.schedule, {network.images.to(s.run.device()), network.blocks}, options, s.run.seed(),
                 target, identity.dump(), s.run.checkpoint_seconds(), progress);
  });
}

/// The shipped network's checkpoint in the cache, and how it was made in the record.
std::filesystem::path shipped_checkpoint(Study& s, const Network& network, std::int64_t parameters) {
  const ShippedNetwork& shipped = *s.shipped;
  nlohmann::json here = identity_of(s, network);
  for (const char* key : {"device", "seed"}) here[key] = shipped.identity().at(key);
  for (const auto& [key, value] : here.items())
    if (!shipped.identity().contains(key) || shipped.identity().at(key) != value)
      throw InputError(
          fmt::format("pretrained: {} was trained with other {} than this program makes of the same settings; leave "
                      "out `pretrained` to train",
                      shipped.name(), key));
  std::filesystem::path file =
      s.run.product("shipped-denoiser", {{"what", "self_guided shipped denoiser"}, {"hash", shipped.hash()}},
                    [&](const std::filesystem::path& target) { shipped.write_checkpoint(target); });
  s.run.stage("train:" + network.name, [&](StageOutput& out) {
    out.artifacts.push_back({.name = "denoiser " + network.name,
                             .kind = "checkpoint",
                             .file = file,
                             .meta = {{"parameters", parameters}, {"shipped", shipped.description()}}});
    out.notes.push_back(shipped.in_words());
    Curve losses = loss_curve(here.at("train").at("loss"));
    add_losses(losses, finished_loss(SafetensorsFile(file)), s.config.train.steps);
    if (!losses.values.empty()) out.curves.push_back(std::move(losses));
  });
  return file;
}

}  // namespace

std::string unguided_layout_arm(const Config& config, const std::string& arm) {
  return config.networks == Networks::shared ? "uncond_layout" : "uncond_" + arm;
}

std::vector<Network> networks_of(const Study& s, const std::vector<Signal>& signals, const std::string& name,
                                 bool layouts) {
  std::vector<Network> networks;
  for (const Signal& signal : signals) {
    const bool shared = s.config.networks == Networks::shared;
    if (networks.empty() || !shared)
      networks.push_back({shared ? name : signal.arm(), layouts, {}, {}, s.train.images, s.run.dataset().hash()});
    networks.back().blocks.push_back(signal.train);
    networks.back().held_out.push_back(signal.held_out);
  }
  return networks;
}

std::unique_ptr<TrainableDenoiser> make_network(const Config& config, const std::vector<ConditionBlock>& blocks,
                                                bool layouts) {
  if (layouts) return std::make_unique<UNetCa>(layout_config(config, blocks));
  return std::make_unique<UNet>(image_config(config, blocks));
}

std::unique_ptr<TrainableDenoiser> trained_network(Study& s, const Network& network) {
  const nlohmann::json identity = s.shipped ? s.shipped->identity() : identity_of(s, network);
  const auto net = make_network(s.config, network.blocks, network.layouts);
  net->parameters().materialise(s.run.seed(), s.run.device());
  const auto file = s.shipped ? shipped_checkpoint(s, network, net->parameters().trainable_count())
                              : trained_here(s, network, *net, identity);
  auto loaded = make_network(s.config, network.blocks, network.layouts);
  loaded->parameters().materialise(s.run.seed(), s.run.device());
  load_checkpoint(*loaded, file, s.config.sample.weights, identity.dump());
  return loaded;
}

void held_out_losses(Study& s, const Denoiser& net, const Network& network, const std::string& unguided,
                     bool record_null) {
  s.run.stage("loss:" + network.name, [&](StageOutput& out) {
    const at::Tensor images = s.validation.images.to(s.run.device());
    const auto progress = s.run.progress("held-out loss of " + network.name,
                                         static_cast<std::int64_t>(network.blocks.size()) + 1, "conditions");
    const auto losses = [&](const Condition& condition) {
      return denoising_loss(net, s.config.schedule, images, condition, s.config.loss_timesteps, s.run.seed());
    };
    out.protocols.push_back({.name = "denoising-loss",
                             .choices = {{"schedule", s.config.schedule.name},
                                         {"timesteps", s.config.loss_timesteps},
                                         {"images", fmt::format("validation split of {}", s.run.dataset().hash())}}});
    const auto add = [&](const std::string& arm, const std::string& name, const std::vector<double>& values) {
      const auto mean = [&](std::span<const std::int64_t> chosen) {
        double sum = 0;
        for (const std::int64_t i : chosen) sum += values[static_cast<std::size_t>(i)];
        return sum / static_cast<double>(chosen.size());
      };
      const auto n = static_cast<std::int64_t>(values.size());
      out.scores.push_back(
          {.arm = arm,
           .name = name,
           .value = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(n),
           .direction = Better::lower,
           .n = n,
           .interval = percentile_interval(bootstrap(n, mean, s.config.bootstrap, s.run.seed(), 1),
                                           fmt::format("bootstrap over images, {}", s.config.bootstrap)),
           .protocol = "denoising-loss"});
    };
    const std::vector<double> null = losses({});
    if (record_null) add(unguided, "eps_mse", null);
    progress(1);
    std::vector<std::int64_t> all(static_cast<std::size_t>(images.size(0)));
    std::iota(all.begin(), all.end(), 0);
    for (std::size_t b = 0; b < network.blocks.size(); ++b) {
      const std::string& arm = network.blocks[b].name;
      std::vector<double> values = losses(shown_condition(network.held_out, b, all).to(s.run.device()));
      add(arm, "eps_mse", values);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= null[i];
      add(fmt::format("{} - {}", arm, unguided), "eps_mse difference", values);
      progress(static_cast<std::int64_t>(b) + 2);
    }
  });
}

}  // namespace assay::self_guided
