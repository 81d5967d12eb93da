#include "bench/study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "bench/harness/device.h"
#include "bench/harness/machine.h"
#include "bench/harness/method_runs.h"
#include "bench/harness/run_request.h"
#include "bench/study/comparison.h"
#include "bench/study/cost.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "kernels/thread_count.h"
#include "reproductions/guidance_imbalance/arms.h"
#include "reproductions/guidance_imbalance/block.h"
#include "reproductions/guidance_imbalance/budget.h"
#include "store/query.h"

namespace assay {
namespace {

namespace study = guidance_imbalance;

/// A block with its data set opened.
struct OpenBlock {
  std::shared_ptr<const Dataset> dataset;
  std::string hash;
};

/// All blocks, checked. Throws InputError as run_study().
std::vector<OpenBlock> open_blocks(const StudyPlan& plan) {
  std::vector<OpenBlock> blocks;
  for (const StudyBlock& block : plan.blocks) {
    const MethodRuns made =
        method_runs({&guidance_imbalance_study(), plan.tier, block.config, study::make_block(block.config)});
    const auto images = static_cast<std::int64_t>(indices(*made.dataset, Split::train).size());
    for (const auto k : block.config.at("self_guided").at("clusters").get<std::vector<std::int64_t>>())
      if (k > images)
        throw InputError(study::too_many_clusters(k, images, read_dataset_spec(block.config.at("dataset"), "dataset")));
    blocks.push_back({made.dataset, made.dataset->hash()});
  }
  return blocks;
}

/// Executes units and knows what is recorded of them.
class Recording {
 public:
  Recording(const StudyRequest& request, const StudyPlan& plan)
      : request_(request),
        plan_(plan),
        device_(choose_device(request.device)),
        threads_(thread_total(request.threads)),
        store_(Store::open_or_create(request.store)),
        recorder_(store_),
        query_(store_) {
    nlohmann::json blocks = nlohmann::json::array();
    for (const StudyBlock& block : plan.blocks) blocks.push_back(block.config);
    const nlohmann::json identity = {{"tier", name_of(plan.tier)},
                                     {"seeds", plan.seeds},
                                     {"blocks", blocks},
                                     {"shard", {request.shard.index, request.shard.count}}};
    key_ = hash_text(identity.dump());
    for (const BatchRow& known : query_.batches())
      if (known.config.value("study", "") == guidance_imbalance_study().id && known.config.value("plan", "") == key_) {
        batch_ = known.id;
        // Of the batch, not of this process: with other threads, training may round differently.
        threads_ = known.config.value("threads", threads_);
      }
  }

  /// Runs what is not done of these seeds of a configuration.
  void ensure(const nlohmann::json& config, const OpenBlock& block, const std::vector<std::int64_t>& seeds) {
    std::vector<RunRow> rows;
    for (const std::int64_t seed : seeds) {
      const auto known = recorded(config, block.hash, seed);
      rows.push_back(known ? *known : begun(config, block, seed));
      if (rows.back().status == RunStatus::done) continue;
      if (known) recorder_.resume_run(rows.back().id);
    }
    MethodRuns runs{{&guidance_imbalance_study(), plan_.tier, config, study::make_block(config)}, block.dataset, {}};
    runs.tasks = unfinished_tasks(rows, guidance_imbalance_study().id, device_, threads_);
    if (runs.tasks.empty()) return;
    try {
      execute_tasks({store_, recorder_, batch_, device_, threads_, request_.checkpoint_seconds}, runs);
    } catch (const Interrupted&) {
      end_the_rest(RunStatus::interrupted, "interrupted by the user");
      throw;
    } catch (const std::exception& error) {
      end_the_rest(RunStatus::failed, error.what());
      throw;
    }
  }

  /// The run of a unit: a finished one of any batch, else one of this batch.
  std::optional<RunRow> recorded(const nlohmann::json& config, const std::string& hash, std::int64_t seed) const {
    RunFilter filter;
    filter.method = guidance_imbalance_study().id;
    filter.tier = name_of(plan_.tier);
    std::optional<RunRow> found;
    for (RunRow& run : query_.runs(filter))
      if (run.seed == seed && run.dataset_hash == hash && run.config == config &&
          (run.status == RunStatus::done || run.batch == batch_) && !(found && found->status == RunStatus::done))
        found = std::move(run);
    return found;
  }

  std::vector<ScoreRow> scores_of(RowId run) const {
    RunFilter filter;
    filter.run = run;
    return query_.scores(filter);
  }
  std::vector<StageRow> stages_of(RowId run) const {
    RunFilter filter;
    filter.run = run;
    return query_.stages(filter);
  }

  /// Records comparisons and claims in the batch of this command, or, where it found every cell done, in the newest
  /// batch that holds one.
  RowId record(std::vector<ComparisonRow>& comparisons, std::vector<ClaimRow>& claims,
               const std::vector<RunRow>& runs) {
    RowId batch = batch_;
    if (batch == 0)
      for (const RunRow& run : runs) batch = std::max(batch, run.batch);
    if (batch == 0) return 0;
    for (ComparisonRow& row : comparisons) row.batch = batch;
    for (ClaimRow& claim : claims) claim.batch = batch;
    // A protocol goes by its name, and each data set has one of its own.
    const std::vector<ProtocolRow> protocols = query_.protocols();
    for (std::size_t begin = 0, end = 0; begin < comparisons.size(); begin = end) {
      while (end < comparisons.size() && comparisons[end].protocol_id == comparisons[begin].protocol_id) ++end;
      for (const ProtocolRow& protocol : protocols)
        if (protocol.id == comparisons[begin].protocol_id) recorder_.upsert_protocol(protocol);
      recorder_.add_comparisons({comparisons.begin() + static_cast<std::ptrdiff_t>(begin),
                                 comparisons.begin() + static_cast<std::ptrdiff_t>(end)});
    }
    recorder_.add_claims(claims);
    return batch;
  }

 private:
  RunRow begun(const nlohmann::json& config, const OpenBlock& block, std::int64_t seed) {
    if (batch_ == 0) {
      BatchRow batch;
      batch.command = request_.command;
      batch.config = {{"study", guidance_imbalance_study().id},
                      {"tier", name_of(plan_.tier)},
                      {"seeds", plan_.seeds},
                      {"shard", {request_.shard.index, request_.shard.count}},
                      {"plan", key_},
                      {"device", request_.device},
                      {"threads", threads_}};
      batch_ = recorder_.begin_batch(batch);
    }
    RunRow run;
    run.batch = batch_;
    run.method = guidance_imbalance_study().id;
    run.tier = name_of(plan_.tier);
    run.dataset = block.dataset->name();
    run.dataset_hash = block.hash;
    run.seed = seed;
    run.config = config;
    run.code_version = code_version();
    run.device = device_description(device_);
    run.driver = device_.is_cpu() ? "" : driver_version();
    run.libraries = library_versions();
    run.machine = machine_description();
    run.id = recorder_.begin_run(run);
    return run;
  }

  void end_the_rest(RunStatus status, const std::string& reason) {
    RunFilter filter;
    filter.batch = batch_;
    filter.status = RunStatus::running;
    for (const RunRow& run : query_.runs(filter)) recorder_.finish_run(run.id, status, reason);
  }

  const StudyRequest& request_;
  const StudyPlan& plan_;
  at::Device device_;
  int threads_;
  Store store_;
  Recorder recorder_;
  Query query_;
  std::string key_;  // of the request, without what changes no bit
  RowId batch_ = 0;  // 0: nothing had to be run yet
};

/// The recall of `none` over a part of the classes.
double recall_of_none(const std::vector<ScoreRow>& scores, const std::string& of) {
  for (const ScoreRow& score : scores)
    if (score.arm == study::none_arm && score.name == "recall" && score.params.value("of", "") == of &&
        score.params.value("conditions", "") == "marginal")
      return score.value;
  throw Error("no recall of `none` is recorded");
}

StudyProbe probe(Recording& recording, const StudyPlan& plan, std::size_t block, const OpenBlock& open) {
  const nlohmann::json config = probe_config(plan, block);
  const std::int64_t seed = plan.seeds.front();
  recording.ensure(config, open, {seed});
  const auto run = recording.recorded(config, open.hash, seed);
  if (!run || run->status != RunStatus::done)
    throw Error(fmt::format("the probe of {} failed: {}", plan.blocks[block].dataset, run ? run->reason : ""));
  const std::vector<ScoreRow> scores = recording.scores_of(run->id);
  return {plan.blocks[block].dataset,     plan.blocks[block].imbalance,   seed,      run->id,
          recall_of_none(scores, "tail"), recall_of_none(scores, "head"), plan.below};
}

ClaimRow tail_loses(const StudyProbe& probe) {
  ClaimRow claim;
  claim.name = "tail-loses." + probe.dataset;
  claim.method = guidance_imbalance_study().id;
  claim.statement = fmt::format("{}: at imbalance {} and this budget the tail loses something without guidance.",
                                probe.dataset, probe.imbalance);
  claim.origin = "Assay: docs/study.md";
  claim.threshold = fmt::format("the value of recall (tail) of none lies below {}", probe.below);
  claim.verdict = probe.can_be_asked() ? Verdict::supported : Verdict::contradicted;
  claim.statistic = probe.tail_recall;
  claim.seeds = {probe.seed};
  claim.note = fmt::format("recall of the head: {:.3g}", probe.head_recall);
  return claim;
}

/// The cells of the whole study, and the finished runs.
void gather(const Recording& recording, const std::vector<OpenBlock>& open, StudyOutcome& outcome) {
  const StudyPlan& plan = outcome.plan;
  std::vector<study::CellBudget> budgets;
  for (const StudyUnit& unit : study_units(plan)) {
    const StudyBlock& block = plan.blocks[unit.block];
    const auto run = recording.recorded(block.config, open[unit.block].hash, unit.seed);
    const std::vector<StageRow> stages = run ? recording.stages_of(run->id) : std::vector<StageRow>();
    for (const std::string& arm : block.arms) {
      const auto stage =
          std::find_if(stages.begin(), stages.end(), [&](const StageRow& row) { return row.name == "cell:" + arm; });
      outcome.cells.push_back(
          {{block.dataset, block.imbalance, arm, unit.seed}, run ? run->id : 0, stage != stages.end()});
      if (stage == stages.end()) continue;
      budgets.push_back(study::read_cell_budget(
          stage->result.at("budget"),
          fmt::format("{}, imbalance {}, {}, seed {}", block.dataset, block.imbalance, arm, unit.seed)));
    }
    if (!run || run->status != RunStatus::done) continue;
    outcome.runs.push_back(*run);
    for (ScoreRow& score : recording.scores_of(run->id)) outcome.scores.push_back(std::move(score));
  }
  study::check_equal_budgets(budgets);
  for (const study::CellBudget& budget : budgets) {
    if (outcome.budget.is_null()) outcome.budget = to_json(budget);
    for (const char* key : {"strengths", "tuning_images", "classifier_images", "evaluations"})
      outcome.budget[key] = std::max(outcome.budget[key].get<std::int64_t>(), to_json(budget)[key].get<std::int64_t>());
  }
}

}  // namespace

StudyOutcome run_study(const StudyRequest& request) {
  StudyOutcome outcome;
  outcome.plan = plan_study(request);
  outcome.shard = request.shard;
  const StudyPlan& plan = outcome.plan;
  const std::vector<OpenBlock> open = open_blocks(plan);
  ensure_folder(request.store.has_parent_path() ? request.store.parent_path() : std::filesystem::path("."));
  Recording recording(request, plan);
  for (const std::size_t block : longest_tails(plan))
    outcome.probes.push_back(probe(recording, plan, block, open[block]));
  const std::vector<StudyUnit> units = study_units(plan, request.shard);
  for (std::size_t block = 0; block < plan.blocks.size(); ++block) {
    const bool asked = std::any_of(outcome.probes.begin(), outcome.probes.end(), [&](const StudyProbe& of) {
      return of.dataset == plan.blocks[block].dataset && of.can_be_asked();
    });
    std::vector<std::int64_t> seeds;
    for (const StudyUnit& unit : units)
      if (unit.block == block) seeds.push_back(unit.seed);
    if (asked && !seeds.empty()) recording.ensure(plan.blocks[block].config, open[block], seeds);
  }
  gather(recording, open, outcome);
  outcome.comparisons = compare_study(outcome.runs, outcome.scores);
  outcome.claims = claims_of_study(outcome.runs, outcome.scores, outcome.comparisons);
  for (const StudyProbe& of : outcome.probes) outcome.claims.push_back(tail_loses(of));
  outcome.batch = recording.record(outcome.comparisons, outcome.claims, outcome.runs);
  return outcome;
}

StudyEstimate estimate_study(const StudyRequest& request) {
  StudyEstimate estimate;
  estimate.plan = plan_study(request);
  open_blocks(estimate.plan);
  const at::Device device = choose_device(request.device);
  const ThreadCount one(1);
  double largest = 0;
  for (const StudyUnit& unit : study_units(estimate.plan, request.shard)) {
    const double seconds = unit_seconds(estimate.plan.blocks[unit.block].config, device, estimate.cost.how);
    largest = std::max(largest, seconds);
    estimate.cost.seconds += seconds;
  }
  estimate.cost.unit_seconds = largest;
  return estimate;
}

}  // namespace assay
