#include "reproductions/ed_dpm/algorithm/oracle.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/philox.h"
#include "diffusion/networks/gaussian_mixture.h"
#include "diffusion/sampling/adm_sampler.h"
#include "metrics/statistics/least_squares.h"

namespace assay::ed_dpm {
namespace {

constexpr std::int64_t table_steps[] = {960, 800, 640, 480, 400, 320, 240, 160, 80, 0};

/// Classes 0, 1, ..., C - 1, 0, ...
at::Tensor cyclic_labels(std::int64_t count, std::int64_t classes) {
  at::Tensor labels = at::empty({count}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) labels.mutable_data_ptr<std::int64_t>()[i] = i % classes;
  return labels;
}

/// Standard normals [count, d, 1, 1] in double; row i is item first + i.
at::Tensor normals(std::uint64_t seed, Purpose purpose, std::int64_t first, std::int64_t count, std::int64_t d) {
  at::Tensor z = at::empty({count, d, 1, 1}, at::kDouble);
  for (std::int64_t i = 0; i < count; ++i) {
    RandomStream random(seed, purpose, static_cast<std::uint64_t>(first + i));
    for (std::int64_t j = 0; j < d; ++j) z.mutable_data_ptr<double>()[i * d + j] = random.normal();
  }
  return z;
}

/// Exact samples of p(x_0 | y).
at::Tensor clean_samples(const GaussianMixture& mixture, const at::Tensor& labels, const at::Tensor& z) {
  return at::index_select(mixture.means(), 0, labels).view(z.sizes()) + mixture.deviation() * z;
}

LogLogSlope fit(std::vector<double> x, std::vector<double> y) {
  const auto [least, most] = std::minmax_element(x.begin(), x.end());
  const double from = *least, to = *most;
  for (std::vector<double>* values : {&x, &y})
    for (double& value : *values) value = std::log(value);
  return {least_squares_slope(x, y), static_cast<std::int64_t>(x.size()), from, to};
}

/// The parts of one measurement.
struct Bed {
  std::uint64_t seed;
  OracleWorld world;
  NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  GaussianMixture mixture{schedule, world.classes, world.dimensions, world.deviation, seed};
  MixtureClassifier classifier{mixture};

  ClassifierGuidanceOptions options(double gamma, bool entropy_scaling) const {
    ClassifierGuidanceOptions o;
    o.scale = gamma;
    o.entropy_scaling = entropy_scaling;
    o.entropy_floor = entropy_scaling ? world.entropy_floor : 0.0;
    return o;
  }

  /// What guidance with EDS, unbounded, sees at `count` real samples noised to t.
  GuidanceStep look(std::int64_t t, std::int64_t first, std::int64_t count) const {
    ClassifierGuidanceOptions o = options(1.0, true);
    o.entropy_floor = 0;
    const at::Tensor labels = cyclic_labels(count, world.classes);
    const at::Tensor x0 =
        clean_samples(mixture, labels, normals(seed, Purpose::training, 2 * first, count, world.dimensions));
    const at::Tensor noise = normals(seed, Purpose::training, 2 * first + count, count, world.dimensions);
    const double a = schedule.alpha_bar[static_cast<std::size_t>(t)];
    GuidanceStep seen;
    ClassifierGuidance guidance(classifier, labels, o);
    guidance.observe([&](const GuidanceStep& step) { seen = step; });
    guidance.gradient(std::sqrt(a) * x0 + std::sqrt(1 - a) * noise, at::full({count}, t, at::kLong));
    return seen;
  }

  void fit_slopes(OracleFindings& findings) const {
    std::vector<double> doubt, gradient, scaled;
    const auto wanted = static_cast<std::size_t>(world.slope_samples);
    // Draws beyond those of the table, until enough of them are in the window.
    std::int64_t first = std::int64_t{1} << 32;
    for (int round = 0; round < 100 && doubt.size() < wanted; ++round, first += world.slope_samples) {
      const GuidanceStep seen = look(world.slope_timestep, first, world.slope_samples);
      for (std::size_t i = 0; i < seen.log_probability.size() && doubt.size() < wanted; ++i) {
        const double rest = -std::expm1(seen.log_probability[i]);  // 1 - p_y
        if (rest < 1e-8 || rest > 1e-3) continue;
        doubt.push_back(rest);
        gradient.push_back(seen.gradient_norm[i]);
        scaled.push_back(seen.scaled_norm[i]);
      }
    }
    findings.gradient_slope = fit(doubt, gradient);
    findings.scaled_slope = fit(doubt, scaled);
  }

  OracleArm draw(double gamma, bool entropy_scaling) const {
    GaussianProcessOptions process_options;
    process_options.variance = VarianceType::fixed_small;
    process_options.respacing = std::to_string(world.sampler_steps);
    const GaussianProcess process(schedule, process_options);
    AdmSampling sampling;
    sampling.clip = false;  // the mixture is not confined to [-1, 1]
    const std::int64_t n = world.drawn_samples, d = world.dimensions;
    const at::Tensor labels = cyclic_labels(n, world.classes);
    GuidanceTrace trace;
    ClassifierGuidance guidance(classifier, labels, options(gamma, entropy_scaling));
    guidance.observe(trace.observer());
    const at::Tensor x = AdmSampler(process, sampling)
                             .sample(mixture, guidance, normals(seed, Purpose::noise, 0, n, d), [&](std::int64_t step) {
                               return normals(seed, Purpose::noise, (step + 1) * (std::int64_t{1} << 32), n, d);
                             });

    const std::vector<std::int64_t> found = mixture.classify(x);
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < n; ++i) right += found[static_cast<std::size_t>(i)] == i % world.classes;
    const at::Tensor offsets = x.flatten(1) - at::index_select(mixture.means(), 0, labels);
    return {gamma,
            entropy_scaling,
            static_cast<double>(right) / static_cast<double>(n),
            offsets.square().mean().item<double>(),
            guidance.events(),
            trace.rows()};
  }
};

}  // namespace

OracleFindings measure_oracle(std::uint64_t seed, const OracleWorld& world) {
  if (world.noised_samples < 1 || world.slope_samples < 2 || world.drawn_samples < 1)
    throw InputError("oracle: each count of samples must be at least 1, that of the slopes at least 2");
  at::NoGradGuard no_grad;
  const Bed bed{seed, world};
  OracleFindings findings;
  GuidanceTrace trace;
  for (std::size_t i = 0; i < std::size(table_steps); ++i)
    trace.add(bed.look(table_steps[i], static_cast<std::int64_t>(i) * world.noised_samples, world.noised_samples));
  findings.noised = trace.rows();
  bed.fit_slopes(findings);
  for (const double gamma : {0.0, 0.3, 1.0}) findings.arms.push_back(bed.draw(gamma, false));
  for (const double gamma : {0.0, 0.3}) findings.arms.push_back(bed.draw(gamma, true));
  return findings;
}

const OracleArm& arm(const OracleFindings& findings, double gamma, bool entropy_scaling) {
  for (const OracleArm& a : findings.arms)
    if (a.gamma == gamma && a.entropy_scaling == entropy_scaling) return a;
  throw Error(fmt::format("oracle: no arm of gamma {} {} EDS", gamma, entropy_scaling ? "with" : "without"));
}

}  // namespace assay::ed_dpm
