#include "reproductions/ed_dpm/ed_dpm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>

#include "core/elapsed.h"
#include "core/philox.h"
#include "metrics/clustering/linear_probe.h"
#include "metrics/statistics/proportion.h"
#include "reproductions/ed_dpm/algorithm/guided_draw.h"
#include "reproductions/ed_dpm/diagnosis.h"
#include "reproductions/ed_dpm/guidance_scores.h"
#include "reproductions/ed_dpm/oracle_scores.h"
#include "reproductions/ed_dpm/study.h"
#include "reproductions/fd_small.h"
#include "reproductions/real_images.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/samples/sample_files.h"
#include "reproductions/tiers.h"

namespace assay::ed_dpm {
namespace {

/// One way of guiding; `guided` off is plain sampling.
struct Arm {
  const char* name;
  bool guided, entropy_scaling, constrained;
};

constexpr std::array<Arm, 5> arms = {{{"unguided", false, false, false},
                                      {"g", true, false, false},
                                      {"g_eds", true, true, false},
                                      {"g_ect", true, false, true},
                                      {"g_eds_ect", true, true, true}}};
constexpr std::array<Diffusion, 2> diffusions = {Diffusion::unconditional, Diffusion::conditional};

std::string arm_name(Diffusion diffusion, const Arm& arm) { return name_of(diffusion) + "/" + arm.name; }

const nlohmann::json reported = {{"set", "report"}};

/// Samples behind the choice of gamma are numbered from here, reported ones from 0.
constexpr std::int64_t selection_offset = std::int64_t{1} << 24;

/// Scores images: fd-small, and whether an independent classifier of clean images sees the class that was asked for.
struct Judge {
  FdSmall fd;
  LinearProbe probe;

  static LinearProbe probe_of(const Study& s, const FdSmall& fd) {
    const at::Tensor features = fd.features(s.train.images);
    return {{features.const_data_ptr<float>(), static_cast<std::size_t>(features.numel())},
            features.size(1),
            s.labels(s.train),
            s.classes};
  }
  explicit Judge(Study& s) : fd(s.run, s.train, s.config.fd_small, s.config.bootstrap), probe(probe_of(s, fd)) {}

  ProtocolUse probe_protocol() const {
    return {.name = "linear-probe", .choices = {{"features", fd.protocol().choices.at("network")}}};
  }

  Score accuracy(const std::string& arm, const at::Tensor& features, const std::vector<std::int64_t>& asked,
                 nlohmann::json params) const {
    const std::vector<std::int64_t> seen =
        probe.classify({features.const_data_ptr<float>(), static_cast<std::size_t>(features.numel())});
    std::int64_t right = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) right += seen[i] == asked[i];
    const auto n = static_cast<std::int64_t>(seen.size());
    return {.arm = arm,
            .name = "accuracy",
            .value = static_cast<double>(right) / static_cast<double>(n),
            .direction = Better::higher,
            .n = n,
            .interval = wilson_interval(right, n, "Wilson over samples"),
            .protocol = "linear-probe",
            .params = std::move(params)};
  }
};

/// The class that sample `index` asks for: that of a training image drawn at random, the same for every arm.
std::vector<std::int64_t> asked_classes(const Study& s, std::int64_t first, std::int64_t count) {
  const std::vector<std::int64_t>& labels = s.labels(s.train);
  std::vector<std::int64_t> asked;
  for (std::int64_t i = first; i < first + count; ++i)
    asked.push_back(labels[static_cast<std::size_t>(
        RandomStream(s.run.seed(), Purpose::condition, static_cast<std::uint64_t>(i)).below(labels.size()))]);
  return asked;
}

/// The networks of one run, of which an arm takes two.
struct Models {
  Diffusion diffusion;
  const UNet& denoiser;
  const EncoderUNet& classifier;
  const EncoderUNet& with_constraint;
};

/// The images of an arm and the classes they were asked for.
struct ArmImages : Drawn {
  std::vector<std::int64_t> asked;
};

ArmImages draw(const Study& s, const Models& models, const Arm& arm, double gamma, std::int64_t first,
               std::int64_t count, const std::function<void(std::int64_t)>& progress) {
  const GaussianProcess process = sampling_process(s.config);
  ClassifierGuidanceOptions options;
  options.scale = gamma;
  options.entropy_scaling = arm.entropy_scaling;
  options.entropy_floor = s.config.sample.entropy_floor;
  const EncoderUNet& classifier = arm.constrained ? models.with_constraint : models.classifier;
  const GuidedDraw how{process,
                       models.denoiser,
                       arm.guided ? &classifier : nullptr,
                       s.config.sample.sampling,
                       options,
                       s.config.dataset.size,
                       passes_of(s),
                       s.run.seed(),
                       s.run.device()};
  ArmImages images;
  images.asked = asked_classes(s, first, count);
  static_cast<Drawn&>(images) = draw_guided(how, images.asked, first, progress);
  return images;
}

/// The gamma of the grid with the lowest fd-small over the selection samples; the smaller one of equals.
double chosen_gamma(Study& s, const Models& models, const Arm& arm, const Judge& judge) {
  const std::string name = arm_name(models.diffusion, arm);
  const std::vector<double>& grid = models.diffusion == Diffusion::conditional ? s.config.sample.gammas_conditional
                                                                               : s.config.sample.gammas_unconditional;
  const nlohmann::json result = s.run.stage("select:" + name, [&](StageOutput& out) {
    const std::int64_t count = s.config.sample.selection_count;
    const auto progress =
        s.run.progress("choose gamma of " + name, count * static_cast<std::int64_t>(grid.size()), "images");
    double best = grid.front(), lowest = std::numeric_limits<double>::infinity();
    out.protocols.push_back(judge.fd.protocol());
    out.protocols.push_back(judge.probe_protocol());
    std::int64_t done = 0;
    for (const double gamma : grid) {
      const ArmImages drawn =
          draw(s, models, arm, gamma, selection_offset, count, [&](std::int64_t images) { progress(done + images); });
      done += count;
      const at::Tensor features = judge.fd.features(from_bytes(drawn.bytes));
      const nlohmann::json params = {{"set", "selection"}, {"gamma", gamma}};
      const Score score = judge.fd.score(name, features, params);
      if (score.value < lowest) {
        lowest = score.value;
        best = gamma;
      }
      out.scores.push_back(score);
      out.scores.push_back(judge.accuracy(name, features, drawn.asked, params));
    }
    out.scores.push_back({.arm = name, .name = "best_gamma", .value = best, .n = count, .protocol = "fd-small"});
    if (grid.size() > 1 && best == grid.back())  // in ascending order
      out.notes.push_back(fmt::format(
          "{}: the best gamma, {}, is the largest of its grid; a larger one may be better still", name, best));
    out.result = {{"gamma", best}};
  });
  return result.at("gamma").get<double>();
}

std::filesystem::path sample_file(const Study& s, const std::string& arm) {
  std::string name = arm;
  std::replace(name.begin(), name.end(), '/', '-');
  return s.run.artifact_folder() / fmt::format("samples-{}.safetensors", name);
}

void sample_arm(Study& s, const Models& models, const Arm& arm, double gamma, const Judge& judge) {
  const std::string name = arm_name(models.diffusion, arm);
  s.run.stage("sample:" + name, [&](StageOutput& out) {
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t count = s.config.sample.count;
    const ArmImages drawn = draw(s, models, arm, gamma, 0, count, s.run.progress("sample " + name, count, "images"));
    out.timings.push_back(
        {.op = "sample",
         .variant = arm.guided ? "with a classifier" : "without a classifier",
         .shape = fmt::format("{}, {}", batch_shape(passes_of(s).rows_of(count), s.config.dataset.size),
                              s.config.sample.respacing),
         .seconds = seconds_since(start),
         .items = count,
         .item_unit = "images"});
    const at::Tensor features = judge.fd.features(from_bytes(drawn.bytes));
    out.protocols.push_back(judge.fd.protocol());
    out.protocols.push_back(judge.probe_protocol());
    out.scores.push_back(judge.fd.score(name, features, reported));
    out.scores.push_back(judge.accuracy(name, features, drawn.asked, reported));
    if (arm.guided) record_events(name, drawn.events, reported, out);

    const auto file = sample_file(s, name);
    out.artifacts.push_back(
        stored_samples(name, file, drawn.bytes, features, {{"arm", name}, {"gamma", gamma}}, drawn.asked));
    out.artifacts.push_back(sample_picture(fmt::format("{}, gamma {}", name, gamma), drawn.bytes,
                                           std::filesystem::path(file).replace_extension(".png"),
                                           {{"arm", name}, {"gamma", gamma}, {"seed", s.run.seed()}}));
  });
}

void real_images(Study& s, const Judge& judge) {
  record_real_images(s.run, judge.fd, s.validation.images, [&](const at::Tensor& features, StageOutput& out) {
    out.protocols.push_back(judge.probe_protocol());
    out.scores.push_back(judge.accuracy("real_validation", features, s.labels(s.validation), nlohmann::json::object()));
  });
}

/// Pairs of arms on one diffusion network whose difference is reported.
struct ArmPair {
  const char *a, *b;
};
constexpr std::array<ArmPair, 5> pairs = {
    {{"g", "unguided"}, {"g_eds", "unguided"}, {"g_eds", "g"}, {"g_ect", "g"}, {"g_eds_ect", "g_eds"}}};

at::Tensor stored_features(const Study& s, const std::string& arm) { return read_sample_features(sample_file(s, arm)); }

/// Differences within this seed, paired by sample; the interval over seeds is the harness's.
void paired_differences(Study& s, const Judge& judge) {
  s.run.stage("paired", [&](StageOutput& out) {
    out.protocols.push_back(judge.fd.protocol());
    for (const Diffusion diffusion : diffusions)
      for (const ArmPair& pair : pairs) {
        const std::string a = name_of(diffusion) + "/" + pair.a, b = name_of(diffusion) + "/" + pair.b;
        out.scores.push_back(judge.fd.difference(a, stored_features(s, a), b, stored_features(s, b), reported));
      }
  });
}

class EdDpm final : public Method {
 public:
  explicit EdDpm(const nlohmann::json& config) : config_(read_config(config)) {}

  std::vector<std::string> needs() const override { return dataset_needs(config_.dataset); }
  std::vector<std::string> describe() const override;
  MethodPlan plan() const override;
  std::vector<std::function<void(Run&)>> shared_products() const override;
  void run(Run& run) const override;

 private:
  Config config_;
};

std::vector<std::string> EdDpm::describe() const {
  const Config& c = config_;
  const UNet net(c.unet);
  const EncoderUNet classifier(c.classifier);
  const auto guided = static_cast<std::int64_t>(arms.size()) - 1;
  const std::int64_t grids =
      static_cast<std::int64_t>(c.sample.gammas_unconditional.size() + c.sample.gammas_conditional.size());
  return {
      fmt::format("data set: {} at {}x{}", c.dataset.name, c.dataset.size, c.dataset.size),
      fmt::format("diffusion: {} trainable parameters, once without and once with labels; {} steps of {} images each",
                  net.parameters().trainable_count(), c.train.steps, c.train.batch),
      fmt::format("classifier: {} trainable parameters, once without and once with ECT (lambda = {}); {} steps of {}",
                  classifier.parameters().trainable_count(), c.entropy_constraint, c.classifier_train.steps,
                  c.classifier_train.batch),
      fmt::format(
          "sampling: {}; gamma of {} guided arms chosen from {} + {} values on {} images each; {} images "
          "reported in each of {} arms: {} images a seed",
          c.sample.respacing, 2 * guided, c.sample.gammas_unconditional.size(), c.sample.gammas_conditional.size(),
          c.sample.selection_count, c.sample.count, 2 * arms.size(),
          guided * grids * c.sample.selection_count + 2 * static_cast<std::int64_t>(arms.size()) * c.sample.count)};
}

MethodPlan EdDpm::plan() const {
  MethodPlan plan;
  for (const auto& [metric, protocol] : {std::pair("fd-small", "fd-small"), std::pair("accuracy", "linear-probe")})
    for (const Diffusion diffusion : diffusions)
      for (const ArmPair& pair : pairs)
        plan.contrasts.push_back({metric, protocol, name_of(diffusion) + "/" + pair.a,
                                  name_of(diffusion) + "/" + pair.b, reported, reported});
  return plan;
}

/// The fd-small network.
std::vector<std::function<void(Run&)>> EdDpm::shared_products() const {
  return {[this](Run& run) {
    FdSmall(run, load_images(run.dataset(), Split::train), config_.fd_small, config_.bootstrap);
  }};
}

void EdDpm::run(Run& run) const {
  Study s(run, config_);
  if (s.config.oracle) record_oracle(run);
  const Judge judge(s);
  real_images(s, judge);

  std::unique_ptr<EncoderUNet> classifier, with_constraint;
  run.side_by_side({[&](Run& part) {
                      Study own(s, part);
                      classifier = noisy_classifier(own, 0.0);
                    },
                    [&](Run& part) {
                      Study own(s, part);
                      with_constraint = noisy_classifier(own, s.config.entropy_constraint);
                    }});
  diagnose(s, *classifier, *with_constraint);
  const auto compare_on = [&](Run& part, Diffusion diffusion) {
    Study own(s, part);
    const auto denoiser = diffusion_network(own, diffusion);
    const Models models{diffusion, *denoiser, *classifier, *with_constraint};
    for (const Arm& arm : arms)
      sample_arm(own, models, arm, arm.guided ? chosen_gamma(own, models, arm, judge) : 0.0, judge);
  };
  run.side_by_side({[&](Run& part) { compare_on(part, Diffusion::unconditional); },
                    [&](Run& part) { compare_on(part, Diffusion::conditional); }});
  paired_differences(s, judge);
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<EdDpm>(config); }

}  // namespace assay::ed_dpm
