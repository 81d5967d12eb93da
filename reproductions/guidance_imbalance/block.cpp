#include "reproductions/guidance_imbalance/block.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/nearest.h"
#include "diffusion/guidance/classifier_guidance.h"
#include "kernels/host_tensor.h"
#include "reproductions/ed_dpm/guidance_scores.h"
#include "reproductions/ed_dpm/study.h"
#include "reproductions/guidance_imbalance/other_dataset.h"
#include "reproductions/guidance_imbalance/tail_judge.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/samples/drawing.h"
#include "reproductions/self_guided/algorithm/long_tailed_set.h"
#include "reproductions/self_guided/layout_signals.h"
#include "reproductions/self_guided/networks.h"
#include "reproductions/tiers.h"

namespace assay::guidance_imbalance {
namespace {

using self_guided::ConditionDraw;
using self_guided::Network;
using self_guided::Signal;
using self_guided::Study;

struct NamedDraw {
  const char* name;
  ConditionDraw draw;
};
constexpr std::array<NamedDraw, 2> draws = {
    {{"marginal", ConditionDraw::marginal}, {"uniform", ConditionDraw::uniform}}};

/// Samples behind the choice of a strength are numbered from here, reported ones from 0.
constexpr std::int64_t selection_offset = std::int64_t{1} << 24;

/// An arm and what it draws with.
struct Cell {
  const StudyArm& arm;
  const Denoiser& denoiser;
  const Network* network = nullptr;        // of the arms that show a condition
  std::size_t block = 0;                   // of the network
  const Classifier* classifier = nullptr;  // of the arms with one
  std::vector<std::int64_t> ids = {};      // of the training images: among which uniform conditions are drawn
};

struct Images {
  at::Tensor bytes;  // [count, 3, H, W] uint8
  GuidanceEvents met;
};

/// Samples first, first + 1, ...; sample first + i is asked for what training image sources[i] shows.
Images drawn(const Study& s, const Config& config, const Cell& cell, double strength,
             const std::vector<std::int64_t>& sources, std::int64_t first,
             const std::function<void(std::int64_t)>& progress) {
  const auto& sample = s.config.sample;
  const std::unique_ptr<Sampler> sampler = make_sampler(sample.sampler, s.config.schedule, sample.ddim);
  const PassShape passes = passes_of_small_network(s.run.device(), sample.batch);
  const std::vector<std::int64_t>& labels = s.train.groups;
  std::vector<GuidanceEvents> met(sources.size());  // of each pass, added up in order
  const auto by_classifier = [&](const SamplePass& pass, const PassNoise& noise) {
    std::vector<std::int64_t> asked;
    for (const std::int64_t source : pass.of(sources)) asked.push_back(labels[static_cast<std::size_t>(source)]);
    ClassifierGuidanceOptions options;
    options.scale = strength;
    options.entropy_scaling = cell.arm.entropy_scaling;
    options.entropy_floor = config.entropy_floor;
    ClassifierGuidance guidance(*cell.classifier, host_tensor(asked).to(s.run.device()), options, first + pass.begin);
    guidance.count_only(pass.kept);
    at::Tensor x =
        sampler->sample(cell.denoiser, guidance, noise(0), [&](std::int64_t step) { return noise(step + 1); });
    met[static_cast<std::size_t>(pass.index)] = guidance.events();
    return x;
  };
  const auto by_condition = [&](const SamplePass& pass, const PassNoise& noise) {
    GuidanceOptions options = sample.guidance;
    options.weight = strength;
    const Condition condition =
        cell.arm.guided() ? shown_condition(cell.network->blocks, cell.block, pass.of(sources)).to(s.run.device())
                          : Condition();
    const std::unique_ptr<Guidance> guidance = make_guidance(options, condition);
    return sampler->sample(cell.denoiser, *guidance, noise(0), [&](std::int64_t step) { return noise(step + 1); });
  };
  const std::int64_t side = s.config.dataset.size;
  const Drawing drawing{.first = first,
                        .count = static_cast<std::int64_t>(sources.size()),
                        .shape = {3, side, side},
                        .seed = s.run.seed(),
                        .device = s.run.device(),
                        .passes = passes};
  Images images;
  images.bytes =
      cell.classifier ? draw_samples(drawing, by_classifier, progress) : draw_samples(drawing, by_condition, progress);
  for (const GuidanceEvents& events : met) images.met += events;
  return images;
}

/// The strength whose images come nearest to the balanced reference, with conditions of random training images and
/// noise that no reported image has; the smaller one of equals.
double chosen_strength(Study& s, const Config& config, const Cell& cell, const TailJudge& judge) {
  const std::vector<double>& strengths = strengths_of(config, cell.arm);
  if (strengths.empty()) return 0;
  if (strengths.size() == 1) return strengths.front();
  const nlohmann::json result = s.run.stage("select:" + cell.arm.name, [&](StageOutput& out) {
    const std::vector<std::int64_t> sources =
        self_guided::drawn_sources(cell.ids, ConditionDraw::marginal, config.selection_count, s.run.seed());
    const auto progress =
        s.run.progress("choose strength of " + cell.arm.name,
                       config.selection_count * static_cast<std::int64_t>(strengths.size()), "images");
    double best = strengths.front(), lowest = std::numeric_limits<double>::infinity();
    std::int64_t done = 0;
    for (const double strength : strengths) {
      const Images images = drawn(s, config, cell, strength, sources, selection_offset,
                                  [&](std::int64_t some) { progress(done + some); });
      done += config.selection_count;
      const double distance = judge.distance(judge.features(from_bytes(images.bytes)));
      if (distance < lowest) {
        lowest = distance;
        best = strength;
      }
    }
    out.result = {{"strength", best}};
  });
  return result.at("strength").get<double>();
}

/// Draws an arm both ways and scores it. What nothing guides has no conditions: its one set of images counts for both.
void fill_cell(Study& s, const Config& config, const Cell& cell, const TailJudge& judge) {
  const double strength = chosen_strength(s, config, cell, judge);
  const std::string& arm = cell.arm.name;
  const std::string imbalance = imbalance_of(s.run.config());
  s.run.stage("cell:" + arm, [&](StageOutput& out) {
    const std::int64_t count = s.config.sample.count;
    const auto progress = s.run.progress(fmt::format("{}, imbalance {}: {}", s.config.dataset.name, imbalance, arm),
                                         count * static_cast<std::int64_t>(draws.size()), "images");
    judge.name_protocols(out);
    at::Tensor features;
    std::int64_t done = 0;
    for (const auto& [name, how] : draws) {
      const nlohmann::json params = {{"imbalance", imbalance}, {"conditions", name}};
      if (cell.arm.guided() || !features.defined()) {
        const std::vector<std::int64_t> sources = self_guided::drawn_sources(cell.ids, how, count, s.run.seed());
        const Images images =
            drawn(s, config, cell, strength, sources, 0, [&](std::int64_t some) { progress(done + some); });
        features = judge.features(from_bytes(images.bytes));
        if (cell.classifier) ed_dpm::record_events(arm, images.met, params, out);
        const std::vector<std::int64_t> rare = judge.seen_in_tail(features);
        if (!rare.empty())
          out.artifacts.push_back(sample_picture(
              fmt::format("{} {} tail", arm, name), rows_of(images.bytes, rare),
              s.run.artifact_folder() / fmt::format("tail-{}-{}.png", arm, name),
              {{"arm", arm},
               {"imbalance", imbalance},
               {"conditions", name},
               {"seed", s.run.seed()},
               {"shows",
                fmt::format("images seen as of the rarest third of the classes, {} of {}", rare.size(), count)}}));
      }
      done += count;
      judge.add_scores(arm, features, params, out);
    }
    if (cell.arm.guided())
      out.scores.push_back({.arm = arm,
                            .name = "strength",
                            .value = strength,
                            .n = budget_of(config, cell.arm).tuning_images,
                            .protocol = "fd-small",
                            .params = {{"imbalance", imbalance}}});
    out.result = {{"budget", to_json(budget_of(config, cell.arm))}, {"strength", strength}};
  });
}

class Block final : public Method {
 public:
  explicit Block(const nlohmann::json& config) : config_(read_config(config)) {}

  std::vector<std::string> needs() const override { return dataset_needs(config_.self.dataset); }
  std::vector<std::string> describe() const override;
  std::vector<std::function<void(Run&)>> shared_products() const override;
  void run(Run& run) const override;

 private:
  /// The data set before any thinning, or under the longest tail of the study.
  std::unique_ptr<Dataset> dataset_at(const std::string& imbalance) const {
    DatasetSpec spec = config_.self.dataset;
    spec.imbalance = imbalance;
    return open_dataset(spec);
  }
  void fill(Study& s, const TailJudge& judge) const;
  void guide_by_layouts(Study& s, const std::vector<Signal>& signals, const TailJudge& judge) const;
  void guide_by_classifiers(Study& s, const Denoiser& denoiser, const TailJudge& judge) const;

  Config config_;
};

std::vector<std::string> Block::describe() const {
  std::vector<std::string> names;
  names.reserve(config_.arms.size());
  for (const StudyArm& arm : config_.arms) names.push_back(arm.name);
  return {fmt::format("{} at {}x{}, imbalance {}: {}", config_.self.dataset.name, config_.self.dataset.size,
                      config_.self.dataset.size, config_.self.dataset.imbalance, join(names))};
}

/// The network of fd-small, and the encoder.
std::vector<std::function<void(Run&)>> Block::shared_products() const {
  return {[this](Run& run) {
            const std::unique_ptr<Dataset> whole = dataset_at("natural");
            RunOnDataset on_whole(run, *whole);
            FdSmall(on_whole, load_images(*whole, Split::train), config_.self.fd_small, config_.replicates);
          },
          [this](Run& run) {
            Study s(run, config_.self);
            self_guided::trained_encoder(s);
          }};
}

void Block::guide_by_layouts(Study& s, const std::vector<Signal>& signals, const TailJudge& judge) const {
  const std::string shown = self_guided::self_label_arm(s.config.clusters.front());
  const auto clusters =
      std::find_if(signals.begin(), signals.end(), [&](const Signal& signal) { return signal.arm() == shown; });
  const self_guided::LayoutSignals layouts = self_guided::layout_signals(s, *clusters);
  const Network network = self_guided::networks_of(s, {layouts.box, layouts.mask}, "layout", true).front();
  const auto net = self_guided::trained_network(s, network);
  for (const StudyArm& arm : config_.arms)
    for (std::size_t b = 0; b < network.blocks.size(); ++b)
      if (arm.name == network.blocks[b].name)
        fill_cell(s, config_, {arm, *net, &network, b, nullptr, clusters->train.ids}, judge);
}

void Block::guide_by_classifiers(Study& s, const Denoiser& denoiser, const TailJudge& judge) const {
  ed_dpm::Study classifiers(s.run, config_.classifiers);
  std::unique_ptr<EncoderUNet> plain, constrained;
  for (const StudyArm& arm : config_.arms) {
    if (arm.kind != ArmKind::classifier) continue;
    std::unique_ptr<EncoderUNet>& own = arm.constrained ? constrained : plain;
    if (!own)
      own = ed_dpm::noisy_classifier(classifiers, arm.constrained ? config_.classifiers.entropy_constraint : 0.0);
    fill_cell(s, config_, {arm, denoiser, nullptr, 0, own.get(), s.train.groups}, judge);
  }
}

void Block::fill(Study& s, const TailJudge& judge) const {
  std::vector<Signal> signals = self_guided::image_signals(s);
  std::erase_if(signals, [](const Signal& signal) { return signal.arm() == self_guided::random_arm; });
  const Network network = self_guided::networks_of(s, signals, "image", false).front();
  const auto net = self_guided::trained_network(s, network);
  for (const StudyArm& arm : config_.arms) {
    if (!arm.guided()) fill_cell(s, config_, {arm, *net, nullptr, 0, nullptr, s.train.groups}, judge);
    for (std::size_t b = 0; b < network.blocks.size(); ++b)
      if (arm.name == network.blocks[b].name)
        fill_cell(s, config_, {arm, *net, &network, b, nullptr, network.blocks[b].ids}, judge);
  }
  guide_by_classifiers(s, *net, judge);
  if (has(config_, ArmKind::self_box) || has(config_, ArmKind::self_mask)) guide_by_layouts(s, signals, judge);
}

void Block::run(Run& run) const {
  Study s(run, config_.self);
  for (const std::int64_t k : s.config.clusters)
    if (k > s.train.images.size(0))
      throw InputError(too_many_clusters(k, s.train.images.size(0), config_.self.dataset));
  const std::unique_ptr<Dataset> whole = dataset_at("natural"), longest = dataset_at(config_.longest_tail);
  RunOnDataset on_whole(run, *whole);
  std::vector<std::int64_t> tail;
  for (const std::int64_t i : indices(*longest, Split::train))
    tail.push_back(longest->items()[static_cast<std::size_t>(i)].group);
  const TailJudge judge(on_whole, load_images(*whole, Split::train), tail, config_);
  run.stage("real", [&](StageOutput& out) {
    judge.name_protocols(out);
    judge.add_scores("real_validation", judge.features(s.validation.images),
                     {{"imbalance", imbalance_of(run.config())}}, out);
    for (std::string& line : judge.in_words(whole->groups())) out.notes.push_back(std::move(line));
    for (const Problem& problem : run.dataset().problems())
      out.notes.push_back(fmt::format("data set: {}: {}", problem.item, problem.what));
  });
  fill(s, judge);
}

}  // namespace

std::unique_ptr<Method> make_block(const nlohmann::json& config) { return std::make_unique<Block>(config); }

std::string imbalance_of(const nlohmann::json& config) {
  const auto text = config.at("dataset").value("imbalance", "natural");
  return text.starts_with("exp:") ? text.substr(4) : text;
}

std::string too_many_clusters(std::int64_t clusters, std::int64_t images, const DatasetSpec& dataset) {
  return fmt::format(
      "self_guided.clusters: {} is more than the {} training images of {} at imbalance {}; accepted: 1 "
      "to {}",
      clusters, images, dataset.name, dataset.imbalance, images);
}

}  // namespace assay::guidance_imbalance
