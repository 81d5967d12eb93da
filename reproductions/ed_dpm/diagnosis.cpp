#include "reproductions/ed_dpm/diagnosis.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <utility>

#include "core/philox.h"
#include "diffusion/guidance/classifier_guidance.h"
#include "diffusion/guidance/guidance_trace.h"
#include "kernels/host_tensor.h"
#include "kernels/one_thread_each.h"
#include "metrics/statistics/rank_correlation.h"
#include "reproductions/samples/sample_noise.h"

namespace assay::ed_dpm {
namespace {

constexpr std::int64_t draws_a_quarter = 4;  // time steps of a quarter that each image meets

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
  set.images = rows_of(s.validation.images, order);
  for (const std::int64_t i : order) set.labels.push_back(s.labels(s.validation)[static_cast<std::size_t>(i)]);
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
  const std::int64_t n = set.images.size(0), rows = passes_of(s).rows;
  for (std::int64_t begin = 0; begin < n; begin += rows) body(begin, std::min(rows, n - begin));
}

Score deterministic(const std::string& arm, const std::string& name, double value, std::int64_t n,
                    nlohmann::json params = nlohmann::json::object()) {
  return {
      .arm = arm, .name = name, .value = value, .n = n, .protocol = "noisy-classifier", .params = std::move(params)};
}

/// Entropy and gradient at every step of the sampler, in its order.
void along_the_steps(const Study& s, const HeldOut& set, const std::string& arm, const EncoderUNet& classifier,
                     std::vector<Score>& found) {
  ClassifierGuidanceOptions options;
  options.entropy_scaling = true;
  options.entropy_floor = s.config.sample.entropy_floor;
  GuidanceTrace trace;
  const GaussianProcess process = sampling_process(s.config);
  const at::Tensor labels = host_tensor(set.labels).to(s.run.device());
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
    found.push_back(deterministic(arm, "relative_entropy", row.relative_entropy.mean, n, params));
    found.push_back(deterministic(arm, "gradient_norm", row.gradient_norm.median, n, params));
    found.push_back(deterministic(scaled_arm, "gradient_norm", row.scaled_norm.median, n, params));
    steps.push_back(static_cast<double>(row.timestep));
    entropies.push_back(row.relative_entropy.mean);
    norms.push_back(row.gradient_norm.median);
    scaled.push_back(row.scaled_norm.median);
  }
  found.push_back(deterministic(arm, "spearman_t_entropy", spearman(steps, entropies), n));
  const std::size_t last = std::max<std::size_t>(1, steps.size() / 10);
  const auto ratio = [&](std::vector<double> medians) {
    const double peak = *std::max_element(medians.begin(), medians.end());
    std::vector<double> end(medians.end() - static_cast<std::ptrdiff_t>(last), medians.end());
    std::sort(end.begin(), end.end());
    const double median = (end[(end.size() - 1) / 2] + end[end.size() / 2]) / 2.0;
    return peak > 0 ? median / peak : 0.0;
  };
  const double plain = ratio(norms), with_scale = ratio(scaled);
  found.push_back(deterministic(arm, "gradient_ratio", plain, n));
  found.push_back(deterministic(scaled_arm, "gradient_ratio", with_scale, n));
  if (plain > 0) found.push_back(deterministic(scaled_arm, "gradient_ratio_gain", with_scale / plain, n));
}

/// Entropy, accuracy and calibration over each quarter of the steps.
void over_quarters(const Study& s, const HeldOut& set, const std::string& arm, const EncoderUNet& classifier,
                   std::vector<Score>& found) {
  const QuartileScores quarters =
      score_classifier(classifier, s.config.schedule, {set.images.to(s.run.device()), set.labels}, draws_a_quarter,
                       s.run.seed(), passes_of(s).rows);
  for (std::size_t q = 0; q < quarters.size(); ++q) {
    const ClassifierScores& scores = quarters[q];
    const auto add = [&](const char* what, double value) {
      found.push_back(deterministic(arm, fmt::format("{}_q{}", what, q), value, scores.count));
    };
    add("entropy", scores.entropy / std::log(static_cast<double>(s.classes)));
    add("accuracy", scores.accuracy);
    add("calibration_error", scores.calibration_error);
  }
}

}  // namespace

void diagnose(Study& s, const EncoderUNet& classifier, const EncoderUNet& with_constraint) {
  s.run.stage("diagnosis", [&](StageOutput& out) {
    const HeldOut set = held_out(s);
    out.protocols.push_back({.name = "noisy-classifier",
                             .choices = {{"images", fmt::format("validation split of {}", s.run.dataset().hash())},
                                         {"steps", s.config.sample.respacing},
                                         {"draws_a_quarter", draws_a_quarter},
                                         {"entropy_floor", s.config.sample.entropy_floor}}});
    const auto progress = s.run.progress("examine the classifiers", 4, "passes");
    std::mutex lock;
    std::int64_t done = 0;
    const auto one_more = [&] {
      const std::lock_guard one_at_a_time(lock);
      progress(++done);
    };
    const std::array<std::pair<const char*, const EncoderUNet*>, 2> arms = {
        {{"classifier", &classifier}, {"classifier_ect", &with_constraint}}};
    std::array<std::vector<Score>, 2> found;
    one_thread_each(s.run.device(), arms.size(), [&](std::int64_t i) {
      const auto& [arm, net] = arms[static_cast<std::size_t>(i)];
      std::vector<Score>& scores = found[static_cast<std::size_t>(i)];
      along_the_steps(s, set, arm, *net, scores);
      one_more();
      over_quarters(s, set, arm, *net, scores);
      one_more();
    });
    for (const std::vector<Score>& scores : found) out.scores.insert(out.scores.end(), scores.begin(), scores.end());
  });
}

}  // namespace assay::ed_dpm
