// What hiding patches saves: the time and the peak memory of a MaskDM training step at several mask rates, beside the
// FLOPs that its network counts. All rates take turns in one process; memory is measured in a process for each.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/process_memory.h"
#include "kernels/thread_count.h"
#include "reproductions/maskdm/algorithm/step_cost.h"

namespace assay {
namespace {

using maskdm::CostedStep;
using maskdm::MaskOptions;

struct Options {
  std::int64_t image = 64, patch = 4, width = 512, depth = 13, heads = 8, batch = 32;
  std::string kind = "patch";
  std::int64_t block = 4;
  std::vector<double> rates = {0.5, 0.75, 0.9};
  std::vector<int> threads = {1, 2};
  int repetitions = 5;
  bool json = false;
  int memory_of = -1;  // which mask a process started by this one measures
};

MaskUVitConfig network_of(const Options& o) {
  return read_mask_uvit_config({{"img_size", o.image},
                                {"patch_size", o.patch},
                                {"encoder_embed_dim", o.width},
                                {"encoder_depth", o.depth},
                                {"encoder_heads", o.heads}},
                               "network");
}

/// Nothing hidden first: what the others are compared with.
std::vector<MaskOptions> masks_of(const Options& o) {
  std::vector<MaskOptions> masks(1);
  for (const double rate : o.rates)
    masks.push_back(maskdm::read_mask_options({{"kind", o.kind}, {"rate", rate}, {"block", o.block}}, "mask",
                                              network_of(o).grid()));
  return masks;
}

std::int64_t known_process_memory(const std::string& name) {
  const auto size = process_memory(name);
  if (!size) throw Error("/proc/self/status: no " + name);
  return *size;
}

struct Memory {
  std::int64_t state = 0;  // resident once network, optimiser and batch are there
  std::int64_t peak = 0;   // the most resident in two steps
  std::int64_t step() const { return peak - state; }
};

Memory measure_memory(const Options& o) {
  CostedStep step(network_of(o), o.batch);
  Memory memory;
  memory.state = known_process_memory("VmRSS");
  const MaskOptions mask = masks_of(o)[static_cast<std::size_t>(o.memory_of)];
  step.seconds(mask);
  step.seconds(mask);
  memory.peak = known_process_memory("VmHWM");
  return memory;
}

/// The same in a process of its own, where nothing else was ever allocated.
Memory memory_in_another_process(const Options& o, std::size_t mask) {
  std::string rates;
  for (const double rate : o.rates) rates += fmt::format(" {}", rate);
  const std::string command = fmt::format(
      "'{}' --image {} --patch {} --width {} --depth {} --heads {} --batch {} --mask {} --block {} --rates{} "
      "--threads {} --memory-of {}",
      std::filesystem::read_symlink("/proc/self/exe").string(), o.image, o.patch, o.width, o.depth, o.heads, o.batch,
      o.kind, o.block, rates, o.threads.front(), mask);
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) throw Error("cannot start a process to measure memory");
  Memory memory;
  long long state = 0, peak = 0;
  const int read = std::fscanf(pipe, "%lld %lld", &state, &peak);
  if (::pclose(pipe) != 0 || read != 2) throw Error("the process that measures memory failed");
  memory.state = state;
  memory.peak = peak;
  return memory;
}

/// One step: wall time, and the processor time of all threads, which other programs on the machine do not lengthen.
struct StepTime {
  double wall = 0, processor = 0;
};

StepTime timed(CostedStep& step, const MaskOptions& mask) {
  const std::clock_t before = std::clock();
  StepTime time;
  time.wall = step.seconds(mask);
  time.processor = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  return time;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void run(const Options& o) {
  if (o.memory_of >= 0) {
    const ThreadCount of_the_process(o.threads.front());
    const Memory memory = measure_memory(o);
    fmt::print("{} {}\n", memory.state, memory.peak);
    return;
  }
  const std::vector<MaskOptions> masks = masks_of(o);
  const MaskUVitConfig network = network_of(o);
  std::vector<Memory> memory;
  for (std::size_t i = 0; i < masks.size(); ++i) memory.push_back(memory_in_another_process(o, i));

  CostedStep step(network, o.batch);
  nlohmann::json rows = nlohmann::json::array();
  if (!o.json) {
    fmt::print(
        "MaskDM {} px, patches of {} (N = {}), d = {}, {} blocks, {:.1f} M parameters; batch {}, {} steps each\n",
        o.image, o.patch, network.patches(), o.width, o.depth / 2 * 2 + 1, static_cast<double>(step.parameters()) / 1e6,
        o.batch, o.repetitions);
    fmt::print("{:>7}  {:<9}  {:>7}  {:>8}  {:<19}  {:>7}  {:>5}  {:>10}  {:>8}  {:>11}  {:>8}  {:>5}  {:>8}\n",
               "threads", "mask", "visible", "median s", "lowest to highest", "GFLOP/s", "ratio", "FLOP ratio",
               "quotient", "by CPU time", "step MiB", "ratio", "peak MiB");
  }
  for (const int threads : o.threads) {
    const ThreadCount of_these_steps(threads);
    std::vector<std::vector<double>> seconds(masks.size()), processor(masks.size());
    for (const MaskOptions& mask : masks) step.seconds(mask);
    for (int repetition = 0; repetition < o.repetitions; ++repetition)
      for (std::size_t i = 0; i < masks.size(); ++i) {
        const StepTime time = timed(step, masks[i]);
        seconds[i].push_back(time.wall);
        processor[i].push_back(time.processor);
      }
    for (std::size_t i = 0; i < masks.size(); ++i) {
      const double time = median(seconds[i]), ratio = time / median(seconds[0]);
      const double processor_ratio = median(processor[i]) / median(processor[0]);
      const double flops = step.flops(masks[i]), flop_ratio = flops / step.flops(masks[0]);
      const double memory_ratio = static_cast<double>(memory[i].step()) / static_cast<double>(memory[0].step());
      const auto [lowest, highest] = std::minmax_element(seconds[i].begin(), seconds[i].end());
      const std::int64_t visible = maskdm::visible_count(masks[i], network.grid());
      if (o.json) {
        rows.push_back({{"threads", threads},
                        {"mask", maskdm::to_json(masks[i])},
                        {"visible", visible},
                        {"seconds", seconds[i]},
                        {"processor_seconds", processor[i]},
                        {"flops", flops},
                        {"time_ratio", ratio},
                        {"flop_ratio", flop_ratio},
                        {"quotient", ratio / flop_ratio},
                        {"processor_quotient", processor_ratio / flop_ratio},
                        {"state_bytes", memory[i].state},
                        {"peak_bytes", memory[i].peak}});
        continue;
      }
      constexpr double mebi = 1024.0 * 1024.0;
      const std::string name = i == 0 ? "none" : fmt::format("{} {:g}", o.kind, masks[i].rate);
      fmt::print(
          "{:>7}  {:<9}  {:>7}  {:>8.3f}  {:>8.3f} to {:>7.3f}  {:>7.1f}  {:>5.3f}  {:>10.3f}  {:>8.2f}  {:>11.2f}  "
          "{:>8.0f}  {:>5.3f}  {:>8.0f}\n",
          threads, name, visible, time, *lowest, *highest, flops / time / 1e9, ratio, flop_ratio, ratio / flop_ratio,
          processor_ratio / flop_ratio, static_cast<double>(memory[i].step()) / mebi, memory_ratio,
          static_cast<double>(memory[i].peak) / mebi);
    }
  }
  if (o.json) {
    const nlohmann::json config = {{"network", to_json(network)}, {"batch", o.batch}};
    std::cout << nlohmann::json{{"config", config}, {"parameters", step.parameters()}, {"rows", rows}}.dump() << '\n';
  }
}

}  // namespace
}  // namespace assay

int main(int count, char** words) {
  assay::Options o;
  CLI::App app("Time and peak memory of a MaskDM training step at several mask rates, beside its FLOPs");
  app.add_option("--image", o.image, "Pixels a side")->capture_default_str();
  app.add_option("--patch", o.patch, "Pixels a side of a patch")->capture_default_str();
  app.add_option("--width", o.width, "Of the tokens")->capture_default_str();
  app.add_option("--depth", o.depth, "Blocks")->capture_default_str();
  app.add_option("--heads", o.heads, "Of attention")->capture_default_str();
  app.add_option("--batch", o.batch, "Images")->check(CLI::Range(1, 1 << 14))->capture_default_str();
  app.add_option("--mask", o.kind, "patch or block")->check(CLI::IsMember({"patch", "block"}))->capture_default_str();
  app.add_option("--block", o.block, "Patches a side of a block")->capture_default_str();
  app.add_option("--rates", o.rates, "Mask rates beside 0")->capture_default_str();
  app.add_option("--threads", o.threads, "Numbers of threads")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--repetitions", o.repetitions, "Steps of each rate")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--json", o.json, "One JSON object instead of a table");
  app.add_option("--memory-of", o.memory_of)->group("");
  CLI11_PARSE(app, count, words);
  try {
    assay::run(o);
  } catch (const assay::InputError& error) {
    std::cerr << "masked_step_cost: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "masked_step_cost: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
