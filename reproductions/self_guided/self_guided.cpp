#include "reproductions/self_guided/self_guided.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/guidance.h"
#include "metrics/bootstrap.h"
#include "metrics/clustering.h"
#include "reproductions/fd_small.h"
#include "reproductions/images.h"
#include "reproductions/sample_noise.h"
#include "reproductions/self_guided/config.h"
#include "reproductions/self_guided/denoising_loss.h"
#include "reproductions/self_guided/oracle.h"
#include "reproductions/self_guided/pca.h"

namespace assay::self_guided {
namespace {

constexpr const char* unguided_arm = "uncond_w0";
constexpr const char* label_arm = "label";
constexpr const char* random_arm = "random_label";

nlohmann::json guidance_params(double w) { return {{"w", w}, {"w_cfg", to_cfg(w)}}; }

std::span<const float> values_of(const at::Tensor& features) {
  return {features.const_data_ptr<float>(), static_cast<std::size_t>(features.numel())};
}

/// Everything the stages share: the data, the encoder's view of it, and the run.
struct Study {
  Run& run;
  Config config;
  LabelledImages train, validation;

  explicit Study(Run& r)
      : run(r),
        config(read_config(r.config())),
        train(load_images(r.dataset(), Split::train)),
        validation(load_images(r.dataset(), Split::validation)) {}
};

std::string held_out_name(const std::string& arm) { return arm + "/validation"; }

/// g: the self-supervised encoder, trained once for all seeds.
ConvEncoder encoder(Study& s) {
  const nlohmann::json identity = {
      {"what", "simclr"}, {"options", to_json(s.config.encoder)}, {"dataset", s.run.dataset().hash()}, {"seed", 0}};
  const auto file = s.run.product("encoder", identity, [&](const std::filesystem::path& out) {
    const auto progress = s.run.progress("train encoder", s.config.encoder.steps, "steps");
    train_simclr(s.train.images.to(s.run.device()), s.config.encoder, 0, [&](std::int64_t step, double) {
      progress(step);
    }).save(out, identity.dump());
  });
  ConvEncoder loaded(encoder_config(s.config.encoder), 0);
  loaded.load(file, identity.dump());
  return loaded;
}

double nmi_arithmetic(std::span<const std::int64_t> truth, std::span<const std::int64_t> ids) {
  return nmi(truth, ids);
}
double ami_arithmetic(std::span<const std::int64_t> truth, std::span<const std::int64_t> ids) {
  return ami(truth, ids);
}

/// Agreement of clusters with people's labels, mean over the fits of k-means with a t interval.
Score agreement(const std::string& features, const std::string& name,
                double (*measure)(std::span<const std::int64_t>, std::span<const std::int64_t>),
                const std::vector<std::int64_t>& truth, const std::vector<std::vector<std::int64_t>>& fits,
                nlohmann::json params, const std::string& labels) {
  std::vector<double> values;
  values.reserve(fits.size());
  for (const auto& ids : fits) values.push_back(measure(truth, ids));
  params["labels"] = labels;
  Score score{features,
              name,
              std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()),
              "",
              ScoreDirection::higher_is_better,
              static_cast<std::int64_t>(truth.size()),
              {},
              "sklearn",
              params};
  if (values.size() > 1) {
    const PairedDifference spread = paired_difference(values, std::vector<double>(values.size(), 0.0));
    score.interval = ScoreInterval{spread.interval.low, spread.interval.high, 0.95,
                                   fmt::format("t over {} fits of k-means", values.size())};
  }
  return score;
}

/// f: k-means on the encoder's features, fitted on the training split alone (SGDM's published code). Records how well
/// the clusters agree with people's groups, beside clusters of a PCA baseline. Returns the file of ids: of the training
/// images under the arm's name, of the held-out ones under held_out_name().
SafetensorsFile clusters(Study& s) {
  const auto file = s.run.artifact_folder() / "clusters.safetensors";
  s.run.stage("clusters", [&](StageOutput& out) {
    const ConvEncoder g = encoder(s);
    // Pooled activations are all positive: without their mean, unit vectors point every way.
    at::Tensor learned = pooled_in_batches(g, s.train.images), held_out = pooled_in_batches(g, s.validation.images);
    const at::Tensor centre = learned.mean(0);
    learned = learned - centre;
    held_out = held_out - centre;
    const std::int64_t components = std::min<std::int64_t>(64, s.train.images[0].numel());
    const at::Tensor pixels = pca_features(s.train.images, components);
    out.protocols.push_back({"sklearn", {}});
    SafetensorsWriter writer;
    for (const std::int64_t k : s.config.clusters) {
      KMeansConfig options = s.config.kmeans;
      options.clusters = k;
      const auto assign = [&](const at::Tensor& features, const KMeans& fitted) {
        return kmeans_assign(features, fitted.centroids, options.assign_normalised);
      };
      // The first fit makes the arm's clusters; the others say how much the agreement owes to where k-means began.
      std::vector<std::vector<std::int64_t>> of_train, of_held_out, of_pixels;
      for (std::int64_t fit = 0; fit < s.config.kmeans_fits; ++fit) {
        options.seed = fit == 0
                           ? s.run.seed()
                           : RandomStream(s.run.seed(), Purpose::clustering, static_cast<std::uint64_t>(fit)).bits64();
        const KMeans of_encoder = kmeans_fit(learned, options);
        of_train.push_back(assign(learned, of_encoder));
        of_held_out.push_back(assign(held_out, of_encoder));
        of_pixels.push_back(assign(pixels, kmeans_fit(pixels, options)));
      }
      const std::string arm = self_label_arm(k);
      const auto write = [&](const std::string& name, const std::vector<std::int64_t>& ids) {
        writer.add(name, {static_cast<std::int64_t>(ids.size())}, std::span<const std::int64_t>(ids));
      };
      write(arm, of_train.front());
      write(held_out_name(arm), of_held_out.front());
      const auto record = [&](const std::string& features, const std::string& split,
                              const std::vector<std::vector<std::int64_t>>& fits, const LabelledImages& images) {
        const nlohmann::json params = {{"K", k}, {"split", split}};
        out.scores.push_back(agreement(features, "nmi", nmi_arithmetic, images.groups, fits, params, "group"));
        out.scores.push_back(agreement(features, "ami", ami_arithmetic, images.groups, fits, params, "group"));
        out.scores.push_back(agreement(features, "ari", ari, images.groups, fits, params, "group"));
        out.scores.push_back(agreement(features, "nmi", nmi_arithmetic, images.subgroups, fits, params, "subgroup"));
      };
      record("encoder", "train", of_train, s.train);
      record("encoder", "validation", of_held_out, s.validation);
      record("pca", "train", of_pixels, s.train);
    }
    writer.write(file);
    out.artifacts.push_back({"clusters", "labels", file, {{"split", "train"}}});
  });
  return SafetensorsFile(file);
}

std::vector<std::int64_t> ids_of(const SafetensorsFile& file, const std::string& name) {
  const auto values = file.at(name).i64(name);
  return {values.begin(), values.end()};
}

/// What an arm is guided by: classes of the training images, and of the held-out ones.
struct Condition {
  ConditionBlock block;
  std::vector<std::int64_t> held_out;
};

std::vector<Condition> conditions(Study& s) {
  std::vector<Condition> all;
  const bool groups = s.config.label == LabelKind::group;
  all.push_back(
      {{label_arm,
        static_cast<std::int64_t>(groups ? s.run.dataset().groups().size() : s.run.dataset().subgroups().size()),
        groups ? s.train.groups : s.train.subgroups},
       groups ? s.validation.groups : s.validation.subgroups});
  const SafetensorsFile ids = clusters(s);
  for (const std::int64_t k : s.config.clusters) {
    const std::string arm = self_label_arm(k);
    all.push_back({{arm, k, ids_of(ids, arm)}, ids_of(ids, held_out_name(arm))});
  }

  Condition random{{random_arm, s.config.clusters.front(), {}}, {}};
  const std::size_t training = s.train.groups.size(), images = training + s.validation.groups.size();
  for (std::size_t i = 0; i < images; ++i)
    (i < training ? random.block.ids : random.held_out)
        .push_back(static_cast<std::int64_t>(RandomStream(s.run.seed(), Purpose::condition, 1 + i)
                                                 .below(static_cast<std::uint64_t>(random.block.classes))));
  all.push_back(std::move(random));
  return all;
}

/// One denoiser and the conditions it knows.
struct Network {
  std::string name;
  std::vector<ConditionBlock> blocks;
  std::vector<std::vector<std::int64_t>> held_out;  // classes of the held-out images, for each block
};

std::vector<Network> networks(const Study& s, const std::vector<Condition>& conditions) {
  std::vector<Network> networks;
  for (const Condition& condition : conditions) {
    const bool shared = s.config.networks == Networks::shared;
    if (networks.empty() || !shared) networks.push_back({shared ? "shared" : condition.block.name, {}, {}});
    networks.back().blocks.push_back(condition.block);
    networks.back().held_out.push_back(condition.held_out);
  }
  return networks;
}

UNetConfig unet_config(const Config& config, const std::vector<ConditionBlock>& blocks) {
  UNetConfig unet = config.unet;
  for (const ConditionBlock& block : blocks) unet.cond_dim += block.classes;
  return unet;
}

/// Trains a denoiser with condition dropout, or finds it in the cache, and loads the weights that will be sampled.
std::unique_ptr<UNet> denoiser(Study& s, const Network& network) {
  Hasher conditions;
  for (const ConditionBlock& block : network.blocks)
    conditions.text(block.name).number(block.classes).values(std::span<const std::int64_t>(block.ids));
  const UNetConfig unet = unet_config(s.config, network.blocks);
  const nlohmann::json identity = {{"what", "self_guided denoiser"},
                                   {"unet", to_json(unet)},
                                   {"train", to_json(s.config.train)},
                                   {"schedule", {s.config.schedule.name, s.config.schedule.steps()}},
                                   {"dataset", s.run.dataset().hash()},
                                   {"conditions", conditions.hex()},
                                   {"device", s.run.device().is_cpu() ? "cpu" : "cuda"},
                                   {"seed", s.run.seed()}};
  auto net = std::make_unique<UNet>(unet);
  net->parameters().materialise(s.run.seed(), s.run.device());
  std::filesystem::path file;
  s.run.stage("train:" + network.name, [&](StageOutput& out) {
    file = s.run.product("denoiser", identity, [&](const std::filesystem::path& target) {
      const auto progress = s.run.progress("train " + network.name, s.config.train.steps, "steps");
      const TrainReport report = train(*net, s.config.schedule, {s.train.images.to(s.run.device()), network.blocks},
                                       s.config.train, s.run.seed(), target, identity.dump(),
                                       s.run.checkpoint_seconds(), [&](std::int64_t step, double) { progress(step); });
      out.timings.push_back(
          {"train_step",
           network.name,
           fmt::format("{}x3x{}x{}", s.config.train.batch, s.config.dataset.size, s.config.dataset.size),
           report.seconds,
           report.steps * s.config.train.batch,
           "images",
           {}});
      if (report.first_step > 0)
        out.notes.push_back(fmt::format("training of {} went on from step {}; its timing covers the rest", network.name,
                                        report.first_step));
    });
    if (out.timings.empty()) out.notes.push_back(fmt::format("{}: trained before, taken from the cache", network.name));
    out.artifacts.push_back(
        {"denoiser " + network.name, "checkpoint", file, {{"parameters", net->parameters().trainable_count()}}});
  });
  if (file.empty())
    file = s.run.product("denoiser", identity, [&](const std::filesystem::path& target) {
      throw InputError(
          fmt::format("{}: the checkpoint of a finished stage is gone; run anew without --resume", target.string()));
    });
  auto loaded = std::make_unique<UNet>(unet);
  loaded->parameters().materialise(s.run.seed(), s.run.device());
  load_checkpoint(*loaded, file, s.config.sample.weights, identity.dump());
  return loaded;
}

/// The training image whose condition sample `index` takes: the empirical training marginal (SGDM's published code),
/// and the same image for every arm.
std::vector<std::int64_t> condition_sources(const Study& s) {
  RandomStream random(s.run.seed(), Purpose::condition, 0);
  const std::vector<std::int64_t> order = permutation(s.train.images.size(0), random);
  std::vector<std::int64_t> sources;
  for (std::int64_t i = 0; i < s.config.sample.count; ++i)
    sources.push_back(order[static_cast<std::size_t>(i) % order.size()]);
  return sources;
}

/// Draws all samples of one arm at one weight, as bytes [count, 3, H, W].
at::Tensor draw(const Study& s, const UNet& net, const Network& network, std::size_t block, double w,
                const std::function<void(std::int64_t)>& progress) {
  at::NoGradGuard no_grad;
  const std::vector<std::int64_t> sources = condition_sources(s);
  const std::int64_t side = s.config.dataset.size, count = s.config.sample.count;
  DdimOptions options = s.config.sample.ddim;
  options.weight = w;
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < count; begin += s.config.sample.batch) {
    const std::int64_t size = std::min(s.config.sample.batch, count - begin);
    const at::Tensor x = sample_noise(begin, size, {3, side, side}, s.run.seed());
    at::Tensor condition;
    if (w != 0) {
      std::vector<std::int64_t> ids;
      for (std::int64_t i = begin; i < begin + size; ++i)
        ids.push_back(network.blocks[block].ids[static_cast<std::size_t>(sources[static_cast<std::size_t>(i)])]);
      condition = one_hot_condition(network.blocks, block, ids).to(s.run.device());
    }
    const auto step_noise = [&](std::int64_t step) {
      return sample_noise(begin, size, {3, side, side}, s.run.seed(), step + 1).to(s.run.device());
    };
    parts.push_back(to_bytes(ddim_sample(net, s.config.schedule, options, x.to(s.run.device()), condition, step_noise))
                        .to(at::kCPU));
    progress(begin + size);
  }
  return at::cat(parts);
}

/// Where the samples of an arm at a weight lie.
std::filesystem::path sample_file(const Study& s, const std::string& arm, double w) {
  return s.run.artifact_folder() / fmt::format("samples-{}-w{}.safetensors", arm, w);
}

at::Tensor stored_features(const Study& s, const std::string& arm, double w) {
  const SafetensorsFile file(sample_file(s, arm, w));
  const TensorView& view = file.at("features");
  at::Tensor features = at::empty(view.shape, at::kFloat);
  std::memcpy(features.mutable_data_ptr<float>(), view.data.data(), view.data.size());
  return features;
}

/// Samples one arm at one weight, scores it, and keeps samples, features and a picture.
void sample_arm(Study& s, const UNet& net, const Network& network, std::size_t block, const std::string& arm, double w,
                const FdSmall& fd) {
  s.run.stage(fmt::format("sample:{}:w{}", arm, w), [&](StageOutput& out) {
    const auto start = std::chrono::steady_clock::now();
    const at::Tensor bytes =
        draw(s, net, network, block, w,
             s.run.progress(fmt::format("sample {} w={}", arm, w), s.config.sample.count, "images"));
    out.timings.push_back({"sample",
                           w == 0 || w == 1 ? "one evaluation a step" : "two evaluations a step",
                           fmt::format("{}x3x{}x{}, {} steps", std::min(s.config.sample.batch, s.config.sample.count),
                                       s.config.dataset.size, s.config.dataset.size, s.config.sample.ddim.steps),
                           seconds_since(start),
                           s.config.sample.count,
                           "images",
                           {}});

    const at::Tensor features = fd.features(from_bytes(bytes));
    out.protocols.push_back(fd.protocol());
    out.scores.push_back(fd.score(arm, features, guidance_params(w)));

    const auto file = sample_file(s, arm, w);
    SafetensorsWriter writer;
    writer.add("images", DType::u8, bytes.sizes().vec(),
               std::as_bytes(std::span(bytes.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(bytes.numel()))));
    writer.add("features", features.sizes().vec(), values_of(features));
    writer.write(file);
    out.artifacts.push_back({fmt::format("samples {} w={}", arm, w), "samples", file, {{"arm", arm}, {"w", w}}});
    if (w == 0 || w == s.config.sample.ddim.weight) {
      const auto picture = s.run.artifact_folder() / fmt::format("grid-{}-w{}.png", arm, w);
      const std::int64_t columns = 10, rows = std::clamp<std::int64_t>(bytes.size(0) / columns, 1, 6);
      write_image_grid(bytes, rows, columns, 2, picture);
      out.artifacts.push_back({fmt::format("{} w={}", arm, w),
                               "image-grid",
                               picture,
                               {{"arm", arm}, {"w", w}, {"rows", rows}, {"columns", columns}, {"seed", s.run.seed()}}});
    }
  });
}

/// Whether a network has learned what its conditions mean: its loss on held-out images under their own class, and that
/// less the loss under the null condition, paired by image and noise.
void held_out_losses(Study& s, const UNet& net, const Network& network) {
  s.run.stage("loss:" + network.name, [&](StageOutput& out) {
    const at::Tensor images = s.validation.images.to(s.run.device());
    const auto progress = s.run.progress("held-out loss of " + network.name,
                                         static_cast<std::int64_t>(network.blocks.size()) + 1, "conditions");
    const auto losses = [&](const at::Tensor& condition) {
      return denoising_loss(net, s.config.schedule, images, condition, s.config.loss_timesteps, s.run.seed());
    };
    out.protocols.push_back({"denoising-loss",
                             {{"schedule", s.config.schedule.name},
                              {"timesteps", s.config.loss_timesteps},
                              {"images", fmt::format("validation split of {}", s.run.dataset().hash())}}});
    const auto add = [&](const std::string& arm, const std::string& name, const std::vector<double>& values) {
      const auto mean = [&](std::span<const std::int64_t> chosen) {
        double sum = 0;
        for (const std::int64_t i : chosen) sum += values[static_cast<std::size_t>(i)];
        return sum / static_cast<double>(chosen.size());
      };
      const auto n = static_cast<std::int64_t>(values.size());
      const assay::Interval interval = percentile_interval(bootstrap(n, mean, s.config.bootstrap, s.run.seed(), 1));
      out.scores.push_back({arm, name, std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(n), "",
                            ScoreDirection::lower_is_better, n,
                            ScoreInterval{interval.low, interval.high, 0.95,
                                          fmt::format("bootstrap over images, {}", s.config.bootstrap)},
                            "denoising-loss", nlohmann::json::object()});
    };
    const std::vector<double> null = losses({});
    progress(1);
    for (std::size_t b = 0; b < network.blocks.size(); ++b) {
      const std::string& arm = network.blocks[b].name;
      if (arm == self_label_arm(s.config.clusters.front())) add(unguided_arm, "eps_mse", null);
      std::vector<double> values = losses(one_hot_condition(network.blocks, b, network.held_out[b]).to(s.run.device()));
      add(arm, "eps_mse", values);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= null[i];
      add(fmt::format("{} - {}", arm, unguided_arm), "eps_mse difference", values);
      progress(static_cast<std::int64_t>(b) + 2);
    }
  });
}

/// Real images: the picture beside the arms, and the distance of the validation split to the training split, the floor
/// that no arm should be expected to pass by much.
void real_images(Study& s, const FdSmall& fd) {
  s.run.stage("real", [&](StageOutput& out) {
    out.protocols.push_back(fd.protocol());
    out.scores.push_back(fd.score("real_validation", fd.features(s.validation.images), nlohmann::json::object()));
    const std::vector<std::int64_t> sources = condition_sources(s);
    std::vector<at::Tensor> shown;
    const std::int64_t columns = 10, rows = std::clamp<std::int64_t>(s.config.sample.count / columns, 1, 6);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(rows * columns, s.config.sample.count); ++i)
      shown.push_back(s.train.images.narrow(0, sources[static_cast<std::size_t>(i)], 1));
    const auto picture = s.run.artifact_folder() / "grid-real.png";
    write_image_grid(to_bytes(at::cat(shown)), rows, columns, 2, picture);
    out.artifacts.push_back({"real training images",
                             "image-grid",
                             picture,
                             {{"arm", "real"}, {"rows", rows}, {"columns", columns}, {"seed", s.run.seed()}}});
    for (const Problem& problem : s.run.dataset().problems())
      out.notes.push_back(fmt::format("data set: {}: {}", problem.item, problem.what));
  });
}

/// Differences of arms within this seed, paired by the noise that sample i shares: the same resampled indices on both
/// sides. The interval over seeds is the harness's.
void paired_differences(Study& s, const FdSmall& fd) {
  s.run.stage("paired", [&](StageOutput& out) {
    out.protocols.push_back(fd.protocol());
    for (const Contrast& contrast : plan(s.run.config()).contrasts) {
      if (contrast.metric != "fd-small") continue;
      const at::Tensor a = stored_features(s, contrast.arm_a, contrast.params_a.at("w").get<double>());
      const at::Tensor b = stored_features(s, contrast.arm_b, contrast.params_b.at("w").get<double>());
      out.scores.push_back(fd.difference(contrast.arm_a, a, contrast.arm_b, b, contrast.params_a));
    }
  });
}

}  // namespace

void check(const nlohmann::json& config) { read_config(config); }

std::vector<std::string> needs(const nlohmann::json& config) {
  const DatasetSpec dataset = read_config(config).dataset;
  // Files named by the user take the place of the packages'.
  if (!dataset.font.empty() && !dataset.emoji_list.empty()) return {};
  const std::string missing = dataset_entry(dataset.name).missing();
  return missing.empty() ? std::vector<std::string>{} : std::vector<std::string>{missing};
}

std::vector<std::string> describe(const nlohmann::json& config) {
  const Config c = read_config(config);
  UNetConfig unet = c.unet;
  unet.cond_dim = c.clusters.front();
  std::string conditions = fmt::format("one network a condition, K = {} here", c.clusters.front());
  if (c.networks == Networks::shared) {
    // As many as the run will have, except that labels cannot be counted where the data set is missing.
    unet.cond_dim += std::accumulate(c.clusters.begin(), c.clusters.end(), std::int64_t{0});
    const bool counted = needs(config).empty();
    if (counted) {
      const auto dataset = open_dataset(c.dataset);
      unet.cond_dim += static_cast<std::int64_t>(c.label == LabelKind::group ? dataset->groups().size()
                                                                             : dataset->subgroups().size());
    }
    conditions = fmt::format("one network for all {} classes of all conditions{}", unet.cond_dim,
                             counted ? "" : ", human labels not counted");
  }
  const UNet net(unet);
  const std::size_t arms = c.clusters.size() + 2;
  return {fmt::format("data set: {} at {}x{}", c.dataset.name, c.dataset.size, c.dataset.size),
          fmt::format("denoiser: {} trainable parameters; {}", net.parameters().trainable_count(), conditions),
          fmt::format("training: {} steps of {} images a network, {} network(s) a seed", c.train.steps, c.train.batch,
                      c.networks == Networks::shared ? 1 : arms),
          fmt::format("sampling: {} images an arm, {} DDIM steps, {} arms, weights of the curve: {}", c.sample.count,
                      c.sample.ddim.steps, arms + 1, c.sample.sweep.size())};
}

MethodPlan plan(const nlohmann::json& config) {
  const Config c = read_config(config);
  const nlohmann::json headline = guidance_params(c.sample.ddim.weight), unguided = guidance_params(0);
  MethodPlan plan;
  std::vector<std::string> arms;
  for (const std::int64_t k : c.clusters) arms.push_back(self_label_arm(k));
  arms.push_back(label_arm);
  arms.push_back(random_arm);
  for (const std::string& arm : arms)
    plan.contrasts.push_back({"fd-small", "fd-small", arm, unguided_arm, headline, unguided});
  for (const std::int64_t k : c.clusters)
    plan.contrasts.push_back({"fd-small", "fd-small", self_label_arm(k), label_arm, headline, headline});
  plan.contrasts.push_back(
      {"fd-small", "fd-small", self_label_arm(c.clusters.front()), random_arm, headline, headline});
  for (const std::string& arm : arms)
    plan.contrasts.push_back({"eps_mse", "denoising-loss", arm, unguided_arm, {}, {}});
  const nlohmann::json quality = {{"K", c.clusters.front()}, {"split", "train"}, {"labels", "group"}};
  plan.contrasts.push_back({"nmi", "sklearn", "encoder", "pca", quality, quality});
  return plan;
}

void prepare_features(Run& run) {
  Study s(run);
  FdSmall(run, s.train, s.config.fd_small, s.config.bootstrap);
}

void prepare_encoder(Run& run) {
  Study s(run);
  encoder(s);
}

void run(Run& run) {
  Study s(run);
  if (s.config.oracle) check_on_oracle(run);
  const FdSmall fd(run, s.train, s.config.fd_small, s.config.bootstrap);
  real_images(s, fd);

  const std::string swept = self_label_arm(s.config.clusters.front());
  for (const Network& network : networks(s, conditions(s))) {
    const auto net = denoiser(s, network);
    held_out_losses(s, *net, network);
    for (std::size_t b = 0; b < network.blocks.size(); ++b) {
      const std::string& arm = network.blocks[b].name;
      // Without guidance the condition plays no part: one arm, sampled from the network of the first clusters.
      if (arm == swept) sample_arm(s, *net, network, b, unguided_arm, 0, fd);
      for (const double w : s.config.sample.sweep) {
        const bool headline = w == s.config.sample.ddim.weight;
        const bool on_curve = arm == swept;
        if (w != 0 && (headline || on_curve)) sample_arm(s, *net, network, b, arm, w, fd);
      }
    }
  }
  paired_differences(s, fd);
}

}  // namespace assay::self_guided
