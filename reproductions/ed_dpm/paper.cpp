#include "reproductions/ed_dpm/paper.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "core/config.h"
#include "core/error.h"
#include "core/philox.h"
#include "diffusion/process/respacing.h"
#include "reproductions/ed_dpm/algorithm/guided_draw.h"
#include "reproductions/ed_dpm/config.h"
#include "reproductions/ed_dpm/guidance_scores.h"
#include "reproductions/published/config.h"
#include "reproductions/published/tier.h"
#include "reproductions/tiers.h"

namespace assay::ed_dpm::paper {
namespace {

struct Row {
  std::string name, arm;
  std::string diffusion, classifier;  // keys of `networks`
  std::string reference;              // key of `references`
  std::string respacing;
  AdmSampling sampling;
  ClassifierGuidanceOptions guidance;
};

struct PaperConfig {
  PublishedConfig published;
  std::vector<std::int64_t> classes;  // asked for, equally often; empty: every class of the classifier
  std::vector<Row> rows;              // the selected ones
};

Row read_row(const nlohmann::json& object, const std::string& name, const nlohmann::json& sampling) {
  const std::string where = "published." + name;
  ConfigReader reader(object, where);
  Row row;
  row.name = name;
  row.arm = reader.text("arm", "");
  if (row.arm.empty()) throw InputError(where + ".arm: missing");
  row.diffusion = reader.text("diffusion", "");
  row.classifier = reader.text("classifier", "");
  row.reference = reader.text("reference", "");
  // A count may be given as a number too: 250 and "250" are one respacing.
  const auto respacing = object.find("respacing");
  if (respacing != object.end() && respacing->is_number_integer()) {
    row.respacing = std::to_string(respacing->get<std::int64_t>());
    reader.allow("respacing");
  } else {
    row.respacing = reader.text("respacing", "");
  }
  row.sampling.kind = reader.choice("sampler", AdmSampling::Kind::ddpm, adm_sampler_names);
  row.guidance.scale = reader.real("gamma", 1.0, 0.0, 1e6);
  row.guidance.entropy_scaling = reader.boolean("entropy_scaling", false);
  reader.finish();
  row.sampling.eta = sampling.value("eta", 0.0);
  row.sampling.clip = sampling.value("clip", true);
  row.guidance.entropy_floor = sampling.value("entropy_floor", 0.0);
  return row;
}

GaussianProcess process_of(const PaperConfig& c, const Row& row) {
  GaussianProcessOptions options;
  options.variance = VarianceType::learned_range;
  options.respacing = row.respacing;
  const std::string& schedule = c.published.networks.at(row.diffusion).configuration.noise_schedule;
  return {make_noise_schedule(schedule, 1000), options};
}

/// Throws InputError where the networks of a row do not fit each other or what is asked of them.
void check_row(const PaperConfig& c, const Row& row) {
  const std::string where = "published." + row.name;
  require_entry(c.published.networks, "network", row.diffusion, where + ".diffusion");
  require_entry(c.published.networks, "network", row.classifier, where + ".classifier");
  require_entry(c.published.references, "reference", row.reference, where + ".reference");
  const AdmConfiguration &diffusion = c.published.networks.at(row.diffusion).configuration,
                         &classifier = c.published.networks.at(row.classifier).configuration;
  const auto* unet = std::get_if<UNetConfig>(&diffusion.network);
  if (!unet || unet->out_channels != 2 * unet->in_channels || unet->in_channels != 3)
    throw InputError(
        fmt::format("published.{}.diffusion: {} is no ADM network of RGB images with a learned variance; one is needed",
                    row.name, row.diffusion));
  if (!std::holds_alternative<EncoderUNetConfig>(classifier.network))
    throw InputError(fmt::format("published.{}.classifier: {} is no noisy classifier", row.name, row.classifier));
  if (image_size(diffusion) != image_size(classifier))
    throw InputError(fmt::format("published.{}: the diffusion network {} is for {} pixels, the classifier {} for {}",
                                 row.name, row.diffusion, image_size(diffusion), row.classifier,
                                 image_size(classifier)));
  if (unet->num_classes && *unet->num_classes != class_count(classifier))
    throw InputError(
        fmt::format("published.{}: the diffusion network {} knows {} classes, the classifier {} {}; they "
                    "must be equal",
                    row.name, row.diffusion, *unet->num_classes, row.classifier, class_count(classifier)));
  for (const std::int64_t asked : c.classes)
    if (asked >= class_count(classifier))
      throw InputError(
          fmt::format("sampling.classes: class {} is out of range; the classifier {} of row {} knows 0 to {}", asked,
                      row.classifier, row.name, class_count(classifier) - 1));
  try {
    process_of(c, row);
  } catch (const InputError& error) {
    throw InputError(fmt::format("published.{}.respacing: {}", row.name, error.what()));
  }
}

PaperConfig read_paper_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  PaperConfig c;
  c.published = read_published_config(reader);
  read_networks(reader, c.published);
  {
    const nlohmann::json& sampling = reader.object("sampling");
    ConfigReader s(sampling, "sampling");
    read_amounts(s, c.published);
    if (sampling.value("classes", nlohmann::json("all")) == "all")
      s.allow("classes");
    else
      c.classes = s.integers("classes", {}, 0, 1000000);
    s.real("eta", 0.0, 0.0, 1.0);
    s.boolean("clip", true);
    s.real("entropy_floor", 0.0, 0.0, 0.999999);
    s.finish();
  }
  reader.finish();
  for (const auto& [name, row] : object.at("published").items()) {
    const Row read = read_row(row, name, reader.object("sampling"));
    check_row(c, read);
  }
  for (const std::string& name : c.published.rows)
    c.rows.push_back(read_row(object.at("published").at(name), name, reader.object("sampling")));
  return c;
}

/// The networks at hand, each loaded when a shard first needs it; rows in the preset's order change them seldom.
class Networks {
 public:
  Networks(const PaperConfig& c, at::Device device) : c_(c), device_(device) {}
  const Denoiser& diffusion(const std::string& name) {
    if (diffusion_name_ != name) {
      diffusion_.reset();
      diffusion_ = load_denoiser(c_.published.networks.at(name), device_);
      diffusion_name_ = name;
    }
    return *diffusion_;
  }
  const EncoderUNet& classifier(const std::string& name) {
    if (classifier_name_ != name) {
      classifier_.reset();
      classifier_ = load_classifier(c_.published.networks.at(name), device_);
      classifier_name_ = name;
    }
    return *classifier_;
  }

 private:
  const PaperConfig& c_;
  at::Device device_;
  std::string diffusion_name_, classifier_name_;
  std::unique_ptr<Denoiser> diffusion_;
  std::unique_ptr<EncoderUNet> classifier_;
};

/// As the official code draws them, independently and uniformly, but from a stream of each sample.
std::vector<std::int64_t> asked_classes(const PaperConfig& c, std::int64_t known, std::uint64_t seed,
                                        std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> asked;
  for (std::int64_t i = first; i < first + count; ++i) {
    RandomStream random(seed, Purpose::condition, static_cast<std::uint64_t>(i));
    asked.push_back(c.classes.empty() ? static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(known)))
                                      : c.classes[random.below(c.classes.size())]);
  }
  return asked;
}

class Paper final : public PublishedMethod<PaperConfig> {
 public:
  explicit Paper(const nlohmann::json& config)
      : PublishedMethod("published row(s)", method_preset("ed_dpm", Tier::paper), config, read_paper_config(config)) {}

 private:
  std::vector<NeededFile> files(const Row& row) const override {
    return {network(row.diffusion).file, network(row.classifier).file, config_.published.references.at(row.reference),
            config_.published.inception};
  }
  std::set<std::string> networks(const Row& row) const override { return {row.diffusion, row.classifier}; }
  PlannedRow planned(const Row& row, at::Device device) const override;
  AddDrawing begin(Run& run) const override;

  const PublishedNetwork& network(const std::string& name) const { return config_.published.networks.at(name); }
  nlohmann::json settings(const Row& row, at::Device device) const;
};

/// Every flag of a row, under the names of this program's configuration.
nlohmann::json Paper::settings(const Row& row, at::Device device) const {
  const PaperConfig& c = config_;
  const AdmConfiguration &diffusion = network(row.diffusion).configuration,
                         &classifier = network(row.classifier).configuration;
  return {
      {"gamma", row.guidance.scale},
      {"entropy_scaling", row.guidance.entropy_scaling},
      {"entropy_constant", fmt::format("ln {}", class_count(classifier))},
      {"entropy_floor", row.guidance.entropy_floor},
      {"sampler", row.sampling.kind == AdmSampling::Kind::ddim ? "ddim" : "ddpm"},
      {"respacing", row.respacing},
      {"steps", process_of(c, row).steps()},
      {"eta", row.sampling.eta},
      {"clip", row.sampling.clip},
      {"noise_schedule", diffusion.noise_schedule},
      {"diffusion_steps", 1000},
      {"image_size", image_size(diffusion)},
      {"class_conditional", class_count(diffusion) > 0},
      {"classes", c.classes.empty() ? nlohmann::json(fmt::format("uniform over {}", class_count(classifier)))
                                    : nlohmann::json(c.classes)},
      {"seed", "of the run; sample i draws noise, step noise and class from Philox streams of its own"},
      {"quantisation", "trunc(clamp((x + 1) * 127.5, 0, 255))"},
      {"precision", fmt::format("diffusion {}, classifier {}", runs_in_half(diffusion, device) ? "float16" : "float32",
                                runs_in_half(classifier, device) ? "float16" : "float32")}};
}

/// A classifier's gradient costs a forward pass and one as long back to the image.
double step_flops(const NetworkCost& diffusion, const NetworkCost& classifier) {
  return diffusion.flops + 2 * classifier.flops;
}

PlannedRow Paper::planned(const Row& row, at::Device device) const {
  const PaperConfig& c = config_;
  const PublishedNetwork &diffusion = network(row.diffusion), &classifier = network(row.classifier);
  PlannedRow out;
  out.settings = settings(row, device);
  out.networks = {planned_network("diffusion", diffusion), planned_network("classifier", classifier)};
  out.half = runs_in_half(diffusion.configuration, device);
  const NetworkCost &d = out.networks[0].cost, &k = out.networks[1].cost;
  out.flops = static_cast<double>(process_of(c, row).steps()) * step_flops(d, k);
  const auto weights = [&](const PublishedNetwork& network, const NetworkCost& cost) {
    return 4 * cost.parameters - (runs_in_half(network.configuration, device) ? 2 * cost.castable : 0);
  };
  // Both networks stay; only one of them works at a time.
  const std::int64_t batch = largest_pass(device);
  out.memory_bytes =
      std::max(d.predict_bytes(batch, runs_in_half(diffusion.configuration, device)) + weights(classifier, k),
               k.gradient_pass_bytes(batch) + weights(diffusion, d));
  out.loading_bytes = 8 * std::max(d.parameters, k.parameters);
  return out;
}

Paper::AddDrawing Paper::begin(Run& run) const {
  const auto loaded = std::make_shared<Networks>(config_, run.device());
  return [this, &c = config_, &run, loaded](const Row& row, const PlannedRow& planned, PublishedTask& work) {
    const std::int64_t side = image_size(c.published.networks.at(row.diffusion).configuration),
                       known = class_count(c.published.networks.at(row.classifier).configuration);
    const GaussianProcess process = process_of(c, row);
    work.params = {{"gamma", row.guidance.scale}, {"steps", row.respacing}};
    work.timing =
        fmt::format("{}, {}{}", pass_shape(run.device(), side), row.respacing, planned.half ? ", float16" : "");
    work.draw = [&c, &run, &row, &networks = *loaded, side, known, process, passes = passes(run.device())](
                    std::int64_t first, std::int64_t count, const std::function<void(std::int64_t)>& progress) {
      const GuidedDraw how{process,
                           networks.diffusion(row.diffusion),
                           &networks.classifier(row.classifier),
                           row.sampling,
                           row.guidance,
                           side,
                           passes,
                           run.seed(),
                           run.device()};
      DrawnImages images;
      images.labels = asked_classes(c, known, run.seed(), first, count);
      const Drawn drawn = draw_guided(how, images.labels, first, progress);
      images.bytes = drawn.bytes;
      images.facts = to_json(drawn.events);
      return images;
    };
    work.sum_up = [&row, &planned, &work](const std::vector<nlohmann::json>& facts, StageOutput& out) {
      GuidanceEvents events;
      for (const nlohmann::json& shard : facts) events += read_guidance_events(shard);
      record_events(work.arm, events, work.params, out);
      out.notes.push_back(
          fmt::format("{}: precision {}", row.name, planned.settings.at("precision").get<std::string>()));
    };
  };
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<Paper>(config); }

}  // namespace assay::ed_dpm::paper
