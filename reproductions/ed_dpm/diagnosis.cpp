#include "reproductions/ed_dpm/diagnosis.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/philox.h"
#include "diffusion/classifier_guidance.h"
#include "diffusion/entropy.h"
#include "diffusion/guidance_trace.h"
#include "metrics/rank_correlation.h"
#include "reproductions/sample_noise.h"

namespace assay::ed_dpm {
namespace {

constexpr std::int64_t quarter_steps = 4;      // time steps a quarter at which each image is classified
constexpr std::int64_t calibration_bins = 10;  // of equal width in confidence

/// Noise of the diagnosis, apart from that of samples.
constexpr std::int64_t noise_offset = std::int64_t{1} << 50;

struct HeldOut {
  at::Tensor images;  // [N, 3, H, W]
  std::vector<std::int64_t> labels;
};

HeldOut held_out(const Study& s) {
  RandomStream random(s.run.seed(), Purpose::order, noise_offset);
  std::vector<std::int64_t> order = permutation(s.validation.images.size(0), random);
  order.resize(std::min(order.size(), static_cast<std::size_t>(s.config.diagnosed_images)));
  HeldOut set;
  std::vector<at::Tensor> rows;
  for (const std::int64_t i : order) {
    rows.push_back(s.validation.images.narrow(0, i, 1));
    set.labels.push_back(s.labels(s.validation)[static_cast<std::size_t>(i)]);
  }
  set.images = at::cat(rows);
  return set;
}

/// x_t of rows [begin, begin + count) at one step of the original process.
at::Tensor noised(const Study& s, const HeldOut& set, std::int64_t begin, std::int64_t count, std::int64_t t) {
  const double alpha_bar = s.config.schedule.alpha_bar[static_cast<std::size_t>(t)];
  const at::Tensor x = set.images.narrow(0, begin, count);
  const at::Tensor noise = sample_noise(noise_offset + begin, count, x.sizes().slice(1).vec(), s.run.seed(), t);
  return (x * std::sqrt(alpha_bar) + noise * std::sqrt(1.0 - alpha_bar)).to(s.run.device());
}

template <class Body>
void in_batches(const Study& s, const HeldOut& set, const Body& body) {
  const std::int64_t n = set.images.size(0);
  for (std::int64_t begin = 0; begin < n; begin += s.config.sample.batch)
    body(begin, std::min(s.config.sample.batch, n - begin));
}

Score deterministic(const std::string& arm, const std::string& name, double value, std::int64_t n,
                    nlohmann::json params = nlohmann::json::object()) {
  return {arm, name, value, "", ScoreDirection::none, n, {}, "noisy-classifier", std::move(params)};
}

/// Entropy and gradient at every step of the sampler, in its order.
void along_the_steps(const Study& s, const HeldOut& set, const std::string& arm, const EncoderUNet& classifier,
                     StageOutput& out) {
  ClassifierGuidanceOptions options;
  options.entropy_scaling = true;
  options.entropy_floor = s.config.sample.entropy_floor;
  GuidanceTrace trace;
  const GaussianProcess process = sampling_process(s.config);
  const at::Tensor labels = label_tensor(s, set.labels);
  for (const std::int64_t t : process.timestep_map())
    in_batches(s, set, [&](std::int64_t begin, std::int64_t count) {
      ClassifierGuidance guidance(classifier, labels.narrow(0, begin, count), options, begin);
      guidance.observe(trace.observer());
      const at::Tensor x = noised(s, set, begin, count, t);
      guidance.gradient(x, at::full({count}, t, at::TensorOptions(at::kLong).device(x.device())));
    });

  const std::int64_t n = set.images.size(0);
  const std::string scaled_arm = arm + "_eds";
  std::vector<double> steps, entropies, norms, scaled;
  for (const GuidanceTrace::Row& row : trace.rows()) {
    const nlohmann::json params = {{"t", row.timestep}};
    out.scores.push_back(deterministic(arm, "relative_entropy", row.relative_entropy.mean, n, params));
    out.scores.push_back(deterministic(arm, "gradient_norm", row.gradient_norm.median, n, params));
    out.scores.push_back(deterministic(scaled_arm, "gradient_norm", row.scaled_norm.median, n, params));
    steps.push_back(static_cast<double>(row.timestep));
    entropies.push_back(row.relative_entropy.mean);
    norms.push_back(row.gradient_norm.median);
    scaled.push_back(row.scaled_norm.median);
  }
  out.scores.push_back(deterministic(arm, "spearman_t_entropy", spearman(steps, entropies), n));
  const std::size_t last = std::max<std::size_t>(1, steps.size() / 10);
  const auto ratio = [&](std::vector<double> medians) {
    const double peak = *std::max_element(medians.begin(), medians.end());
    std::vector<double> end(medians.end() - static_cast<std::ptrdiff_t>(last), medians.end());
    std::sort(end.begin(), end.end());
    const double median = (end[(end.size() - 1) / 2] + end[end.size() / 2]) / 2.0;
    return peak > 0 ? median / peak : 0.0;
  };
  const double plain = ratio(norms), with_scale = ratio(scaled);
  out.scores.push_back(deterministic(arm, "gradient_ratio", plain, n));
  out.scores.push_back(deterministic(scaled_arm, "gradient_ratio", with_scale, n));
  if (plain > 0) out.scores.push_back(deterministic(scaled_arm, "gradient_ratio_gain", with_scale / plain, n));
}

/// Entropy, accuracy and calibration over each quarter of the steps.
void over_quarters(const Study& s, const HeldOut& set, const std::string& arm, const EncoderUNet& classifier,
                   StageOutput& out) {
  at::NoGradGuard no_grad;
  const at::Tensor labels = label_tensor(s, set.labels);
  const std::int64_t total = s.config.schedule.steps(), quarter = total / 4;
  for (std::int64_t q = 0; q < 4; ++q) {
    double entropy_sum = 0;
    std::int64_t right = 0, seen = 0;
    struct Bin {
      double confidence = 0;
      std::int64_t right = 0, count = 0;
    };
    std::array<Bin, calibration_bins> bins{};
    for (std::int64_t step = 0; step < quarter_steps; ++step) {
      const std::int64_t t = q * quarter + (2 * step + 1) * quarter / (2 * quarter_steps);
      in_batches(s, set, [&](std::int64_t begin, std::int64_t count) {
        const at::Tensor x = noised(s, set, begin, count, t);
        const at::Tensor logits =
            classifier.logits(x, at::full({count}, t, at::TensorOptions(at::kLong).device(x.device())));
        entropy_sum += entropy(logits).sum().item<double>();
        const auto [confidence, predicted] = at::softmax(logits, 1).to(at::kCPU).to(at::kDouble).max(1);
        for (std::int64_t i = 0; i < count; ++i) {
          const double p = confidence[i].item<double>();
          const bool hit = predicted[i].item<std::int64_t>() == set.labels[static_cast<std::size_t>(begin + i)];
          Bin& bin = bins[static_cast<std::size_t>(
              std::min(calibration_bins - 1, static_cast<std::int64_t>(p * static_cast<double>(calibration_bins))))];
          bin.confidence += p;
          bin.right += hit;
          ++bin.count;
          right += hit;
          ++seen;
        }
      });
    }
    const auto n = static_cast<double>(seen);
    double calibration_error = 0;
    for (const Bin& bin : bins) calibration_error += std::abs(bin.confidence - static_cast<double>(bin.right)) / n;
    const auto name = [&](const char* what) { return fmt::format("{}_q{}", what, q); };
    out.scores.push_back(
        deterministic(arm, name("entropy"), entropy_sum / n / std::log(static_cast<double>(s.classes)), seen));
    out.scores.push_back(deterministic(arm, name("accuracy"), static_cast<double>(right) / n, seen));
    out.scores.push_back(deterministic(arm, name("calibration_error"), calibration_error, seen));
  }
}

}  // namespace

void diagnose(Study& s, const EncoderUNet& classifier, const EncoderUNet& with_constraint) {
  s.run.stage("diagnosis", [&](StageOutput& out) {
    const HeldOut set = held_out(s);
    out.protocols.push_back({"noisy-classifier",
                             {{"images", fmt::format("validation split of {}", s.run.dataset().hash())},
                              {"steps", s.config.sample.respacing},
                              {"steps_a_quarter", quarter_steps},
                              {"calibration_bins", calibration_bins},
                              {"entropy_floor", s.config.sample.entropy_floor}}});
    const auto progress = s.run.progress("examine the classifiers", 4, "passes");
    std::int64_t done = 0;
    for (const auto& [arm, net] :
         {std::pair("classifier", &classifier), std::pair("classifier_ect", &with_constraint)}) {
      along_the_steps(s, set, arm, *net, out);
      progress(++done);
      over_quarters(s, set, arm, *net, out);
      progress(++done);
    }
  });
}

}  // namespace assay::ed_dpm
