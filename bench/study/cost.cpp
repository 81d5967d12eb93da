#include "bench/study/cost.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>

#include "core/elapsed.h"
#include "kernels/thread_count.h"
#include "reproductions/guidance_imbalance/config.h"
#include "reproductions/self_guided/networks.h"
#include "reproductions/self_guided/study.h"

namespace assay {
namespace {

namespace study = guidance_imbalance;

constexpr std::int64_t rows = 10;  // as samples are drawn

/// The seconds of an image, the best of a few passes.
double image_seconds(const std::function<void()>& pass) {
  pass();
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    pass();
    best = std::min(best, seconds_since(start));
  }
  return best / rows;
}

/// Seconds of an image and pass of both denoisers and of the classifier.
struct PassSeconds {
  double image = 0, layout = 0, classifier = 0;
};

PassSeconds timed(const study::Config& c, at::Device device) {
  const at::NoGradGuard no_grad;
  const std::int64_t side = c.self.dataset.size;
  const auto options = at::TensorOptions(at::kFloat).device(device);
  const at::Tensor x = at::full({rows, 3, side, side}, 0.5, options),
                   t = at::full({rows}, 500, at::TensorOptions(at::kLong).device(device));
  std::vector<ConditionBlock> blocks = {{"label", 10, {}}};
  for (const std::int64_t k : c.self.clusters) blocks.push_back({self_guided::self_label_arm(k), k, {}});
  PassSeconds seconds;
  const auto denoiser = [&](bool layouts, const std::vector<ConditionBlock>& known) {
    const auto net = self_guided::make_network(c.self, known, layouts);
    net->parameters().materialise(0, device);
    Condition shown;
    shown.vector = at::zeros({rows, vector_width(known)}, options);
    if (layouts) shown.layout = at::zeros({rows, layout_width(known), side, side}, options);
    return image_seconds([&] { net->predict(x, t, shown); });
  };
  seconds.image = denoiser(false, blocks);
  if (study::has(c, study::ArmKind::self_box) || study::has(c, study::ArmKind::self_mask))
    seconds.layout = denoiser(true, {{"self_box", c.self.clusters.front(), {}, {}, at::zeros({1, 1, side, side})},
                                     {"self_mask",
                                      c.self.layouts.mask_clusters,
                                      {},
                                      {},
                                      at::zeros({1, c.self.layouts.mask_clusters, side, side})}});
  if (study::has(c, study::ArmKind::classifier)) {
    EncoderUNetConfig config = c.classifiers.classifier;
    config.out_channels = 10;
    EncoderUNet classifier(config);
    classifier.parameters().materialise(0, device);
    seconds.classifier = image_seconds([&] { classifier.logits(x, t); });
  }
  return seconds;
}

/// Passes of an image that a guided sample takes.
double sampling_seconds(const study::Config& c, const study::StudyArm& arm, const PassSeconds& pass) {
  double step = pass.image;
  if (arm.kind == study::ArmKind::classifier)
    step += 3 * pass.classifier;  // and the gradient
  else if (arm.kind == study::ArmKind::self_box || arm.kind == study::ArmKind::self_mask)
    step = 2 * pass.layout;
  else if (arm.guided())
    step *= 2;
  const study::CellBudget budget = study::budget_of(c, arm);
  const std::int64_t images = budget.tuning_images + (arm.guided() ? 2 : 1) * budget.images;
  return static_cast<double>(images * c.self.sample.ddim.steps) * step;
}

}  // namespace

double unit_seconds(const nlohmann::json& block_config, c10::Device device, std::string& how) {
  const ThreadCount one(1);
  const study::Config c = study::read_config(block_config);
  static std::map<std::string, PassSeconds> known;
  const std::string networks =
      nlohmann::json{block_config.at("self_guided"), block_config.at("classifier"), block_config.at("arms")}.dump();
  const auto place = known.find(networks);
  const PassSeconds pass = place != known.end() ? place->second : (known[networks] = timed(c, device));
  how = fmt::format("a pass of an image takes {:.2g} ms, of layouts {:.2g} ms, of the classifier {:.2g} ms",
                    pass.image * 1e3, pass.layout * 1e3, pass.classifier * 1e3);
  const auto training = static_cast<double>(c.self.train.steps * c.self.train.batch);
  const ClassifierTrainOptions& options = c.classifiers.classifier_train;
  double seconds = 3 * training * (pass.image + pass.layout);
  const bool constrained =
      std::any_of(c.arms.begin(), c.arms.end(), [](const study::StudyArm& arm) { return arm.constrained; });
  seconds += (constrained ? 2 : 1) * 3 * static_cast<double>(options.steps * options.batch) * pass.classifier;
  for (const study::StudyArm& arm : c.arms) seconds += sampling_seconds(c, arm, pass);
  return seconds;
}

}  // namespace assay
