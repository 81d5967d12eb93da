#include "reproductions/maskdm/paper.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "core/config.h"
#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/networks/vit/mask_uvit.h"
#include "diffusion/networks/vit/uvit_keys.h"
#include "images/image_file.h"
#include "images/image_folder.h"
#include "kernels/parallel_for.h"
#include "reproductions/maskdm/algorithm/drawing.h"
#include "reproductions/maskdm/algorithm/process.h"
#include "reproductions/maskdm/algorithm/training.h"
#include "reproductions/maskdm/config.h"
#include "reproductions/published/config.h"
#include "reproductions/published/tier.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/tiers.h"

namespace assay::maskdm::paper {
namespace {

struct Row {
  std::string name, arm;                 // the same
  std::string network, data, reference;  // keys of `networks`, `data`, `references`
  std::string schedule;
  std::string start;   // the row whose online weights this one goes on from; empty: from scratch
  double share = 1.0;  // of the images
  PhaseOptions phase;  // steps 0: not known
  double ema_decay = 0.999;
  std::int64_t ema_update_every = 1;
};

struct PaperConfig {
  PublishedConfig published;
  std::map<std::string, MaskUVitConfig> nets;
  std::map<std::string, NeededFile> data;
  FinalLayer final_layer = FinalLayer::refuse;  // of checkpoints with U-ViT's keys
  OptimizerOptions optimizer;
  std::int64_t sampling_steps = 250;
  double eta = 1.0;
  std::map<std::string, Row> all;  // every row, since one may start from another
  std::vector<Row> rows;           // the selected ones
};

Row read_row(const nlohmann::json& object, const std::string& name, const PaperConfig& c) {
  const std::string where = "published." + name;
  ConfigReader reader(object, where);
  Row row;
  row.name = row.arm = name;
  row.network = reader.text("network", "");
  require_entry(c.nets, "network", row.network, where + ".network");
  row.data = reader.text("data", "");
  require_entry(c.data, "data", row.data, where + ".data");
  row.reference = reader.text("reference", "");
  require_entry(c.published.references, "reference", row.reference, where + ".reference");
  row.schedule = reader.one_of("schedule", "cosine", {"linear", "cosine"});
  row.start = reader.text("start", "");
  row.share = reader.real("share", 1.0, 1e-9, 1.0);
  row.phase = read_phase_options(reader.object("stage"), where + ".stage", c.nets.at(row.network).grid());
  row.phase.steps = reader.integer("steps", 0, 0);
  row.ema_decay = reader.real("ema_decay", row.ema_decay, 0.0, 0.9999999);
  row.ema_update_every = reader.integer("ema_update_every", row.ema_update_every, 1, 1 << 20);
  reader.finish();
  return row;
}

PaperConfig read_paper_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  PaperConfig c;
  c.published = read_published_config(reader);
  for (const auto& [name, network] : reader.object("networks").items())
    c.nets.emplace(name, read_mask_uvit_config(network, "networks." + name));
  for (const auto& [name, data] : reader.object("data").items()) {
    ConfigReader d(data, "data." + name);
    NeededFile folder;
    folder.what = fmt::format("training images `{}`", name);
    folder.path = d.text("folder", "");
    folder.source = d.text("from", "");
    folder.folder = true;
    d.finish();
    if (folder.path.empty()) throw InputError(fmt::format("data.{}.folder: missing", name));
    c.data.emplace(name, folder);
  }
  c.final_layer = reader.choice("final_layer", FinalLayer::refuse, final_layer_names);
  c.optimizer = read_optimizer_options(reader.object("optimizer"), "optimizer");
  {
    ConfigReader s(reader.object("sampling"), "sampling");
    read_amounts(s, c.published);
    c.sampling_steps = s.integer("steps", c.sampling_steps, 1, 1000);
    c.eta = s.real("eta", c.eta, 0.0, 1.0);
    s.finish();
  }
  reader.finish();
  for (const auto& [name, row] : object.at("published").items()) c.all.emplace(name, read_row(row, name, c));
  for (const auto& [name, row] : c.all) {
    if (row.start.empty()) continue;
    require_entry(c.all, "row", row.start, fmt::format("published.{}.start", name));
    if (c.all.at(row.start).network != row.network)
      throw InputError(
          fmt::format("published.{}.start: row {} trains the network {}, this one {}; they must be the same", name,
                      row.start, c.all.at(row.start).network, row.network));
  }
  for (const std::string& name : c.published.rows) c.rows.push_back(c.all.at(name));
  return c;
}

/// The averaged weights that a row is sampled from, where somebody has them.
NeededFile sampled_weights(const PaperConfig& c, const Row& row) {
  NeededFile file;
  file.what = fmt::format("weights of row {}, averaged", row.name);
  file.path = c.published.folder / (row.name + ".safetensors");
  file.official = "model-N.pt";
  file.source = "a training by jiachenlei/maskdm's code, part ema_model";
  file.converted = true;
  return file;
}

/// The online weights that a later row goes on from, where somebody has them.
NeededFile online_weights(const PaperConfig& c, const std::string& row) {
  NeededFile file;
  file.what = fmt::format("weights of row {}, online", row);
  file.path = c.published.folder / (row + "-online.safetensors");
  file.official = "model-N.pt";
  file.source = "a training by jiachenlei/maskdm's code, part model; or select that row too, before this one";
  file.converted = true;
  return file;
}

bool trained_before(const PaperConfig& c, const std::string& start, const Row& row) {
  for (const Row& earlier : c.rows) {
    if (earlier.name == row.name) return false;
    if (earlier.name == start) return !sampled_weights(c, earlier).present();
  }
  return false;
}

/// Images of a folder, read when they are asked for.
TrainingImages images_in_folder(const NeededFile& data, double share, std::int64_t side, std::uint64_t seed) {
  ImageFolder folder = list_image_folder(data.path);
  std::vector<std::filesystem::path> files;
  const auto n = static_cast<std::int64_t>(folder.files.size());
  RandomStream random(seed, Purpose::dataset, 0);
  std::vector<std::int64_t> order = permutation(n, random);
  order.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, std::llround(share * static_cast<double>(n)))));
  std::sort(order.begin(), order.end());
  files.reserve(order.size());
  for (const std::int64_t i : order) files.push_back(folder.files[static_cast<std::size_t>(i)].path);
  const auto count = static_cast<std::int64_t>(files.size());
  return {count, [files = std::move(files), side](const std::vector<std::int64_t>& chosen) {
            const auto size = static_cast<std::int64_t>(chosen.size());
            at::Tensor images = at::empty({size, 3, side, side}, at::kFloat);
            auto* const values = images.mutable_data_ptr<float>();
            at::parallel_for(0, size, 1, [&](std::int64_t begin, std::int64_t end) {
              for (std::int64_t i = begin; i < end; ++i) {
                const auto& file = files[static_cast<std::size_t>(chosen[static_cast<std::size_t>(i)])];
                const Image image = as_rgb(read_image_file(file));
                if (image.width != side || image.height != side)
                  throw InputError(fmt::format("{}: {} x {} pixels; accepted: {} x {}, resized before", file.string(),
                                               image.width, image.height, side, side));
                for (std::int64_t p = 0; p < side * side; ++p)
                  for (std::int64_t k = 0; k < 3; ++k)
                    values[(i * 3 + k) * side * side + p] =
                        2 * (static_cast<float>(image.pixels[static_cast<std::size_t>(3 * p + k)]) / 255.0F) - 1;
              }
            });
            return images;
          }};
}

/// Notes what of the folder is no training image. A folder without images is refused here, before hours of work.
void note_training_folder(Run& run, const Row& row, const NeededFile& data) {
  run.stage("data:" + row.name, [&](StageOutput& out) {
    const ImageFolder folder = list_image_folder(data.path);
    const std::string note = passed_over_note(data.path, folder);
    if (!note.empty()) out.notes.push_back(note);
    out.result = {{"images", folder.files.size()}};
  });
}

/// Trains a row, or finds it in the cache.
std::filesystem::path trained_row(Run& run, const PaperConfig& c, const Row& row,
                                  const std::map<std::string, std::filesystem::path>& earlier) {
  const auto before = earlier.find(row.start);
  const std::filesystem::path start = row.start.empty()         ? std::filesystem::path()
                                      : before != earlier.end() ? before->second
                                                                : online_weights(c, row.start).path;
  const nlohmann::json identity = {{"what", "maskdm row"},
                                   {"network", to_json(c.nets.at(row.network))},
                                   {"schedule", row.schedule},
                                   {"optimizer", to_json(c.optimizer)},
                                   {"ema_decay", row.ema_decay},
                                   {"ema_update_every", row.ema_update_every},
                                   {"stage", to_json(row.phase)},
                                   {"data", c.data.at(row.data).path.string()},
                                   {"share", row.share},
                                   {"start", start.string()},
                                   {"device", run.device().is_cpu() ? "cpu" : "cuda"},
                                   {"seed", run.seed()}};
  return run.product("maskdm", identity, [&](const std::filesystem::path& out) {
    MaskUVit network(c.nets.at(row.network));
    network.parameters().materialise(run.seed(), run.device());
    if (!start.empty()) {
      const SafetensorsFile file(start);
      if (before != earlier.end())
        network.parameters().load_partly(file, "model.");
      else
        load_mask_uvit(network, file, c.final_layer);
    }
    const Process process(row.schedule);
    const TrainingImages images =
        images_in_folder(c.data.at(row.data), row.share, network.config().image_side(), run.seed());
    OptimizerOptions optimizer = c.optimizer;
    optimizer.ema_decay = row.ema_decay;
    optimizer.ema_update_every = row.ema_update_every;
    PhaseRun phase{process, images, optimizer, run.seed()};
    phase.checkpoint_seconds = run.checkpoint_seconds();
    phase.progress = run.progress("train " + row.name, row.phase.steps, "steps");
    train_phase(network, row.phase, phase, out, identity.dump());
    if (const auto diverged = read_phase(out, identity.dump()).diverged_at)
      throw Error(fmt::format("{}: loss or gradient is not finite at step {}", row.name, *diverged));
  });
}

class Paper final : public PublishedMethod<PaperConfig> {
 public:
  explicit Paper(const nlohmann::json& config)
      : PublishedMethod("released configuration(s)", method_preset("maskdm", Tier::paper), config,
                        read_paper_config(config)) {}

  std::vector<std::string> needs() const override;

 private:
  std::vector<NeededFile> files(const Row& row) const override;
  std::set<std::string> networks(const Row& /*row*/) const override { return {}; }  // those of its own are no ADM's
  std::vector<std::string> also_free(const Row& row) const override;
  PlannedRow planned(const Row& row, at::Device device) const override;
  AddDrawing begin(Run& run) const override;

  nlohmann::json settings(const Row& row) const;
};

std::vector<NeededFile> Paper::files(const Row& row) const {
  const PaperConfig& c = config_;
  std::vector<NeededFile> files = {c.published.references.at(row.reference), c.published.inception};
  if (sampled_weights(c, row).present()) {
    files.push_back(sampled_weights(c, row));
    return files;
  }
  files.push_back(c.data.at(row.data));
  if (!row.start.empty() && !trained_before(c, row.start, row)) files.push_back(online_weights(c, row.start));
  return files;
}

nlohmann::json Paper::settings(const Row& row) const {
  const PaperConfig& c = config_;
  const MaskUVitConfig& network = c.nets.at(row.network);
  nlohmann::json stage = to_json(row.phase);
  if (row.phase.steps == 0) stage["steps"] = nullptr;
  return {{"network", to_json(network)},
          {"schedule", row.schedule},
          {"diffusion_steps", 1000},
          {"start", row.start.empty() ? "scratch" : row.start + ", online weights"},
          {"stage", stage},
          {"visible_patches",
           visible_count(row.phase.mask, network.grid()) * static_cast<std::int64_t>(network.bands().size())},
          {"images_share", row.share},
          {"optimizer", to_json(c.optimizer)},
          {"ema_decay", row.ema_decay},
          {"ema_update_every", row.ema_update_every},
          {"sampler", "ddim"},
          {"steps", c.sampling_steps},
          {"eta", c.eta},
          {"quantisation", "trunc(clamp(255 x, 0, 255)) of x in [0, 1]"},
          {"precision", "float32; the released code trains in float16"}};
}

std::vector<std::string> Paper::also_free(const Row& row) const {
  std::vector<std::string> free = {"/data"};
  // A number of steps that nobody published is no departure.
  const nlohmann::json::json_pointer steps = nlohmann::json::json_pointer() / "published" / row.name / "steps";
  if (preset().contains(steps) && preset().at(steps) == 0) free.push_back(steps.to_string());
  for (const auto& [name, network] : config_.nets)
    if (name != row.network) free.push_back("/networks/" + name);
  return free;
}

PlannedRow Paper::planned(const Row& row, at::Device device) const {
  const PaperConfig& c = config_;
  const MaskUVit network(c.nets.at(row.network));
  const NetworkCost cost = network.cost();
  PlannedRow out;
  out.settings = settings(row);
  out.networks = {{"denoiser", row.network, to_json(network.config()), cost}};
  out.flops = static_cast<double>(c.sampling_steps) * cost.flops;
  const std::int64_t sampling = cost.predict_bytes(largest_pass(device));
  out.memory_bytes = sampling;
  if (!sampled_weights(c, row).present()) {
    out.training_flops = static_cast<double>(row.phase.steps) * step_flops(network, row.phase);
    const NetworkCost masked = network.cost(visible_count(row.phase.mask, network.config().grid()));
    // Beside the weights: gradients, two moments and the average.
    out.memory_bytes = std::max(sampling, masked.gradient_pass_bytes(row.phase.batch) + 16 * cost.parameters);
  }
  out.loading_bytes = 8 * cost.parameters;
  return out;
}

std::vector<std::string> Paper::needs() const {
  const PaperConfig& c = config_;
  std::vector<std::string> lines = PublishedMethod::needs();
  for (const Row& row : c.rows)
    if (row.phase.steps == 0 && !sampled_weights(c, row).present())
      lines.push_back(
          fmt::format("published.{0}.steps: the published number is unknown; give one with --set "
                      "published.{0}.steps=N, or put weights at {1}",
                      row.name, sampled_weights(c, row).path.string()));
  return lines;
}

Paper::AddDrawing Paper::begin(Run& run) const {
  const PaperConfig& c = config_;
  for (const Row& row : c.rows)
    if (sampled_weights(c, row).present()) {
      // So that a wrong file is not found after hours of training.
      MaskUVit network(c.nets.at(row.network));
      network.parameters().materialise(0);
      load_mask_uvit(network, SafetensorsFile(sampled_weights(c, row).path), c.final_layer);
    } else {
      note_training_folder(run, row, c.data.at(row.data));
    }
  const auto trained = std::make_shared<std::map<std::string, std::filesystem::path>>();
  return [this, &c, &run, trained](const Row& row, const PlannedRow& /*planned*/, PublishedTask& work) {
    const NeededFile weights = sampled_weights(c, row);
    const auto network = std::make_shared<MaskUVit>(c.nets.at(row.network));
    network->parameters().materialise(run.seed(), run.device());
    if (weights.present()) {
      load_mask_uvit(*network, SafetensorsFile(weights.path), c.final_layer);
    } else {
      (*trained)[row.name] = trained_row(run, c, row, *trained);
      network->parameters().load_partly(SafetensorsFile((*trained)[row.name]), "ema.");
    }
    work.params = {{"steps", c.sampling_steps}, {"eta", c.eta}};
    work.timing =
        fmt::format("{}, {} steps", pass_shape(run.device(), network->config().image_side()), c.sampling_steps);
    work.draw = [&c, &run, network, process = Process(row.schedule), passes = passes(run.device())](
                    std::int64_t first, std::int64_t count, const std::function<void(std::int64_t)>& progress) {
      DrawnImages drawn;
      drawn.bytes =
          draw_images(*network, process, {passes, c.sampling_steps, c.eta}, first, count, run.seed(), progress);
      return drawn;
    };
  };
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<Paper>(config); }

}  // namespace assay::maskdm::paper
