#include "bench/harness/method_runs.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "bench/harness/device.h"
#include "bench/harness/machine.h"
#include "bench/harness/published_rows.h"
#include "bench/harness/recorded_run.h"
#include "bench/harness/verdicts.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "kernels/thread_count.h"
#include "store/query.h"

namespace assay {
namespace {

/// Threads of run `position` of `count` runs on `total` threads.
int threads_of(std::size_t position, std::size_t count, int total) {
  const int share = std::max(1, total / static_cast<int>(count));
  const auto workers = static_cast<std::size_t>(std::max(1, total / share));
  const std::size_t last_round = count % workers;
  return position + last_round < count ? share : std::max(share, total / static_cast<int>(last_round));
}

/// What all seeds share is made first, one product a thread, so that no seed waits for another.
void make_shared_products(const BatchPlace& place, const Method& method, RecordedRun& run) {
  const auto products = method.shared_products();
  parallel_for(std::ssize(products), place.device.is_cpu() ? place.threads : 1, [&](std::int64_t i, int) {
    const ThreadCount one(1);
    products[static_cast<std::size_t>(i)](run);
  });
}

/// Executes tasks and records how each ended.
class TaskRunner {
 public:
  TaskRunner(const BatchPlace& place, const ConfiguredMethod& configured, RunContext& context)
      : place_(place), method_(*configured.method), config_(configured.config), context_(context) {}

  /// Runs of equal share go side by side; the next share begins when they are done. The other seeds go on where one
  /// fails; what is wrong with the input is told when they have ended.
  void execute_all(const std::vector<RunTask>& tasks) {
    for (std::size_t begin = 0, end = 0; begin < tasks.size(); begin = end) {
      while (end < tasks.size() && tasks[end].threads == tasks[begin].threads) ++end;
      const int workers = place_.device.is_cpu() ? std::max(1, place_.threads / tasks[begin].threads) : 1;
      parallel_for(static_cast<std::int64_t>(end - begin), workers, [&](std::int64_t i, int) {
        const std::size_t at = begin + static_cast<std::size_t>(i);
        execute(tasks[at], at >= static_cast<std::size_t>(workers));
      });
    }
    if (bad_input_) std::rethrow_exception(bad_input_);
  }

 private:
  /// `waited`: it was recorded as running while others were executed. Throws nothing but what the store throws.
  void execute(const RunTask& task, bool waited) {
    const ThreadCount share(task.threads);
    try {
      if (waited) {
        const std::lock_guard lock(context_.recorder_lock);
        place_.recorder.start_run(task.run);
      }
      RecordedRun run(context_, task.run, config_, task.seed);
      method_.run(run);
      finish(task, RunStatus::done, "");
    } catch (const Interrupted&) {
      finish(task, RunStatus::interrupted, "interrupted by the user");
    } catch (const std::exception& error) {
      finish(task, RunStatus::failed, error.what());
      const std::lock_guard lock(context_.recorder_lock);
      if (dynamic_cast<const InputError*>(&error) && !bad_input_) bad_input_ = std::current_exception();
    }
  }

  void finish(const RunTask& task, RunStatus status, const std::string& reason) {
    const std::lock_guard lock(context_.recorder_lock);
    place_.recorder.finish_run(task.run, status, reason);
  }

  const BatchPlace& place_;
  const Method& method_;
  const nlohmann::json& config_;
  RunContext& context_;
  std::exception_ptr bad_input_;  // the first one
};

/// Judges the contrasts and claims over the finished runs of the batch, and records them with the published numbers.
void record_verdicts(const BatchPlace& place, const ConfiguredMethod& configured) {
  const MethodEntry& entry = *configured.entry;
  const Query query(place.store);
  const std::vector<Claim> claims = claims_in(entry.claims(), configured.tier, configured.config);
  const Verdicts verdicts = judge(query, place.batch, entry.id, configured.method->plan(), claims);
  // The scores may have been recorded by an earlier process: name their protocols to this one.
  for (const ProtocolRow& protocol : query.protocols())
    for (const ComparisonRow& row : verdicts.comparisons)
      if (row.protocol_id == protocol.id) place.recorder.upsert_protocol(protocol);
  place.recorder.add_comparisons(verdicts.comparisons);
  place.recorder.add_claims(verdicts.claims);
  place.recorder.add_published(published_rows(place.batch, entry, configured.config));
}

}  // namespace

MethodRuns method_runs(ConfiguredMethod configured) {
  for (const std::string& missing : configured.method->needs()) throw InputError("missing: " + missing);
  MethodRuns runs{std::move(configured), nullptr, {}};
  const nlohmann::json& config = runs.configured.config;
  if (config.contains("dataset")) runs.dataset = open_dataset(read_dataset_spec(config.at("dataset"), "dataset"));
  return runs;
}

std::vector<RunTask> unfinished_tasks(const std::vector<RunRow>& runs, const std::string& method, at::Device device,
                                      int threads) {
  const auto count = static_cast<std::size_t>(
      std::count_if(runs.begin(), runs.end(), [&](const RunRow& run) { return run.method == method; }));
  std::vector<RunTask> tasks;
  std::size_t position = 0;
  for (const RunRow& run : runs) {
    if (run.method != method) continue;
    const int share = device.is_cpu() ? threads_of(position++, count, threads) : threads;
    if (run.status != RunStatus::done) tasks.push_back({run.id, static_cast<std::uint64_t>(run.seed), share});
  }
  return tasks;
}

void execute_tasks(const BatchPlace& place, const MethodRuns& of_method) {
  const ConfiguredMethod& configured = of_method.configured;
  if (!of_method.tasks.empty()) {
    RunContext context;
    context.recorder = &place.recorder;
    context.folder = place.store.folder();
    context.device = place.device;
    context.checkpoint_seconds = place.checkpoint_seconds;
    context.device_name = device_description(place.device);
    context.machine = machine_description();
    context.dataset = of_method.dataset;
    const RunTask& first = of_method.tasks.front();
    RecordedRun of_all(context, first.run, configured.config, first.seed);
    make_shared_products(place, *configured.method, of_all);
    TaskRunner(place, configured, context).execute_all(of_method.tasks);
  }
  stop_if_interrupted();
}

void execute_method(const BatchPlace& place, const MethodRuns& of_method) {
  execute_tasks(place, of_method);
  record_verdicts(place, of_method.configured);
}

}  // namespace assay
