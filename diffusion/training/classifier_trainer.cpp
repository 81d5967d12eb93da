#include "diffusion/training/classifier_trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/config.h"
#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/guidance/entropy.h"
#include "diffusion/training/checkpoint.h"
#include "diffusion/training/epoch_order.h"

namespace assay {
namespace {

constexpr std::int64_t bins = 15;
/// Streams of a classifier's training lie beyond those of a denoiser's under the same seed, those of a scoring beyond
/// both.
constexpr std::uint64_t training_streams = std::uint64_t{1} << 61, scoring_streams = std::uint64_t{1} << 62;

/// Sums behind ClassifierScores, in double so that a saved state continues to the same bits.
struct Tally {
  static constexpr std::size_t size = 4 + 3 * bins;
  std::array<double, size> sums{};  // count, cross entropy, right, entropy; then count, confidence, right of each bin

  void add(double cross_entropy, double entropy, double confidence, bool right) {
    const double hit = right ? 1.0 : 0.0;
    sums[0] += 1;
    sums[1] += cross_entropy;
    sums[2] += hit;
    sums[3] += entropy;
    const auto bin = static_cast<std::size_t>(
        std::clamp(static_cast<std::int64_t>(confidence * static_cast<double>(bins)), std::int64_t{0}, bins - 1));
    sums[4 + 3 * bin] += 1;
    sums[5 + 3 * bin] += confidence;
    sums[6 + 3 * bin] += hit;
  }

  ClassifierScores scores() const {
    ClassifierScores s;
    const double n = sums[0];
    s.count = static_cast<std::int64_t>(n);
    if (s.count == 0) return s;
    s.cross_entropy = sums[1] / n;
    s.accuracy = sums[2] / n;
    s.entropy = sums[3] / n;
    for (std::size_t b = 4; b < size; b += 3) s.calibration_error += std::abs(sums[b + 1] - sums[b + 2]) / n;
    return s;
  }
};
using Tallies = std::array<Tally, 4>;

QuartileScores scores_of(const Tallies& tallies) {
  return {tallies[0].scores(), tallies[1].scores(), tallies[2].scores(), tallies[3].scores()};
}

/// Adds one batch to the quarters of its time steps; `timesteps` and `labels` on the CPU.
void add_batch(Tallies& tallies, const at::Tensor& logits, const at::Tensor& timesteps, const at::Tensor& labels,
               std::int64_t total) {
  at::NoGradGuard no_grad;
  const at::Tensor host = logits.detach().to(at::kCPU, at::kDouble);
  const EntropyConstraint terms = entropy_constraint(host, labels, 0.0);
  const at::Tensor cross_entropy = terms.cross_entropy.contiguous(), h = entropy(host).contiguous();
  const auto [confidence, guess] = at::softmax(host, 1).max(1);
  const std::int64_t *t = timesteps.const_data_ptr<std::int64_t>(), *y = labels.const_data_ptr<std::int64_t>(),
                     *best = guess.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < host.size(0); ++i)
    tallies[static_cast<std::size_t>(4 * t[i] / total)].add(cross_entropy.const_data_ptr<double>()[i],
                                                            h.const_data_ptr<double>()[i],
                                                            confidence.const_data_ptr<double>()[i], best[i] == y[i]);
}

/// Clean images, their classes and time steps (on the CPU), and what noising takes.
struct Batch {
  Batch(const LabelledSet& set, std::int64_t size)
      : index(at::empty({size}, at::kLong)),
        timesteps(at::empty({size}, at::kLong)),
        labels(at::empty({size}, at::kLong)),
        signal(at::empty({size, 1, 1, 1}, at::kFloat)),
        scale(at::empty({size, 1, 1, 1}, at::kFloat)),
        flip(at::empty({size, 1, 1, 1}, at::kBool)),
        noise(at::empty({size, set.images.size(1), set.images.size(2), set.images.size(3)}, at::kFloat)) {}

  void put(std::int64_t i, const LabelledSet& set, const NoiseSchedule& schedule, std::int64_t image, std::int64_t t,
           bool mirrored, RandomStream& random) {
    const std::int64_t pixels = noise.numel() / noise.size(0);
    const double alpha_bar = schedule.alpha_bar[static_cast<std::size_t>(t)];
    index.mutable_data_ptr<std::int64_t>()[i] = image;
    timesteps.mutable_data_ptr<std::int64_t>()[i] = t;
    labels.mutable_data_ptr<std::int64_t>()[i] = set.labels[static_cast<std::size_t>(image)];
    signal.mutable_data_ptr<float>()[i] = static_cast<float>(std::sqrt(alpha_bar));
    scale.mutable_data_ptr<float>()[i] = static_cast<float>(std::sqrt(1 - alpha_bar));
    flip.mutable_data_ptr<bool>()[i] = mirrored;
    random.fill_normal({noise.mutable_data_ptr<float>() + i * pixels, static_cast<std::size_t>(pixels)});
  }

  at::Tensor noised(const LabelledSet& set) const {
    const at::Device device = set.images.device();
    at::Tensor x0 = at::index_select(set.images, 0, index.to(device));
    x0 = at::where(flip.to(device), x0.flip({3}), x0);
    return signal.to(device) * x0 + scale.to(device) * noise.to(device);
  }

  at::Tensor index, timesteps, labels, signal, scale, flip, noise;
};

void save_tallies(SafetensorsWriter& writer, const Tallies& tallies) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Tally& tally : tallies) rows.push_back(tally.sums);
  writer.add_metadata("last", rows.dump());
}

void load_tallies(const SafetensorsFile& file, Tallies& tallies) {
  try {
    const auto rows = nlohmann::json::parse(checkpoint_metadata(file, "last"));
    for (std::size_t q = 0; q < tallies.size(); ++q)
      tallies[q].sums = rows.at(q).get<std::array<double, Tally::size>>();
  } catch (const nlohmann::json::exception&) {
    throw InputError(fmt::format("{}: its scores are unreadable; remove it to train anew", file.path()));
  }
}

void check_set(const Classifier& classifier, const LabelledSet& set) {
  if (set.images.dim() != 4 || static_cast<std::int64_t>(set.labels.size()) != set.images.size(0) || set.labels.empty())
    throw InputError(fmt::format("classifier: {} labels for images of {} axes; accepted: [N, C, H, W] and N labels",
                                 set.labels.size(), set.images.dim()));
  for (std::size_t i = 0; i < set.labels.size(); ++i)
    if (set.labels[i] < 0 || set.labels[i] >= classifier.classes())
      throw InputError(fmt::format("classifier: label {} of image {} is out of range; accepted: 0 to {}", set.labels[i],
                                   i, classifier.classes() - 1));
}

}  // namespace

ClassifierTrainOptions read_classifier_train_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  ClassifierTrainOptions o;
  o.steps = reader.integer("steps", o.steps, 1);
  o.batch = reader.integer("batch", o.batch, 1, 1 << 16);
  o.learning_rate = reader.real("learning_rate", o.learning_rate, 1e-9, 1.0);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 10.0);
  o.beta1 = reader.real("beta1", o.beta1, 0.0, 0.9999999);
  o.beta2 = reader.real("beta2", o.beta2, 0.0, 0.9999999);
  o.entropy_weight = reader.real("entropy_weight", o.entropy_weight, 0.0, 100.0);
  o.flip = reader.boolean("flip", o.flip);
  reader.finish();
  return o;
}

nlohmann::json to_json(const ClassifierTrainOptions& o) {
  return {
      {"steps", o.steps}, {"batch", o.batch}, {"learning_rate", o.learning_rate},   {"weight_decay", o.weight_decay},
      {"beta1", o.beta1}, {"beta2", o.beta2}, {"entropy_weight", o.entropy_weight}, {"flip", o.flip}};
}

ClassifierTrainReport train_classifier(EncoderUNet& network, const NoiseSchedule& schedule, const LabelledSet& set,
                                       const ClassifierTrainOptions& options, std::uint64_t seed,
                                       const std::filesystem::path& file, const std::string& identity,
                                       double checkpoint_seconds,
                                       const std::function<void(std::int64_t, double)>& progress) {
  check_set(network, set);
  Tallies last = {};
  ResumableTraining training(network.parameters(), WeightAverage::none, options.steps,
                             {file, identity, checkpoint_seconds},
                             {[&](SafetensorsWriter& state) { save_tallies(state, last); },
                              [&](const SafetensorsFile& state) { load_tallies(state, last); }});

  const at::Device device = set.images.device();
  EpochOrder order(set.images.size(0), seed, training_streams);
  while (!training.finished()) {
    const std::int64_t done = training.step();
    Batch batch(set, options.batch);
    for (std::int64_t i = 0; i < options.batch; ++i) {
      const std::int64_t example = done * options.batch + i;
      RandomStream random(seed, Purpose::training, training_streams + static_cast<std::uint64_t>(example));
      const auto t = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(schedule.steps())));
      const bool mirrored = options.flip && random.uniform() < 0.5;
      batch.put(i, set, schedule, order.image(example), t, mirrored, random);
    }

    const std::uint64_t dropout_seed =
        RandomStream(seed, Purpose::augment, training_streams + static_cast<std::uint64_t>(done)).bits64();
    const at::Tensor logits = network.forward(batch.noised(set), batch.timesteps.to(device), dropout_seed);
    const at::Tensor loss = entropy_constraint(logits, batch.labels.to(device), options.entropy_weight).loss.mean();
    training.backward(loss);

    AdamWStep step;
    step.learning_rate = options.learning_rate * (1 - static_cast<double>(done) / static_cast<double>(options.steps));
    step.beta1 = options.beta1;
    step.beta2 = options.beta2;
    step.weight_decay = options.weight_decay;
    const double value = training.descend(step);
    if (10 * done >= 9 * options.steps) add_batch(last, logits, batch.timesteps, batch.labels, schedule.steps());

    training.save_when_due();
    if (progress) progress(training.step(), value);
  }
  return {training.finish(), scores_of(last)};
}

void load_classifier(EncoderUNet& network, const std::filesystem::path& file, const std::string& identity) {
  const SafetensorsFile checkpoint(file);
  check_checkpoint_identity(checkpoint, identity);
  network.parameters().load_partly(checkpoint, "model.");
}

QuartileScores score_classifier(const Classifier& classifier, const NoiseSchedule& schedule, const LabelledSet& set,
                                std::int64_t draws, std::uint64_t seed, std::int64_t batch) {
  check_set(classifier, set);
  if (draws < 1 || schedule.steps() < 4)
    throw InputError(fmt::format("classifier: {} draws of each quarter of {} steps; accepted: at least 1, and 4 steps",
                                 draws, schedule.steps()));
  at::NoGradGuard no_grad;
  const std::int64_t images = set.images.size(0), total = schedule.steps(), examples = 4 * draws * images;
  Tallies tallies;
  for (std::int64_t begin = 0; begin < examples; begin += batch) {
    const std::int64_t size = std::min(batch, examples - begin);
    Batch part(set, size);
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t example = begin + i, quarter = example % 4;
      RandomStream random(seed, Purpose::noise, scoring_streams + static_cast<std::uint64_t>(example));
      // The first step of a quarter is the first t with 4 t / T = quarter.
      const std::int64_t low = (quarter * total + 3) / 4, high = ((quarter + 1) * total + 3) / 4;
      const auto t = low + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low)));
      part.put(i, set, schedule, example / (4 * draws), t, false, random);
    }
    const at::Tensor logits = classifier.logits(part.noised(set), part.timesteps.to(set.images.device()));
    add_batch(tallies, logits, part.timesteps, part.labels, total);
  }
  return scores_of(tallies);
}

}  // namespace assay
