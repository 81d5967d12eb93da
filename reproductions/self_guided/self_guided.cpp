#include "reproductions/self_guided/self_guided.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "core/error.h"
#include "kernels/host_tensor.h"
#include "metrics/clustering/clustering.h"
#include "metrics/statistics/rank_correlation.h"
#include "reproductions/fd_small.h"
#include "reproductions/real_images.h"
#include "reproductions/self_guided/layout_signals.h"
#include "reproductions/self_guided/long_tail.h"
#include "reproductions/self_guided/memorisation.h"
#include "reproductions/self_guided/networks.h"
#include "reproductions/self_guided/oracle.h"
#include "reproductions/self_guided/overlap_scores.h"
#include "reproductions/self_guided/sampling.h"
#include "reproductions/tiers.h"

namespace assay::self_guided {
namespace {

void real_images(Study& s, const FdSmall& fd) {
  record_real_images(s.run, fd, s.validation.images, [&](const at::Tensor& /*features*/, StageOutput& out) {
    std::vector<std::int64_t> shown = condition_sources(s);
    shown.resize(std::min<std::size_t>(60, shown.size()));
    out.artifacts.push_back(real_picture(s.run, to_bytes(rows_of(s.train.images, shown)), "grid-real.png"));
  });
}

/// Claims S-3 and S-5 within a seed: how fd-small goes with K, and with the agreement of clusters and groups.
void trends(Study& s, const std::map<std::string, double>& fd_of, const std::vector<Signal>& signals,
            const FdSmall& fd) {
  s.run.stage("trends", [&](StageOutput& out) {
    out.protocols.push_back(fd.protocol());
    const auto add = [&](const char* name, const std::vector<double>& x, const std::vector<double>& y,
                         Better direction) {
      // Two points are always in order.
      if (x.size() >= 3)
        out.scores.push_back({.arm = "self_label",
                              .name = name,
                              .value = spearman(x, y),
                              .direction = direction,
                              .n = static_cast<std::int64_t>(x.size()),
                              .protocol = "fd-small"});
    };
    std::vector<double> k, fd_by_k, agreement, fd_by_encoder;
    for (const std::int64_t clusters : s.config.clusters) {
      k.push_back(static_cast<double>(clusters));
      fd_by_k.push_back(fd_of.at(self_label_arm(clusters)));
    }
    add("spearman_k_fd", k, fd_by_k, Better::lower);
    for (std::size_t i = 0; i < s.config.encoders.size(); ++i) {
      const std::string arm = i == 0 ? self_label_arm(s.config.clusters.front())
                                     : self_label_arm(s.config.encoders[i], s.config.clusters.front());
      for (const Signal& signal : signals)
        if (signal.arm() == arm) agreement.push_back(nmi(s.train.groups, signal.train.ids));
      fd_by_encoder.push_back(fd_of.at(arm));
    }
    add("spearman_nmi_fd", agreement, fd_by_encoder, Better::unstated);
  });
}

MethodPlan plan_of(const Config& c) {
  const nlohmann::json headline = guidance_params(c.sample.guidance.weight), unguided = guidance_params(0);
  MethodPlan plan;
  const auto fd = [&](const std::string& a, const std::string& b, const nlohmann::json& params_b) {
    plan.contrasts.push_back({"fd-small", "fd-small", a, b, headline, params_b});
  };
  if (has(c, Part::guidance)) {
    std::vector<std::string> arms;
    for (const std::int64_t k : c.clusters) arms.push_back(self_label_arm(k));
    for (std::size_t i = 1; i < c.encoders.size(); ++i)
      arms.push_back(self_label_arm(c.encoders[i], c.clusters.front()));
    arms.push_back(label_arm);
    arms.push_back(random_arm);
    for (const std::string& arm : arms) fd(arm, unguided_arm, unguided);
    for (const std::int64_t k : c.clusters) fd(self_label_arm(k), label_arm, headline);
    fd(self_label_arm(c.clusters.front()), random_arm, headline);
    if (c.uncond_model) fd(self_label_arm(c.clusters.front()), uncond_model_arm, unguided);
    for (const std::string& arm : arms)
      plan.contrasts.push_back({"eps_mse", "denoising-loss", arm, unguided_arm, {}, {}});
    const nlohmann::json quality = {{"K", c.clusters.front()}, {"split", "train"}, {"labels", "group"}};
    plan.contrasts.push_back({"nmi", "sklearn", "encoder", "pca", quality, quality});
  }
  if (has(c, Part::layouts))
    for (const char* arm : {box_arm, mask_arm}) {
      fd(arm, arm, unguided);
      plan.contrasts.push_back({"layout_miou", "layout", arm, arm, headline, unguided});
      plan.contrasts.push_back({"eps_mse", "denoising-loss", arm, unguided_layout_arm(c, arm), {}, {}});
    }
  return plan;
}

/// Differences of arms within this seed, paired by the noise that sample i shares: the same resampled indices on both
/// sides. The interval over seeds is the harness's.
void paired_differences(Study& s, const FdSmall& fd) {
  s.run.stage("paired", [&](StageOutput& out) {
    out.protocols.push_back(fd.protocol());
    for (const Contrast& contrast : plan_of(s.config).contrasts) {
      if (contrast.metric != "fd-small") continue;
      const at::Tensor a = stored_features(s, contrast.arm_a, contrast.params_a.at("w").get<double>());
      const at::Tensor b = stored_features(s, contrast.arm_b, contrast.params_b.at("w").get<double>());
      out.scores.push_back(fd.difference(contrast.arm_a, a, contrast.arm_b, b, contrast.params_a));
    }
  });
}

void guide_by_images(Study& s, const std::vector<Signal>& signals, const FdSmall& fd) {
  const std::string swept = self_label_arm(s.config.clusters.front());
  std::map<std::string, double> fd_of;  // of each arm at the headline weight
  for (const Network& network : networks_of(s, signals, "shared", false)) {
    const auto net = trained_network(s, network);
    const auto knows_swept = [&](const ConditionBlock& block) { return block.name == swept; };
    held_out_losses(s, *net, network, unguided_arm,
                    std::any_of(network.blocks.begin(), network.blocks.end(), knows_swept));
    for (std::size_t b = 0; b < network.blocks.size(); ++b) {
      const std::string& arm = network.blocks[b].name;
      // Without guidance the condition plays no part: one arm, sampled from the network of the first clusters.
      if (arm == swept) sample_arms(s, *net, network, {{unguided_arm, b}}, 0, fd, nullptr);
      for (const double w : s.config.sample.sweep) {
        const bool headline = w == s.config.sample.guidance.weight;
        if (w == 0 || !(headline || arm == swept)) continue;
        const double distance = sample_arms(s, *net, network, {{arm, b}}, w, fd, nullptr);
        if (headline) fd_of[arm] = distance;
      }
    }
  }
  if (s.config.uncond_model) {
    const Network network{uncond_model_arm, false, {}, {}, s.train.images, s.run.dataset().hash()};
    const auto net = trained_network(s, network);
    sample_arms(s, *net, network, {{uncond_model_arm, 0}}, 0, fd, nullptr);
  }
  trends(s, fd_of, signals, fd);
  record_memorisation(s, swept, s.config.sample.guidance.weight, fd);
}

/// Weights at which boxes and masks are sampled, besides 0.
std::vector<double> layout_weights(const Config& config) {
  std::vector<double> weights = config.layouts.sweep;
  weights.push_back(config.sample.guidance.weight);
  std::sort(weights.begin(), weights.end());
  weights.erase(std::unique(weights.begin(), weights.end()), weights.end());
  std::erase(weights, 0.0);
  return weights;
}

/// Differences of overlap within this seed, paired as paired_differences() are.
void paired_overlaps(Study& s, const LayoutSignals& layouts) {
  s.run.stage("paired:layouts", [&](StageOutput& out) {
    out.protocols.push_back(layout_protocol(s.config));
    const std::vector<std::int64_t> sources = condition_sources(s);
    for (const Contrast& contrast : plan_of(s.config).contrasts) {
      if (contrast.metric != "layout_miou") continue;
      const auto overlap = [&](const std::string& arm, const nlohmann::json& params) {
        return layouts.overlap(arm, stored_images(s, arm, params.at("w").get<double>()), sources);
      };
      const auto a = overlap(contrast.arm_a, contrast.params_a), b = overlap(contrast.arm_b, contrast.params_b);
      if (a && b)
        out.scores.push_back(overlap_difference(contrast.arm_a, *a, contrast.arm_b, *b, contrast.params_a,
                                                {s.config.bootstrap, s.run.seed()}));
    }
  });
}

void guide_by_layouts(Study& s, const std::vector<Signal>& image, const FdSmall& fd) {
  const std::string shown = self_label_arm(s.config.clusters.front());
  const auto clusters =
      std::find_if(image.begin(), image.end(), [&](const Signal& signal) { return signal.arm() == shown; });
  const LayoutSignals layouts = layout_signals(s, *clusters);
  for (const Network& network : networks_of(s, {layouts.box, layouts.mask}, "layout", true)) {
    const auto net = trained_network(s, network);
    held_out_losses(s, *net, network, unguided_layout_arm(s.config, network.blocks.front().name), true);
    std::vector<Arm> arms;
    for (std::size_t b = 0; b < network.blocks.size(); ++b) arms.push_back({network.blocks[b].name, b});
    sample_arms(s, *net, network, arms, 0, fd, &layouts);
    for (const Arm& arm : arms)
      for (const double w : layout_weights(s.config)) sample_arms(s, *net, network, {arm}, w, fd, &layouts);
  }
  paired_overlaps(s, layouts);
}

class SelfGuided final : public Method {
 public:
  SelfGuided(const nlohmann::json& config, const std::vector<PretrainedFile>& files)
      : config_(read_config(config)), shipped_(shipped_network(config_, files)) {}

  std::vector<std::string> needs() const override;
  std::vector<std::string> describe() const override;
  MethodPlan plan() const override { return plan_of(config_); }
  std::vector<std::function<void(Run&)>> shared_products() const override;
  void run(Run& run) const override;

 private:
  Config config_;
  std::shared_ptr<const ShippedNetwork> shipped_;  // null: networks are trained
};

std::vector<std::string> SelfGuided::needs() const {
  std::vector<std::string> missing = dataset_needs(config_.dataset);
  if (shipped_ && missing.empty())
    if (std::string misfit = shipped_->misfit(*open_dataset(config_.dataset)); !misfit.empty())
      missing.push_back(std::move(misfit));
  return missing;
}

std::vector<std::string> SelfGuided::describe() const {
  const Config& c = config_;
  const bool counted = dataset_needs(c.dataset).empty();
  std::int64_t labels = 0;
  if (counted) labels = label_count(*open_dataset(c.dataset), c.label);
  const bool shared = c.networks == Networks::shared;
  const std::size_t arms = c.clusters.size() + c.encoders.size() - 1 + 2;
  std::vector<std::string> lines = {
      fmt::format("data set: {} at {}x{}", c.dataset.name, c.dataset.size, c.dataset.size)};
  std::size_t networks = 0, draws = 0;
  if (has(c, Part::guidance)) {
    std::vector<ConditionBlock> blocks = {{self_label_arm(c.clusters.front()), c.clusters.front(), {}}};
    if (shared) {
      // As many as the run will have, except that labels cannot be counted where the data set is missing.
      for (std::size_t i = 1; i < c.clusters.size(); ++i) blocks.push_back({"", c.clusters[i], {}});
      for (std::size_t i = 0; i < c.encoders.size(); ++i) blocks.push_back({"", c.clusters.front(), {}});
      blocks.push_back({label_arm, labels, {}});
    }
    lines.push_back(fmt::format("denoiser: {} trainable parameters; {}",
                                make_network(c, blocks, false)->parameters().trainable_count(),
                                shared ? fmt::format("one network for all {} classes of all conditions{}",
                                                     vector_width(blocks), counted ? "" : ", human labels not counted")
                                       : fmt::format("one network a condition, K = {} here", c.clusters.front())));
    networks += (shared ? 1 : arms) + (c.uncond_model ? 1 : 0);
    draws += arms + 1 + (c.uncond_model ? 1 : 0) + c.sample.sweep.size() - 2;
  }
  if (has(c, Part::layouts)) {
    const at::Tensor empty = at::empty({1, c.layouts.mask_clusters + 1, 1, 1}, at::kFloat);
    std::vector<ConditionBlock> blocks = {{"", c.clusters.front() + c.layouts.mask_clusters, {}, {}, empty}};
    lines.push_back(
        fmt::format("boxes and masks: {} trainable parameters; LOST's box with K = {}, masks of {} clusters{}",
                    make_network(c, blocks, true)->parameters().trainable_count(), c.clusters.front(),
                    c.layouts.mask_clusters, c.layouts.masks.empty() ? "" : " read from " + c.layouts.masks));
    networks += shared ? 1 : 2;
    draws += 1 + 2 * layout_weights(c).size();
  }
  if (has(c, Part::long_tail)) {
    lines.push_back(fmt::format("long tail: imbalances {}, human labels and clusters, conditions marginal and uniform",
                                fmt::join(c.imbalances, ", ")));
    networks += c.imbalances.size();
    draws += 4 * c.imbalances.size();
  }
  lines.push_back(shipped_ ? shipped_->in_words()
                           : fmt::format("training: {} steps of {} images a network, {} network(s) a seed",
                                         c.train.steps, c.train.batch, networks));
  lines.push_back(fmt::format("sampling: {} times {} images a seed, {} {} steps, weights of the curve: {}", draws,
                              c.sample.count, c.sample.ddim.steps,
                              c.sample.sampler == SamplerKind::ddim ? "DDIM" : name_of(c.sample.sampler, sampler_names),
                              c.sample.sweep.size()));
  return lines;
}

/// The fd-small network, and the self-supervised encoder where its clusters do not come with the network.
std::vector<std::function<void(Run&)>> SelfGuided::shared_products() const {
  std::vector<std::function<void(Run&)>> products = {[this](Run& run) {
    Study s(run, config_);
    FdSmall(run, s.train, s.config.fd_small, s.config.bootstrap);
  }};
  if (!shipped_)
    products.emplace_back([this](Run& run) {
      Study s(run, config_);
      trained_encoder(s);
    });
  return products;
}

void SelfGuided::run(Run& run) const {
  if (shipped_)
    if (const std::string misfit = shipped_->misfit(run.dataset()); !misfit.empty()) throw InputError(misfit);
  Study s(run, config_, shipped_.get());
  if (s.config.oracle) check_on_oracle(run);
  const FdSmall fd(run, s.train, s.config.fd_small, s.config.bootstrap);
  real_images(s, fd);
  std::vector<Signal> signals;
  if (has(s.config, Part::guidance) || has(s.config, Part::layouts)) signals = image_signals(s);
  std::vector<std::function<void(Run&)>> parts;
  if (has(s.config, Part::guidance))
    parts.push_back([&](Run& part) {
      Study own(s, part);
      guide_by_images(own, signals, fd);
    });
  if (has(s.config, Part::layouts))
    parts.push_back([&](Run& part) {
      Study own(s, part);
      guide_by_layouts(own, signals, fd);
    });
  if (has(s.config, Part::long_tail))
    parts.push_back([&](Run& part) {
      Study own(s, part);
      long_tail(own, fd);
    });
  run.side_by_side(parts);
  paired_differences(s, fd);
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return make_method(config, pretrained_files()); }

std::unique_ptr<Method> make_method(const nlohmann::json& config, const std::vector<PretrainedFile>& files) {
  return std::make_unique<SelfGuided>(config, files);
}

}  // namespace assay::self_guided
