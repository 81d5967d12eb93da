#include "reproductions/self_guided/oracle.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <array>

#include "core/philox.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/networks/gaussian_mixture.h"
#include "diffusion/sampling/ddim.h"
#include "diffusion/training/trainer.h"
#include "kernels/host_tensor.h"
#include "metrics/clustering/clustering.h"
#include "metrics/clustering/kmeans.h"

namespace assay::self_guided {
namespace {

constexpr std::int64_t classes = 10, dimensions = 8, samples = 400, ddim_steps_taken = 50;
constexpr double deviation = 0.35;

at::Tensor noise(std::uint64_t seed) {
  at::Tensor x = at::empty({samples, dimensions, 1, 1}, at::kFloat);
  for (std::int64_t i = 0; i < samples; ++i) {
    RandomStream random(seed, Purpose::noise, static_cast<std::uint64_t>(i));
    random.fill_normal({x.mutable_data_ptr<float>() + i * dimensions, static_cast<std::size_t>(dimensions)});
  }
  return x;
}

double share_equal(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
  std::int64_t equal = 0;
  for (std::size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
  return static_cast<double>(equal) / static_cast<double>(a.size());
}

}  // namespace

void check_on_oracle(Run& run) {
  run.stage("oracle", [&](StageOutput& out) {
    at::NoGradGuard no_grad;
    const NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
    const GaussianMixture world(schedule, classes, dimensions, deviation, run.seed());

    // Self-labels: k-means on clean draws must find the classes.
    at::Tensor x0 = noise(run.seed()).flatten(1) * deviation;
    std::vector<std::int64_t> truth;
    for (std::int64_t i = 0; i < samples; ++i) truth.push_back(i % classes);
    const at::Tensor index = host_tensor(truth);
    x0 = x0 + at::index_select(world.means(), 0, index).to(at::kFloat);
    KMeansConfig options;
    options.clusters = classes;
    options.normalise = false;
    options.seed = run.seed();
    const auto ids = kmeans_assign(x0, kmeans_fit(x0, options).centroids, false);
    out.protocols.push_back({.name = "sklearn"});
    out.scores.push_back({.arm = "oracle",
                          .name = "nmi",
                          .value = nmi(truth, ids),
                          .direction = Better::higher,
                          .n = samples,
                          .protocol = "sklearn",
                          .params = {{"K", classes}, {"labels", "class"}, {"split", "exact"}}});

    // Guidance: samples drawn for a class must be of that class, and at w = 1 lie where the class lies.
    std::vector<std::int64_t> all(truth.size());
    std::iota(all.begin(), all.end(), 0);
    const at::Tensor condition = shown_condition({{"class", classes, truth}}, 0, all).vector;
    for (const double w : {0.0, 1.0, 2.0}) {
      DdimOptions ddim;
      ddim.steps = ddim_steps_taken;
      ddim.clip = false;  // the mixture is not confined to [-1, 1]
      ClassifierFreeGuidance guidance(w == 0 ? at::Tensor() : condition, w);
      const at::Tensor x = DdimSampler(schedule, ddim).sample(world, guidance, noise(run.seed()));
      const nlohmann::json params = {{"w", w}, {"w_cfg", to_cfg(w)}};
      out.scores.push_back({.arm = "oracle",
                            .name = "class_accuracy",
                            .value = share_equal(world.classify(x), truth),
                            .direction = Better::higher,
                            .n = samples,
                            .protocol = "oracle",
                            .params = params});
      const at::Tensor offsets = x.flatten(1).to(at::kDouble) - at::index_select(world.means(), 0, index);
      out.scores.push_back({.arm = "oracle",
                            .name = "variance_ratio",
                            .value = offsets.square().mean().item<double>() / (deviation * deviation),
                            .n = samples,
                            .protocol = "oracle",
                            .params = params});
    }
    out.protocols.push_back({.name = "oracle",
                             .choices = {{"classes", classes},
                                         {"dimensions", dimensions},
                                         {"deviation", deviation},
                                         {"ddim_steps", ddim_steps_taken},
                                         {"schedule", "sqrt-linear"}}});
  });
}

}  // namespace assay::self_guided
