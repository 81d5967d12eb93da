// What a training step of a preset's network takes: forward, backward, and AdamW with the moving average, on one batch.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/file.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/networks/adm/unet.h"
#include "diffusion/networks/vit/mask_uvit.h"
#include "diffusion/training/flat_adamw.h"
#include "kernels/host_tensor.h"
#include "kernels/thread_count.h"
#include "kernels/training/own_gradients.h"
#include "reproductions/text_model.h"

namespace assay {
namespace {

struct Options {
  std::filesystem::path presets, inputs;
  std::string tier = "mini";
  int threads = 1, repetitions = 20;
  std::int64_t batch = 32;
  bool operators = false, composed = false;
};

constexpr std::int64_t clusters = 100;  // classes of the condition of a network without text

/// A network as its training starts, and one batch for it.
struct Subject {
  std::unique_ptr<TrainableDenoiser> network;
  std::int64_t side = 16;
  Condition condition;
  at::Tensor x, target, timesteps;
};

at::Tensor normal(std::vector<std::int64_t> shape, std::uint64_t item) {
  at::Tensor values = at::empty(shape, at::kFloat);
  RandomStream random(0, Purpose::noise, item);
  random.fill_normal({values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  return values;
}

Subject network_of(const Options& o) {
  const nlohmann::json presets = nlohmann::json::parse(read_file(o.presets.string()), nullptr, true, true);
  if (!presets.contains(o.tier)) throw InputError(fmt::format("{}: no tier {}", o.presets.string(), o.tier));
  const nlohmann::json& preset = presets.at(o.tier);
  Subject subject;
  if (preset.contains("text_model")) {
    const TextModelOptions options = read_text_model_options(preset.at("text_model"), "text_model");
    const std::vector<std::string> captions = {"a red circle", "two blue squares", "one green star on a hill"};
    std::unique_ptr<TextToImage> model = make_text_model(options, captions);
    std::vector<std::string> prompts;
    for (std::int64_t i = 0; i < o.batch; ++i) prompts.push_back(captions[static_cast<std::size_t>(i) % 3]);
    model->parameters().materialise(0);
    subject.side = model->latent_shape().back();
    subject.condition.text = model->ids(prompts);
    subject.network = std::move(model);
    return subject;
  }
  if (preset.contains("network")) {
    const MaskUVitConfig config = read_mask_uvit_config(preset.at("network"), "network");
    subject.side = config.img_size;
    subject.network = std::make_unique<MaskUVit>(config);
    subject.network->parameters().materialise(0);
    return subject;
  }
  if (!preset.contains("unet"))
    throw InputError(fmt::format("{}: tier {} has neither unet, network nor text_model", o.presets.string(), o.tier));
  UNetConfig config = read_unet_config(preset.at("unet"), "unet");
  config.cond_dim = clusters;
  subject.side = config.image_size;
  subject.condition.vector = at::zeros({o.batch, clusters});
  for (std::int64_t i = 0; i < o.batch; ++i) subject.condition.vector[i][i % clusters] = 1.0f;
  subject.network = std::make_unique<UNet>(config);
  subject.network->parameters().materialise(0);
  return subject;
}

Subject subject_of(const Options& o) {
  Subject subject = network_of(o);
  if (!o.inputs.empty()) {
    const SafetensorsFile file(o.inputs);
    subject.network->parameters().load_partly(file, "model.");
    subject.x = tensor_of(file, "x");
    subject.target = tensor_of(file, "target");
    subject.timesteps = tensor_of(file, "timesteps");
    if (subject.condition.vector.defined()) subject.condition.vector = tensor_of(file, "condition");
    return subject;
  }
  subject.target = normal({o.batch, 3, subject.side, subject.side}, 1);
  subject.x = normal(subject.target.sizes().vec(), 0) + subject.target;
  subject.timesteps = at::empty({o.batch}, at::kLong);
  for (std::int64_t i = 0; i < o.batch; ++i) subject.timesteps.mutable_data_ptr<std::int64_t>()[i] = i * 1000 / o.batch;
  return subject;
}

/// Time inside LibTorch's operators less that of those they call, by name.
class OperatorTimes {
 public:
  OperatorTimes()
      : handle_(
            at::addThreadLocalCallback(at::RecordFunctionCallback(&OperatorTimes::begin, &OperatorTimes::end)
                                           .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}))) {
    current = this;
  }
  ~OperatorTimes() {
    at::removeCallback(handle_);
    current = nullptr;
  }
  OperatorTimes(const OperatorTimes&) = delete;
  OperatorTimes& operator=(const OperatorTimes&) = delete;

  void print(double total, int steps) const {
    std::vector<std::pair<std::string, Spent>> sorted(spent_.begin(), spent_.end());
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
    fmt::print("{:>7}  {:>7}  {:>6}  operator\n", "ms", "share", "calls");
    for (const auto& [name, spent] : sorted)
      if (spent.seconds > 0.002 * total)
        fmt::print("{:>7.2f}  {:>6.1f}%  {:>6}  {}\n", 1e3 * spent.seconds / steps, 100 * spent.seconds / total,
                   spent.calls / steps, name);
  }

 private:
  struct Open {
    std::string name;
    std::chrono::steady_clock::time_point since;
    double inside = 0;  // of what it called
  };
  struct Spent {
    double seconds = 0;
    int calls = 0;
  };

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    current->open_.push_back({function.name(), std::chrono::steady_clock::now()});
    return nullptr;
  }
  static void end(const at::RecordFunction&, at::ObserverContext*) {
    OperatorTimes& times = *current;
    const Open closed = times.open_.back();
    times.open_.pop_back();
    const double seconds = seconds_since(closed.since);
    Spent& spent = times.spent_[closed.name];
    spent.seconds += seconds - closed.inside;
    ++spent.calls;
    if (!times.open_.empty()) times.open_.back().inside += seconds;
  }

  inline static thread_local OperatorTimes* current = nullptr;
  std::vector<Open> open_;
  std::map<std::string, Spent> spent_;
  at::CallbackHandle handle_;
};

struct Times {
  double forward, backward, update, total, processor;
};

double median(const std::vector<Times>& times, double Times::*part) {
  std::vector<double> values;
  values.reserve(times.size());
  for (const Times& one : times) values.push_back(one.*part);
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// For what compares with peers. One thread's time is the processor's, which other programs hardly lengthen.
void tell(const std::map<std::string, double>& values, const std::vector<Times>& times, int threads) {
  nlohmann::json results = nlohmann::json::array();
  for (const auto& [name, value] : values) results.push_back({{"metric", name}, {"value", value}});
  const double seconds = median(times, threads == 1 ? &Times::processor : &Times::total);
  std::cout << nlohmann::json{{"results", results}, {"seconds", {{"total", seconds}}}}.dump() << '\n';
}

void time_steps(const Options& o) {
  const ThreadCount of_the_process(o.threads);
  std::optional<ComposedGradients> composed;
  if (o.composed) composed.emplace();
  const Subject subject = subject_of(o);
  Parameters& parameters = subject.network->parameters();
  FlatAdamW optimiser(parameters, WeightAverage::ema);
  double loss_value = 0, first_loss = 0;
  const auto step = [&](int number) {
    const std::clock_t before = std::clock();
    const auto started = std::chrono::steady_clock::now();
    optimiser.zero_gradients();
    const at::Tensor loss =
        (subject.network->predict_in_training(subject.x, subject.timesteps, subject.condition, 0) - subject.target)
            .square()
            .mean();
    Times times{};
    times.forward = seconds_since(started);
    loss.backward();
    times.backward = seconds_since(started) - times.forward;
    AdamWStep update;
    update.learning_rate = 1e-4;
    update.step = number + 1;
    update.ema_decay = 0.999;
    optimiser.step(update);
    times.total = seconds_since(started);
    times.update = times.total - times.backward - times.forward;
    times.processor = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    loss_value = loss.item<double>();
    if (number == 0) first_loss = loss_value;
    return times;
  };
  constexpr int untimed = 3;
  for (int i = 0; i < untimed; ++i) step(i);
  std::vector<Times> times;
  for (int i = 0; i < o.repetitions; ++i) times.push_back(step(untimed + i));
  if (!o.inputs.empty()) {
    tell({{"first_loss", first_loss}, {"last_loss", loss_value}}, times, o.threads);
    return;
  }
  fmt::print(
      "{} parameters, batch {}, {} threads, median ms: forward {:.2f}, backward {:.2f}, AdamW and average {:.2f}, step "
      "{:.2f}, of processor time {:.2f}; loss {:.7f}\n",
      parameters.trainable_count(), o.batch, o.threads, 1e3 * median(times, &Times::forward),
      1e3 * median(times, &Times::backward), 1e3 * median(times, &Times::update), 1e3 * median(times, &Times::total),
      1e3 * median(times, &Times::processor), loss_value);
  if (!o.operators) return;
  const OperatorTimes of_operators;
  double total = 0;
  for (int i = 0; i < o.repetitions; ++i) total += step(untimed + o.repetitions + i).total;
  of_operators.print(total, o.repetitions);
}

}  // namespace
}  // namespace assay

int main(int count, char** words) {
  assay::Options o;
  CLI::App app("Times a training step of a preset's network");
  app.add_option("presets", o.presets, "presets.json of a method with a unet or a text_model")->required();
  app.add_option("--inputs", o.inputs,
                 "A file with weights under model., x, target, timesteps and condition; the answer is JSON then");
  app.add_option("--tier", o.tier, "Whose network")->capture_default_str();
  app.add_option("--batch", o.batch, "Images")->check(CLI::Range(1, 1 << 14))->capture_default_str();
  app.add_option("--threads", o.threads, "Threads")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--repetitions", o.repetitions, "Timed steps, of which medians are told")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_flag("--composed", o.composed, "Of LibTorch's operators alone, without ours for gradients");
  app.add_flag("--operators", o.operators, "Then as many steps with the time of each operator");
  CLI11_PARSE(app, count, words);
  try {
    assay::time_steps(o);
  } catch (const assay::InputError& error) {
    std::cerr << "training_step: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "training_step: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
