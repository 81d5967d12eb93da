#include "diffusion/guidance/classifier_guidance.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/guidance/entropy.h"

namespace assay {
namespace {

constexpr double large_k = 1e4;
constexpr double confident = 0.9;

std::vector<double> numbers(const at::Tensor& values) {
  const at::Tensor host = values.detach().to(at::kCPU, at::kDouble).contiguous();
  return {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()};
}

at::Tensor norm_of_each(const at::Tensor& rows) { return rows.to(at::kDouble).flatten(1).square().sum(1).sqrt(); }

void check(const ClassifierGuidanceOptions& options) {
  if (!std::isfinite(options.scale))
    throw InputError(fmt::format("classifier guidance: scale {} is not a finite number", options.scale));
  if (!(options.entropy_floor >= 0 && options.entropy_floor < 1))
    throw InputError(
        fmt::format("classifier guidance: entropy_floor {}; accepted: 0 (faithful) to below 1", options.entropy_floor));
}

}  // namespace

GuidanceEvents& GuidanceEvents::operator+=(const GuidanceEvents& other) {
  steps += other.steps;
  samples += other.samples;
  clamped += other.clamped;
  non_finite += other.non_finite;
  above_1e4 += other.above_1e4;
  confidently_wrong += other.confidently_wrong;
  largest_k = std::max(largest_k, other.largest_k);
  if (!first_non_finite) first_non_finite = other.first_non_finite;
  return *this;
}

nlohmann::json to_json(const GuidanceEvents& e) {
  nlohmann::json object = {{"steps", e.steps},         {"samples", e.samples},
                           {"clamped", e.clamped},     {"non_finite", e.non_finite},
                           {"above_1e4", e.above_1e4}, {"confidently_wrong", e.confidently_wrong},
                           {"largest_k", e.largest_k}};
  if (e.first_non_finite)
    object["first_non_finite"] = {{"step", e.first_non_finite->step},
                                  {"timestep", e.first_non_finite->timestep},
                                  {"sample", e.first_non_finite->sample}};
  return object;
}

GuidanceEvents read_guidance_events(const nlohmann::json& object) {
  ConfigReader reader(object, "guidance events");
  GuidanceEvents e;
  for (const auto& [key, count] : {std::pair("steps", &e.steps),
                                   {"samples", &e.samples},
                                   {"clamped", &e.clamped},
                                   {"non_finite", &e.non_finite},
                                   {"above_1e4", &e.above_1e4},
                                   {"confidently_wrong", &e.confidently_wrong}})
    *count = reader.integer(key, 0, 0);
  // A k that is not finite is written as null.
  e.largest_k = object.contains("largest_k") && object.at("largest_k").is_null()
                    ? std::numeric_limits<double>::infinity()
                    : reader.real("largest_k", 0, 0, std::numeric_limits<double>::max());
  reader.allow("largest_k");
  const nlohmann::json& place = reader.object("first_non_finite");
  if (!place.empty()) {
    ConfigReader of_place(place, "guidance events.first_non_finite");
    e.first_non_finite = {of_place.integer("step", 0, 0), of_place.integer("timestep", 0, 0),
                          of_place.integer("sample", 0, 0)};
    of_place.finish();
  }
  reader.finish();
  return e;
}

ClassifierGuidance::ClassifierGuidance(const Classifier& classifier, at::Tensor labels,
                                       const ClassifierGuidanceOptions& options, std::int64_t first_sample)
    : classifier_(classifier),
      labels_(std::move(labels)),
      options_(options),
      first_sample_(first_sample),
      counted_(labels_.numel()) {
  check(options);
  const at::Tensor host = labels_.to(at::kCPU, at::kLong).contiguous();
  const std::int64_t* ids = host.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < host.numel(); ++i)
    if (ids[i] < 0 || ids[i] >= classifier.classes())
      throw InputError(fmt::format("classifier guidance: class {} of sample {} is out of range; the classifier has {}",
                                   ids[i], first_sample + i, classifier.classes()));
}

at::Tensor ClassifierGuidance::gradient(const at::Tensor& x, const at::Tensor& timesteps) {
  const std::int64_t batch = x.size(0);
  if (labels_.numel() != batch)
    throw InputError(fmt::format("classifier guidance: {} labels for {} samples", labels_.numel(), batch));

  at::Tensor logits, log_p, gradient;
  {
    at::AutoGradMode with_gradient(true);
    const at::Tensor point = x.detach();
    point.set_requires_grad(true);
    logits = classifier_.logits(point, timesteps);
    log_p = log_probability(logits, labels_.to(x.device(), at::kLong));
    // Only x gets a gradient: the weights of a network in training must not.
    const std::vector<at::Tensor> inputs = {point};
    log_p.sum().backward({}, false, false, inputs);
    gradient = point.grad();
  }
  at::NoGradGuard no_grad;
  logits = logits.detach();
  const EntropyScale eds = entropy_scale(logits, options_.entropy_floor, options_.entropy_constant);
  at::Tensor k = options_.entropy_scaling ? eds.scale : at::ones({batch}, logits.options());
  std::vector<std::int64_t> per_sample(static_cast<std::size_t>(x.dim()), 1);
  per_sample[0] = batch;
  at::Tensor guidance = (gradient * (options_.scale * k).view(per_sample)).to(x.scalar_type());

  const at::Tensor finite = at::isfinite(guidance).flatten(1).all(1);
  const auto is_finite = numbers(finite), scales = numbers(k), clamped = numbers(eds.clamped),
             wrong = numbers(
                 at::log_softmax(logits, 1).scatter(1, labels_.to(x.device(), at::kLong).unsqueeze(1), -1e9).amax(1));
  const std::int64_t timestep = timesteps.select(0, 0).item<std::int64_t>();
  for (std::int64_t i = 0; i < counted_; ++i) {
    const auto row = static_cast<std::size_t>(i);
    if (is_finite[row] == 0) {
      const std::int64_t sample = first_sample_ + i;
      if (options_.entropy_floor == 0)
        throw Error(fmt::format(
            "classifier guidance: the guidance of sample {} is not finite at step {} (timestep {}): k = {}, entropy of "
            "the classifier {} nats; entropy_floor above 0 (1e-6, say) bounds k",
            sample, events_.steps, timestep, scales[row], numbers(eds.entropy)[row]));
      if (!events_.first_non_finite) events_.first_non_finite = {events_.steps, timestep, sample};
      ++events_.non_finite;
    }
    if (options_.entropy_scaling) {
      events_.clamped += clamped[row] != 0;
      events_.above_1e4 += scales[row] > large_k;
      events_.largest_k = std::max(events_.largest_k, scales[row]);
    }
    events_.confidently_wrong += wrong[row] > std::log(confident);
  }
  if (options_.entropy_floor > 0) guidance = at::where(finite.view(per_sample), guidance, 0);

  if (observer_) {
    const double maximum = maximum_entropy(logits.size(1), {});
    observer_({events_.steps, timestep, numbers(eds.entropy / maximum), numbers(log_p), numbers(norm_of_each(gradient)),
               numbers(norm_of_each(gradient) * k)});
  }
  ++events_.steps;
  events_.samples += counted_;
  return guidance;
}

}  // namespace assay
