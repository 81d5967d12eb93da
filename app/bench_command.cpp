#include "app/bench_command.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <thread>

#include "bench/harness/machine.h"
#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/interrupt.h"
#include "store/recorder.h"

extern char** environ;

namespace assay {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

double seconds_of_unit(const std::string& unit) {
  if (unit == "ns") return 1e-9;
  if (unit == "us") return 1e-6;
  if (unit == "ms") return 1e-3;
  if (unit == "s") return 1.0;
  throw InputError(fmt::format("benchmark output: unknown time unit '{}'", unit));
}

/// Waits for a process; ends it where the user asks to stop, which a terminal tells both and `kill` only us.
int status_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (interrupt_requested()) {
      ::kill(child, SIGTERM);
      ::waitpid(child, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return status;
}

/// Runs a program with its table going to our stderr; returns its JSON output.
nlohmann::json run_program(const std::filesystem::path& program, const std::string& filter, int repetitions,
                           double min_time) {
  const std::filesystem::path out =
      std::filesystem::temp_directory_path() / fmt::format("assay-bench-{}.json", ::getpid());
  std::vector<std::string> words = {program.string(),
                                    "--benchmark_out=" + out.string(),
                                    "--benchmark_out_format=json",
                                    fmt::format("--benchmark_repetitions={}", repetitions),
                                    fmt::format("--benchmark_min_time={}", min_time),
                                    "--benchmark_enable_random_interleaving=true",
                                    "--benchmark_filter=" + (filter.empty() ? std::string(".") : filter)};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  const int failure = ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw Error(fmt::format("{}: cannot be started", program.string()));
  const int status = status_of(child);
  const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  const std::string text = ended_well ? read_file(out) : "";
  std::error_code ignored;
  std::filesystem::remove(out, ignored);
  stop_if_interrupted();
  if (!ended_well) throw Error(fmt::format("{}: failed", program.string()));
  // A filter that matches nothing leaves an empty file.
  return text.empty() ? nlohmann::json{{"benchmarks", nlohmann::json::array()}} : parse_json(text, program.string());
}

std::vector<TimingRow> measure(const BenchCommand& options) {
  const auto programs =
      benchmark_programs(std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bench");
  std::vector<TimingRow> all;
  for (const auto& program : programs) {
    auto rows = timings_from_benchmark(run_program(program, options.filter, options.repetitions, options.min_time));
    all.insert(all.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  }
  if (all.empty()) throw InputError(fmt::format("--filter '{}': matches no benchmark", options.filter));
  return all;
}

}  // namespace

int bench_action(const BenchCommand& options, const std::string& command_line) {
  std::vector<TimingRow> all;
  if (!options.imported.empty())
    all = timings_from_benchmark(parse_json(read_file(options.imported), options.imported.string()), "peers");
  ensure_folder(options.store.has_parent_path() ? options.store.parent_path() : std::filesystem::path("."));
  Store store = Store::open_or_create(options.store);
  Recorder recorder(store);
  if (options.imported.empty()) all = measure(options);
  BatchRow batch;
  batch.command = command_line;
  batch.config = {{"filter", options.filter}, {"repetitions", options.repetitions}};
  const RowId id = recorder.begin_batch(batch);
  const nlohmann::json machine = machine_description();
  for (TimingRow& row : all) {
    row.batch = id;
    row.machine = machine;
    row.code_version = code_version();
  }
  recorder.add_timings(all);
  if (options.json) {
    nlohmann::json list = nlohmann::json::array();
    for (const TimingRow& row : all)
      list.push_back({{"op", row.op},
                      {"variant", row.variant},
                      {"shape", row.shape},
                      {"dtype", row.dtype},
                      {"device", row.device},
                      {"repetition", row.repetition},
                      {"seconds", row.seconds},
                      {"bytes", row.bytes.value_or(0)},
                      {"flops", row.flops.value_or(0)}});
    std::cout << nlohmann::json{{"timings", list}}.dump() << '\n';
  } else {
    fmt::print("{} repetitions recorded in {}\n", all.size(), options.store.string());
  }
  return 0;
}

std::vector<TimingRow> timings_from_benchmark(const nlohmann::json& output, const std::string& kind) {
  std::vector<TimingRow> rows;
  try {
    for (const nlohmann::json& entry : output.at("benchmarks")) {
      if (entry.at("run_type") != "iteration") continue;
      if (entry.value("error_occurred", false)) continue;
      const auto label = split(entry.at("label").get<std::string>(), '/');
      if (label.size() != 5)
        throw InputError(fmt::format("benchmark '{}': its label must be op/variant/shape/dtype/device",
                                     entry.at("name").get<std::string>()));
      TimingRow row;
      row.op = kind + "/" + label[0];
      row.variant = label[1];
      row.shape = label[2];
      row.dtype = label[3];
      row.device = label[4];
      row.threads = entry.value("threads", 1);
      row.repetition = entry.value("repetition_index", 0);
      row.seconds = entry.at("real_time").get<double>() * seconds_of_unit(entry.at("time_unit").get<std::string>());
      row.items = 1;
      row.item_unit = "calls";
      if (entry.contains("bytes")) row.bytes = entry.at("bytes").get<double>();
      if (entry.contains("peak_memory")) row.peak_memory_bytes = entry.at("peak_memory").get<std::int64_t>();
      if (entry.contains("flops")) row.flops = entry.at("flops").get<double>();
      rows.push_back(std::move(row));
    }
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("benchmark output: {}", error.what()));
  }
  return rows;
}

std::vector<std::filesystem::path> benchmark_programs(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> programs;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.is_regular_file() && entry.path().extension().empty() && ::access(entry.path().c_str(), X_OK) == 0)
        programs.push_back(entry.path());
  if (programs.empty())
    throw InputError(fmt::format("{}: no benchmark programs here; build with ASSAY_BUILD_BENCH=ON", folder.string()));
  std::sort(programs.begin(), programs.end());
  return programs;
}

}  // namespace assay
