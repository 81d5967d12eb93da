#include "reproductions/self_guided/sampling.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <span>

#include "core/elapsed.h"
#include "core/philox.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/samples/drawing.h"
#include "reproductions/samples/sample_files.h"
#include "reproductions/self_guided/overlap_scores.h"

namespace assay::self_guided {
namespace {

/// Where the samples of an arm at a weight lie.
std::filesystem::path sample_file(const Study& s, const std::string& arm, double w) {
  return s.run.artifact_folder() / fmt::format("samples-{}-w{}.safetensors", arm, w);
}

/// What guides an arm at a weight: images that show what the training images `sources` show of the block.
std::unique_ptr<Guidance> guidance_of(const Study& s, const Network& network, std::size_t block, double w,
                                      const std::vector<std::int64_t>& sources) {
  GuidanceOptions options = s.config.sample.guidance;
  options.weight = w;
  return make_guidance(options,
                       w == 0 ? Condition() : shown_condition(network.blocks, block, sources).to(s.run.device()));
}

std::string in_words(const Evaluations& evaluations) {
  if (evaluations.most == 1) return "one evaluation a step";
  return evaluations.fewest == 1 ? "one or two evaluations a step" : "two evaluations a step";
}

PassShape passes_of(const Study& s) { return passes_of_small_network(s.run.device(), s.config.sample.batch); }

}  // namespace

std::vector<std::int64_t> condition_sources(const Study& s) {
  RandomStream random(s.run.seed(), Purpose::condition, 0);
  const std::vector<std::int64_t> order = permutation(s.train.images.size(0), random);
  std::vector<std::int64_t> sources;
  for (std::int64_t i = 0; i < s.config.sample.count; ++i)
    sources.push_back(order[static_cast<std::size_t>(i) % order.size()]);
  return sources;
}

at::Tensor draw(const Study& s, const Denoiser& net, const Network& network, std::size_t block, double w,
                const std::vector<std::int64_t>& sources, const std::function<void(std::int64_t)>& progress) {
  const std::int64_t side = s.config.dataset.size;
  const std::unique_ptr<Sampler> sampler =
      make_sampler(s.config.sample.sampler, s.config.schedule, s.config.sample.ddim);
  const auto draw_pass = [&](const SamplePass& pass, const PassNoise& noise) {
    const std::unique_ptr<Guidance> guidance = guidance_of(s, network, block, w, pass.of(sources));
    return sampler->sample(net, *guidance, noise(0), [&](std::int64_t step) { return noise(step + 1); });
  };
  return draw_samples({.count = static_cast<std::int64_t>(sources.size()),
                       .shape = {3, side, side},
                       .seed = s.run.seed(),
                       .device = s.run.device(),
                       .passes = passes_of(s)},
                      draw_pass, progress);
}

double sample_arms(Study& s, const Denoiser& net, const Network& network, const std::vector<Arm>& arms, double w,
                   const FdSmall& fd, const LayoutSignals* layouts) {
  const std::string& first = arms.front().name;
  const nlohmann::json result = s.run.stage(fmt::format("sample:{}:w{}", first, w), [&](StageOutput& out) {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<std::int64_t> sources = condition_sources(s);
    const Evaluations evaluations = guidance_of(s, network, arms.front().block, w, {sources.front()})->evaluations();
    const at::Tensor bytes =
        draw(s, net, network, arms.front().block, w, sources,
             s.run.progress(fmt::format("sample {} w={}", first, w), s.config.sample.count, "images"));
    out.timings.push_back(
        {.op = "sample",
         .variant = in_words(evaluations),
         .shape = fmt::format("{}, {} steps",
                              batch_shape(passes_of(s).rows_of(s.config.sample.count), s.config.dataset.size),
                              s.config.sample.ddim.steps),
         .seconds = seconds_since(start),
         .items = s.config.sample.count,
         .item_unit = "images"});

    const at::Tensor images = from_bytes(bytes), features = fd.features(images);
    out.protocols.push_back(fd.protocol());
    out.protocols.push_back(fd.neighbours());
    if (layouts) out.protocols.push_back(layout_protocol(s.config));
    out.protocols.push_back({.name = "sampling", .choices = nlohmann::json::object()});
    for (const Arm& arm : arms) {
      const nlohmann::json params = guidance_params(w);
      out.scores.push_back(fd.score(arm.name, features, params));
      for (Score& score : fd.precision_and_recall(arm.name, features, params)) out.scores.push_back(std::move(score));
      // Guidance in a part of the steps alone takes a number of evaluations that depends on the steps.
      if (evaluations.fewest == evaluations.most)
        out.scores.push_back({.arm = arm.name,
                              .name = "network_evaluations",
                              .value = static_cast<double>(evaluations.most * s.config.sample.ddim.steps),
                              .direction = Better::lower,
                              .n = s.config.sample.count,
                              .protocol = "sampling",
                              .params = params});
      if (layouts)
        if (const auto overlap = layouts->overlap(arm.name, images, sources))
          out.scores.push_back(overlap_score(arm.name, *overlap, params, {s.config.bootstrap, s.run.seed()}));
      out.artifacts.push_back(stored_samples(fmt::format("{} w={}", arm.name, w), sample_file(s, arm.name, w), bytes,
                                             features, {{"arm", arm.name}, {"w", w}}));
    }
    if (w == 0 || w == s.config.sample.guidance.weight)
      out.artifacts.push_back(sample_picture(fmt::format("{} w={}", first, w), bytes,
                                             s.run.artifact_folder() / fmt::format("grid-{}-w{}.png", first, w),
                                             {{"arm", first}, {"w", w}, {"seed", s.run.seed()}}));
    out.result = {{"fd", fd.distance(features)}};
  });
  return result.at("fd").get<double>();
}

at::Tensor stored_images(const Study& s, const std::string& arm, double w) {
  return from_bytes(read_sample_images(sample_file(s, arm, w)));
}

at::Tensor stored_features(const Study& s, const std::string& arm, double w) {
  return read_sample_features(sample_file(s, arm, w));
}

}  // namespace assay::self_guided
