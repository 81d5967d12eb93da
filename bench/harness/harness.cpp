#include "bench/harness/harness.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <mutex>

#include "bench/harness/machine.h"
#include "bench/harness/published_rows.h"
#include "bench/harness/recorded_run.h"
#include "bench/harness/verdicts.h"
#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "datasets/dataset.h"
#include "kernels/thread_count.h"
#include "reproductions/method.h"
#include "store/query.h"

namespace assay {
namespace {

std::int64_t parse_whole(const std::string& text, const std::string& all) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc() || end != text.data() + text.size() || value < 0)
    throw InputError(
        fmt::format("--seeds '{}': '{}' is not a seed; accepted: a count (5) or a list (0,3,7)", all, text));
  return value;
}

std::vector<std::string> method_ids(const std::vector<std::string>& asked) {
  if (asked.empty()) throw InputError("run: no method given; `assay list methods` shows them");
  std::vector<std::string> ids;
  for (const std::string& id : asked) {
    if (id == "all") {
      for (const MethodEntry& entry : method_table()) ids.push_back(entry.id);
    } else {
      ids.push_back(method_entry(id).id);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

/// One run that is to be executed.
struct Task {
  RowId run = 0;
  std::uint64_t seed = 0;
  int threads = 1;
};

/// Threads of run `position` of `count` runs on `total` threads. Runs go side by side with an equal share each; where
/// the last round has fewer of them, those share all threads.
int threads_of(std::size_t position, std::size_t count, int total) {
  const int share = std::max(1, total / static_cast<int>(count));
  const auto workers = static_cast<std::size_t>(std::max(1, total / share));
  const std::size_t last_round = count % workers;
  return position + last_round < count ? share : std::max(share, total / static_cast<int>(last_round));
}

/// Executes the unfinished runs of one method in a batch, then judges its contrasts and claims.
void execute_method(Store& store, Recorder& recorder, RowId batch_id, const ConfiguredMethod& configured,
                    std::shared_ptr<const Dataset> dataset, at::Device device, const std::vector<Task>& tasks,
                    int total_threads, double checkpoint_seconds) {
  const MethodEntry& entry = *configured.entry;
  const Method& method = *configured.method;
  const nlohmann::json& config = configured.config;
  Batch batch;
  batch.recorder = &recorder;
  batch.folder = store.folder();
  batch.device = device;
  batch.checkpoint_seconds = checkpoint_seconds;
  batch.device_name = device_description(batch.device);
  batch.machine = machine_description();
  batch.dataset = std::move(dataset);

  if (!tasks.empty()) {
    // What all seeds share is made first, one product a thread, so that no seed waits for another.
    RecordedRun context(batch, tasks.front().run, config, tasks.front().seed);
    const auto products = method.shared_products();
    parallel_for(std::ssize(products), batch.device.is_cpu() ? total_threads : 1, [&](std::int64_t i, int) {
      const ThreadCount one(1);
      products[static_cast<std::size_t>(i)](context);
    });

    std::exception_ptr bad_input;
    const auto execute_task = [&](const Task& task, bool waited) {
      const ThreadCount share(task.threads);
      const auto finish = [&](RunStatus status, const std::string& reason) {
        const std::lock_guard lock(batch.recorder_lock);
        recorder.finish_run(task.run, status, reason);
      };
      try {
        if (waited) {
          const std::lock_guard lock(batch.recorder_lock);
          recorder.start_run(task.run);
        }
        RecordedRun run(batch, task.run, config, task.seed);
        method.run(run);
        finish(RunStatus::done, "");
      } catch (const Interrupted&) {
        finish(RunStatus::interrupted, "interrupted by the user");
      } catch (const std::exception& error) {
        finish(RunStatus::failed, error.what());
        // The other seeds go on; what is wrong with the input is told when they have ended.
        const std::lock_guard lock(batch.recorder_lock);
        if (dynamic_cast<const InputError*>(&error) && !bad_input) bad_input = std::current_exception();
      }
    };
    // Runs of equal share go side by side; the next share begins when they are done.
    for (std::size_t begin = 0, end = 0; begin < tasks.size(); begin = end) {
      while (end < tasks.size() && tasks[end].threads == tasks[begin].threads) ++end;
      const int workers = batch.device.is_cpu() ? std::max(1, total_threads / tasks[begin].threads) : 1;
      parallel_for(static_cast<std::int64_t>(end - begin), workers, [&](std::int64_t i, int) {
        const std::size_t at = begin + static_cast<std::size_t>(i);
        execute_task(tasks[at], at >= static_cast<std::size_t>(workers));
      });
    }
    if (bad_input) std::rethrow_exception(bad_input);
  }
  stop_if_interrupted();

  const Query query(store);
  const std::vector<Claim> claims = claims_in(entry.claims(), configured.tier, config);
  const auto comparisons = judge_contrasts(query, batch_id, entry.id, batch.dataset ? batch.dataset->name() : "",
                                           contrasts_of(method.plan(), claims));
  // The scores may have been recorded by an earlier process: name their protocols to this one.
  for (const ProtocolRow& protocol : query.protocols())
    for (const ComparisonRow& row : comparisons)
      if (row.protocol_id == protocol.id) recorder.upsert_protocol(protocol);
  recorder.add_comparisons(comparisons);
  recorder.add_claims(judge_claims(query, batch_id, entry.id, claims, comparisons));
  recorder.add_published(published_rows(batch_id, entry, config));
}

/// Does the work on a batch whose runs are recorded as running. Where it ends early, the runs that it leaves have ended
/// as well: interrupted by the user (BatchInterrupted), or failed for the same reason.
void execute_batch(const Store& store, Recorder& recorder, RowId batch, const std::function<void()>& work) {
  const auto end_the_rest = [&](RunStatus status, const std::string& reason) {
    RunFilter filter;
    filter.batch = batch;
    for (const RunRow& run : Query(store).runs(filter))
      if (run.status == RunStatus::running) recorder.finish_run(run.id, status, reason);
  };
  try {
    work();
  } catch (const Interrupted&) {
    end_the_rest(RunStatus::interrupted, "interrupted by the user");
    RunFilter filter;
    filter.batch = batch;
    throw BatchInterrupted(Query(store).runs(filter).front().id);
  } catch (const std::exception& error) {
    try {
      end_the_rest(RunStatus::failed, error.what());
    } catch (const Error&) {
      // A store that cannot be written is what failed; the first error says so.
    }
    throw;
  }
}

/// Null for what is absent.
template <class T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json batch_json(const Store& store, RowId batch) {
  const Query query(store);
  nlohmann::json claims = nlohmann::json::array(), comparisons = nlohmann::json::array(),
                 runs = nlohmann::json::array();
  const auto claim_rows = query.claims(batch);
  for (const ComparisonRow& c : query.comparisons(batch))
    comparisons.push_back({{"method", c.method},
                           {"metric", c.metric},
                           {"protocol", c.protocol},
                           {"arm_a", c.arm_a},
                           {"arm_b", c.arm_b},
                           {"params", c.params},
                           {"params_b", c.params_b},
                           {"difference", c.difference},
                           {"low", c.interval ? nlohmann::json(c.interval->low) : nlohmann::json()},
                           {"high", c.interval ? nlohmann::json(c.interval->high) : nlohmann::json()},
                           {"interval", c.interval ? nlohmann::json(c.interval->method) : nlohmann::json()},
                           {"p", or_null(c.p_value)},
                           {"p_adjusted", or_null(c.p_adjusted)},
                           {"seeds", c.seeds},
                           {"differences", c.differences}});
  RunFilter filter;
  filter.batch = batch;
  const auto scores = query.scores(filter);
  const auto artifacts = query.artifacts(filter);
  const auto notes = query.notes(filter);
  for (const RunRow& run : query.runs(filter)) {
    nlohmann::json score_list = nlohmann::json::array(), artifact_list = nlohmann::json::array();
    for (const ScoreRow& s : scores)
      if (s.run == run.id)
        score_list.push_back({{"arm", s.arm},
                              {"name", s.name},
                              {"value", s.value},
                              {"unit", s.unit},
                              {"n", s.n},
                              {"low", s.interval ? nlohmann::json(s.interval->low) : nlohmann::json()},
                              {"high", s.interval ? nlohmann::json(s.interval->high) : nlohmann::json()},
                              {"protocol", s.protocol},
                              {"params", s.params}});
    for (const ArtifactRow& a : artifacts)
      if (a.run == run.id)
        artifact_list.push_back({{"name", a.name}, {"kind", a.kind}, {"path", a.path}, {"hash", a.hash}});
    nlohmann::json note_list = nlohmann::json::array();
    for (const NoteRow& note : notes)
      if (note.run == run.id) note_list.push_back(note.text);
    nlohmann::json claim_list = nlohmann::json::array();
    for (const ClaimRow& c : claim_rows)
      if (c.method == run.method) claim_list.push_back(claim_json(c));
    runs.push_back({{"id", run.id},
                    {"method", run.method},
                    {"tier", run.tier},
                    {"dataset", run.dataset.empty() ? nlohmann::json() : nlohmann::json(run.dataset)},
                    {"seed", run.seed},
                    {"status", name_of(run.status)},
                    {"reason", run.reason},
                    {"scores", std::move(score_list)},
                    {"claims", std::move(claim_list)},
                    {"artifacts", std::move(artifact_list)},
                    {"notes", std::move(note_list)}});
  }
  return {{"batch", batch}, {"runs", std::move(runs)}, {"comparisons", std::move(comparisons)}};
}

int threads_or_default(int threads) {
  if (threads < 0 || threads > 1024) throw InputError(fmt::format("--threads {}; accepted: 1 to 1024", threads));
  return threads > 0 ? threads : at::get_num_threads();
}

/// The data set of a configuration; null where it has none.
std::shared_ptr<const Dataset> dataset_of(const nlohmann::json& config) {
  if (!config.contains("dataset")) return nullptr;
  return open_dataset(read_dataset_spec(config.at("dataset"), "dataset"));
}

}  // namespace

std::vector<std::int64_t> parse_seeds(const std::string& text) {
  std::vector<std::int64_t> seeds;
  if (text.find(',') == std::string::npos) {
    const std::int64_t count = parse_whole(text, text);
    if (count < 1 || count > 10000)
      throw InputError(fmt::format("--seeds '{}': accepted: a count of 1 to 10000, or a list (0,3,7)", text));
    for (std::int64_t seed = 0; seed < count; ++seed) seeds.push_back(seed);
    return seeds;
  }
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    seeds.push_back(parse_whole(text.substr(begin, comma - begin), text));
    begin = comma + 1;
  }
  std::vector<std::int64_t> sorted = seeds;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    throw InputError(fmt::format("--seeds '{}': a seed is given twice", text));
  return seeds;
}

ConfiguredMethod configured_method(const std::string& id, const RunRequest& request) {
  const MethodEntry& method = method_entry(id);
  const Tier tier = method.tier(request.tier);
  nlohmann::json config = method.preset(tier, request.dataset);
  if (!request.dataset.empty() && !config.contains("dataset"))
    throw InputError(fmt::format("--dataset {}: {} --tier {} reads no data set of this program; leave it out",
                                 request.dataset, id, request.tier));
  if (!request.dataset.empty()) dataset_entry(request.dataset);
  for (const std::string& setting : request.settings) set_key(config, setting);
  return method.configured(tier, std::move(config));
}

nlohmann::json execute(const RunRequest& request) {
  // All that can be refused is refused before the store is touched.
  const std::vector<std::string> ids = method_ids(request.methods);
  if (request.seeds.empty()) throw InputError("--seeds: empty; accepted: a count (5) or a list (0,3,7)");
  const at::Device device = choose_device(request.device);
  const int threads = threads_or_default(request.threads);
  std::vector<ConfiguredMethod> methods;
  std::vector<std::shared_ptr<const Dataset>> datasets;
  for (const std::string& id : ids) {
    methods.push_back(configured_method(id, request));
    for (const std::string& missing : methods.back().method->needs()) throw InputError(missing);
    datasets.push_back(dataset_of(methods.back().config));
  }

  BatchRow batch;
  batch.command = request.command;
  batch.config = {{"tier", request.tier},         {"seeds", request.seeds},
                  {"settings", request.settings}, {"device", request.device},
                  {"threads", threads},           {"checkpoint_seconds", request.checkpoint_seconds}};
  std::vector<RunRow> runs;
  for (std::size_t m = 0; m < ids.size(); ++m)
    for (const std::int64_t seed : request.seeds) {
      RunRow run;
      run.method = ids[m];
      run.tier = request.tier;
      if (datasets[m]) {
        run.dataset = datasets[m]->name();
        run.dataset_hash = datasets[m]->hash();
      }
      run.seed = seed;
      run.config = methods[m].config;
      run.code_version = code_version();
      run.device = device_description(device);
      run.driver = device.is_cpu() ? "" : driver_version();
      run.libraries = library_versions();
      run.machine = machine_description();
      runs.push_back(std::move(run));
    }

  ensure_folder(request.store.has_parent_path() ? request.store.parent_path() : std::filesystem::path("."));
  Store store = Store::open_or_create(request.store);
  Recorder recorder(store);
  const RowId batch_id = recorder.begin_batch_with_runs(batch, runs);
  execute_batch(store, recorder, batch_id, [&] {
    for (std::size_t m = 0; m < ids.size(); ++m) {
      std::vector<Task> tasks;
      for (const RunRow& run : runs)
        if (run.method == ids[m])
          tasks.push_back({run.id, static_cast<std::uint64_t>(run.seed),
                           device.is_cpu() ? threads_of(tasks.size(), request.seeds.size(), threads) : threads});
      execute_method(store, recorder, batch_id, methods[m], datasets[m], device, tasks, threads,
                     request.checkpoint_seconds);
    }
  });
  return batch_json(store, batch_id);
}

nlohmann::json resume(const std::filesystem::path& file, std::int64_t run_id) {
  Store store = Store::open(file);
  const Query query(store);
  const RowId batch_id = query.run(run_id).batch;
  const BatchRow batch = query.batch(batch_id);
  RunFilter filter;
  filter.batch = batch_id;
  const std::vector<RunRow> runs = query.runs(filter);
  // A kill may fall between the last run and the verdicts: then these are still to be reached.
  const bool all_done =
      std::all_of(runs.begin(), runs.end(), [](const RunRow& r) { return r.status == RunStatus::done; });
  if (all_done && !query.claims(batch_id).empty())
    throw InputError(fmt::format("--resume {}: every run of its batch is done", run_id));

  for (const char* key : {"threads", "device", "checkpoint_seconds"})
    if (!batch.config.contains(key))
      throw InputError(fmt::format(
          "--resume {}: its batch was started by another version of assay, which did not note `{}`; start it anew",
          run_id, key));
  Recorder recorder(store);
  // Of the batch, not of this process: with other threads, training may round differently.
  const int threads = batch.config.at("threads").get<int>();
  const at::Device device = choose_device(batch.config.at("device").get<std::string>());
  std::vector<std::string> methods;
  for (const RunRow& run : runs)
    if (std::find(methods.begin(), methods.end(), run.method) == methods.end()) methods.push_back(run.method);
  struct MethodTasks {
    ConfiguredMethod method;
    std::shared_ptr<const Dataset> dataset;
    std::vector<Task> tasks;
  };
  // As in execute(): what can be refused is refused before a run is said to go on.
  std::vector<MethodTasks> all;
  for (const std::string& id : methods) {
    const auto of_method = [&](const RunRow& run) { return run.method == id; };
    const RunRow& first = *std::find_if(runs.begin(), runs.end(), of_method);
    const MethodEntry& entry = method_entry(id);
    ConfiguredMethod method = entry.configured(entry.tier(first.tier), first.config);
    for (const std::string& missing : method.method->needs()) throw InputError(missing);
    const std::shared_ptr<const Dataset> dataset = dataset_of(first.config);
    if (dataset && dataset->hash() != first.dataset_hash)
      throw InputError(fmt::format("--resume {}: the data set has changed since (font or list updated?)", run_id));
    const auto count = static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), of_method));
    std::vector<Task> tasks;
    std::size_t position = 0;
    for (const RunRow& run : runs) {
      if (!of_method(run)) continue;
      const int share = device.is_cpu() ? threads_of(position++, count, threads) : threads;
      if (run.status != RunStatus::done) tasks.push_back({run.id, static_cast<std::uint64_t>(run.seed), share});
    }
    all.push_back({std::move(method), dataset, std::move(tasks)});
  }
  for (const MethodTasks& of_method : all)
    for (const Task& task : of_method.tasks) recorder.resume_run(task.run);
  execute_batch(store, recorder, batch_id, [&] {
    for (const auto& [method, dataset, tasks] : all)
      execute_method(store, recorder, batch_id, method, dataset, device, tasks, threads,
                     batch.config.at("checkpoint_seconds").get<double>());
  });
  return batch_json(store, batch_id);
}

nlohmann::json claim_json(const ClaimRow& claim) {
  return {{"id", claim.name},
          {"method", claim.method},
          {"statement", claim.statement},
          {"origin", claim.origin},
          {"verdict", name_of(claim.verdict)},
          {"statistic", or_null(claim.statistic)},
          {"low", or_null(claim.low)},
          {"high", or_null(claim.high)},
          {"threshold", claim.threshold},
          {"seeds", claim.seeds}};
}

nlohmann::json dry_run(const RunRequest& request) {
  const at::Device device = choose_device(request.device);
  const ThreadCount threads(threads_or_default(request.threads));
  nlohmann::json plans = nlohmann::json::array();
  for (const std::string& id : method_ids(request.methods)) {
    const auto [entry, tier, config, method] = configured_method(id, request);
    nlohmann::json plan = {{"method", id},     {"tier", request.tier},        {"seeds", request.seeds},
                           {"config", config}, {"steps", method->describe()}, {"missing", method->needs()}};
    if (const auto published = method->published_plan(device)) plan["published"] = to_json(*published);
    plans.push_back(std::move(plan));
  }
  return {{"plans", plans}};
}

}  // namespace assay
