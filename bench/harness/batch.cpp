#include "bench/harness/batch.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/harness/device.h"
#include "bench/harness/machine.h"
#include "bench/harness/method_runs.h"
#include "core/error.h"
#include "core/file.h"
#include "store/query.h"

namespace assay {
namespace {

std::vector<RunRow> runs_of(const Store& store, RowId batch) {
  RunFilter filter;
  filter.batch = batch;
  return Query(store).runs(filter);
}

/// Executes the methods of a batch whose runs are recorded as running. Where that ends early, the runs that it leaves
/// have ended as well: interrupted by the user (BatchInterrupted), or failed for the same reason.
void execute_batch(const BatchPlace& place, const std::vector<MethodRuns>& methods) {
  const auto end_the_rest = [&](RunStatus status, const std::string& reason) {
    for (const RunRow& run : runs_of(place.store, place.batch))
      if (run.status == RunStatus::running) place.recorder.finish_run(run.id, status, reason);
  };
  try {
    for (const MethodRuns& of_method : methods) execute_method(place, of_method);
  } catch (const Interrupted&) {
    end_the_rest(RunStatus::interrupted, "interrupted by the user");
    throw BatchInterrupted(runs_of(place.store, place.batch).front().id);
  } catch (const std::exception& error) {
    try {
      end_the_rest(RunStatus::failed, error.what());
    } catch (const Error&) {
      // A store that cannot be written is what failed; the first error says so.
    }
    throw;
  }
}

/// The runs of a new batch, method by method.
std::vector<RunRow> new_runs(const std::vector<MethodRuns>& methods, const std::vector<std::int64_t>& seeds,
                             at::Device device) {
  std::vector<RunRow> runs;
  for (const MethodRuns& of_method : methods)
    for (const std::int64_t seed : seeds) {
      RunRow run;
      run.method = of_method.configured.entry->id;
      run.tier = name_of(of_method.configured.tier);
      if (of_method.dataset) {
        run.dataset = of_method.dataset->name();
        run.dataset_hash = of_method.dataset->hash();
      }
      run.seed = seed;
      run.config = of_method.configured.config;
      run.code_version = code_version();
      run.device = device_description(device);
      run.driver = device.is_cpu() ? "" : driver_version();
      run.libraries = library_versions();
      run.machine = machine_description();
      runs.push_back(std::move(run));
    }
  return runs;
}

/// The methods of a recorded batch. Throws InputError where a configuration or a data set is no longer what it was.
std::vector<MethodRuns> recorded_methods(const std::vector<RunRow>& runs, std::int64_t asked) {
  std::vector<MethodRuns> methods;
  for (const RunRow& run : runs) {
    if (std::any_of(methods.begin(), methods.end(),
                    [&](const MethodRuns& m) { return m.configured.entry->id == run.method; }))
      continue;
    const MethodEntry& method = method_entry(run.method);
    methods.push_back(method_runs(configured(method, method.tier(run.tier), run.config)));
    if (methods.back().dataset && methods.back().dataset->hash() != run.dataset_hash)
      throw InputError(fmt::format("--resume {}: the data set has changed since (font or list updated?)", asked));
  }
  return methods;
}

}  // namespace

BatchResult execute(const RunRequest& request) {
  // All that can be refused is refused before the store is touched.
  const std::vector<std::string> ids = method_ids(request.methods);
  if (request.seeds.empty()) throw InputError("--seeds: empty; accepted: a count (5) or a list (0,3,7)");
  const at::Device device = choose_device(request.device);
  const int threads = thread_total(request.threads);
  std::vector<MethodRuns> methods;
  methods.reserve(ids.size());
  for (const std::string& id : ids) methods.push_back(method_runs(configured_method(id, request)));

  BatchRow batch;
  batch.command = request.command;
  batch.config = {{"tier", request.tier},         {"seeds", request.seeds},
                  {"settings", request.settings}, {"device", request.device},
                  {"threads", threads},           {"checkpoint_seconds", request.checkpoint_seconds}};
  std::vector<RunRow> runs = new_runs(methods, request.seeds, device);
  ensure_folder(request.store.has_parent_path() ? request.store.parent_path() : std::filesystem::path("."));
  Store store = Store::open_or_create(request.store);
  Recorder recorder(store);
  const RowId id = recorder.begin_batch_with_runs(batch, runs);
  for (MethodRuns& of_method : methods)
    of_method.tasks = unfinished_tasks(runs, of_method.configured.entry->id, device, threads);
  execute_batch({store, recorder, id, device, threads, request.checkpoint_seconds}, methods);
  return read_batch(store, id);
}

BatchResult resume(const std::filesystem::path& file, std::int64_t run_id) {
  Store store = Store::open(file);
  const Query query(store);
  const RowId id = query.run(run_id).batch;
  const nlohmann::json config = query.batch(id).config;
  if (config.contains("study"))
    throw InputError(fmt::format("--resume {}: is a run of a study; `assay study {}` with the same options goes on",
                                 run_id, config.at("study").get<std::string>()));
  const std::vector<RunRow> runs = runs_of(store, id);
  // A kill may fall between the last run and the verdicts: then these are still to be reached.
  const bool all_done =
      std::all_of(runs.begin(), runs.end(), [](const RunRow& run) { return run.status == RunStatus::done; });
  if (all_done && !query.claims(id).empty())
    throw InputError(fmt::format("--resume {}: every run of its batch is done", run_id));
  for (const char* key : {"threads", "device", "checkpoint_seconds"})
    if (!config.contains(key))
      throw InputError(fmt::format(
          "--resume {}: its batch was started by another version of assay, which did not note `{}`; start it anew",
          run_id, key));
  Recorder recorder(store);
  // Of the batch, not of this process: with other threads, training may round differently.
  const int threads = config.at("threads").get<int>();
  const at::Device device = choose_device(config.at("device").get<std::string>());
  // As in execute(): what can be refused is refused before a run is said to go on.
  std::vector<MethodRuns> methods = recorded_methods(runs, run_id);
  for (MethodRuns& of_method : methods) {
    of_method.tasks = unfinished_tasks(runs, of_method.configured.entry->id, device, threads);
    for (const RunTask& task : of_method.tasks) recorder.resume_run(task.run);
  }
  execute_batch({store, recorder, id, device, threads, config.at("checkpoint_seconds").get<double>()}, methods);
  return read_batch(store, id);
}

}  // namespace assay
