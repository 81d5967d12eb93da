// One forward pass of a UNet of Stable Diffusion as a model that only predicts makes it: weights packed, no gradient.
// Weights and inputs from a folder that diffusers wrote, or random ones of a configuration.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/file.h"
#include "core/process_memory.h"
#include "core/safetensors.h"
#include "diffusion/networks/computing_type.h"
#include "diffusion/networks/parameters.h"
#include "diffusion/networks/sd/unet.h"
#include "kernels/host_tensor.h"
#include "kernels/thread_count.h"

namespace assay {
namespace {

struct Options {
  std::filesystem::path folder;
  bool random = false;
  std::string dtype = "f32";
  int threads = 1, repetitions = 1, batch = 2, side = 64;
};

struct Inputs {
  at::Tensor latents, timesteps, text;
};

Inputs inputs_of(const Options& o, const SdUNet& unet) {
  if (!o.random) {
    const SafetensorsFile file(o.folder / "inputs.safetensors");
    return {tensor_of(file, "latents"), tensor_of(file, "timesteps"), tensor_of(file, "text")};
  }
  const at::TensorOptions f32 = at::TensorOptions().dtype(at::kFloat);
  return {at::ones({o.batch, unet.config().in_channels, o.side, o.side}, f32),
          at::ones({o.batch}, f32.dtype(at::kLong)) * 500, at::ones({o.batch, 77, unet.text_width()}, f32)};
}

void run(const Options& o) {
  const ThreadCount of_the_process(o.threads);
  const at::NoGradGuard no_grad;
  const at::ScalarType type = o.dtype == "bf16" ? at::kBFloat16 : o.dtype == "f16" ? at::kHalf : at::kFloat;
  const std::string config = (o.folder / "config.json").string();
  Parameters parameters;
  const SdUNet unet(parameters, read_sd_unet_config(nlohmann::json::parse(read_file(config)), config));
  if (o.random)
    parameters.materialise_to_predict(1, type);
  else
    parameters.load_to_predict(std::make_shared<SafetensorsFile>(o.folder / "diffusion_pytorch_model.safetensors"), {},
                               type);
  parameters.pack();
  const Inputs inputs = inputs_of(o, unet);

  at::Tensor predicted;
  std::vector<double> wall, processor;
  // The first call looks at every page of a file: it counts where no other is asked for.
  for (int call = 0; call <= o.repetitions; ++call) {
    const auto started = std::chrono::steady_clock::now();
    const std::clock_t before = std::clock();
    predicted = unet(inputs.latents, inputs.timesteps, inputs.text);
    if (call == 0 && o.repetitions > 0) continue;
    wall.push_back(seconds_since(started));
    processor.push_back(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
  }
  nlohmann::json results = nlohmann::json::array();
  const auto tell = [&](const std::string& name, double value) {
    results.push_back({{"metric", name}, {"value", value}});
  };
  tell("norm", predicted.norm().item<double>());
  const at::Tensor values = predicted.flatten();
  for (std::int64_t i = 0; i < 16; ++i) tell(fmt::format("value{}", i), values[i * values.numel() / 16].item<double>());
  const auto median = [](std::vector<double> numbers) {
    std::sort(numbers.begin(), numbers.end());
    return numbers[numbers.size() / 2];
  };
  std::cout << nlohmann::json{{"results", results},
                              {"seconds", {{"total", median(wall)}, {"processor", median(processor)}}},
                              {"computes_in_float32", computing_type(type, at::kCPU) == at::kFloat},
                              {"peak", peak_memory_bytes().value_or(0)}}
                   .dump()
            << '\n';
}

}  // namespace
}  // namespace assay

int main(int count, char** words) {
  assay::Options o;
  CLI::App app("Times a forward pass of a UNet of Stable Diffusion, and tells the most memory that was resident");
  app.add_option("folder", o.folder, "With config.json, and weights and inputs.safetensors unless they are random")
      ->required();
  app.add_flag("--random", o.random, "Random weights, inputs of ones");
  app.add_option("--dtype", o.dtype, "What weights are kept in: f32, bf16 or f16")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "Threads")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--repetitions", o.repetitions,
                 "Timed calls after a first one, of which the median is told; 0: that one")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--batch", o.batch, "Of random inputs")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--side", o.side, "Of random latents")->check(CLI::Range(1, 1024))->capture_default_str();
  CLI11_PARSE(app, count, words);
  try {
    assay::run(o);
  } catch (const assay::InputError& error) {
    std::cerr << "unet_forward: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "unet_forward: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
