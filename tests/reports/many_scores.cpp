#include "tests/reports/many_scores.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "core/philox.h"
#include "store/recorder.h"

namespace assay::test {
namespace {

constexpr std::array<const char*, 5> methods{"self_guided", "diffusion_seg", "class_tokens", "maskdm", "ed_dpm"};

ScoreRow score_of(const std::string& arm, const char* name, double value, std::int64_t weight) {
  ScoreRow row;
  row.arm = arm;
  row.name = name;
  row.protocol = "fd-small";
  row.better = Better::lower;
  row.n = 1000;
  row.value = value;
  row.interval = {value - 3, value + 3, 0.95, "bootstrap over samples, 1000"};
  row.params = {{"w", weight}, {"w_cfg", weight - 1}};
  return row;
}

void add_run(Recorder& recorder, RowId batch, const char* method, std::int64_t seed, std::int64_t arms) {
  RunRow run;
  run.batch = batch;
  run.method = method;
  run.tier = "mini";
  run.dataset = "emoji";
  run.dataset_hash = "9c1d44e07ab35f2286d0c7e1f4a8b390";
  run.seed = seed;
  run.config = {{"train", {{"batch", 64}, {"lr", 0.0004}, {"steps", 4500}}}};
  run.code_version = "0.1.0+a74a7dd";
  run.device = "cpu";
  run.machine = {{"cpu", "AMD EPYC 7B13"}, {"cores", 2}, {"os", "Debian 12"}};
  const RowId id = recorder.begin_run(run);
  RandomStream random(static_cast<std::uint64_t>(seed), Purpose::resample, static_cast<std::uint64_t>(batch));
  StageRecorder stage = recorder.begin_stage(id, "evaluate");
  for (std::int64_t arm = 0; arm < arms; ++arm)
    for (std::int64_t weight = 0; weight < 10; ++weight)
      for (const char* name : {"fd", "coverage"})
        stage.add_score(score_of(fmt::format("arm_{}", arm), name,
                                 70 + static_cast<double>(arm + weight) + random.normal(), weight));
  stage.commit();
  recorder.finish_run(id, RunStatus::done);
}

void add_verdicts(Recorder& recorder, RowId batch, const char* method, std::int64_t seeds, std::int64_t arms) {
  std::vector<ComparisonRow> comparisons;
  std::vector<ClaimRow> claims;
  std::vector<PublishedRow> published;
  for (std::int64_t arm = 1; arm < arms; ++arm) {
    ComparisonRow row;
    row.batch = batch;
    row.method = method;
    row.dataset = "emoji";
    row.metric = "fd";
    row.protocol = "fd-small";
    row.arm_a = fmt::format("arm_{}", arm);
    row.arm_b = "arm_0";
    row.params = row.params_b = {{"w", 2}};
    row.better = Better::lower;
    row.difference = static_cast<double>(arm);
    row.interval = {row.difference - 1, row.difference + 1, 0.95, "paired t over seeds"};
    row.p_value = 0.01;
    for (std::int64_t seed = 0; seed < seeds; ++seed) {
      row.seeds.push_back(seed);
      row.differences.push_back(row.difference);
    }
    ClaimRow claim;
    claim.batch = batch;
    claim.method = method;
    claim.name = fmt::format("C{}", arm);
    claim.statement = "An arm is better than none";
    claim.verdict = Verdict::inconclusive;
    claim.statistic = row.difference;
    claim.low = row.interval->low;
    claim.high = row.interval->high;
    claim.seeds = row.seeds;
    PublishedRow cell;
    cell.batch = batch;
    cell.method = method;
    cell.title = "Table 1";
    cell.source = "a README";
    cell.label = row.arm_a;
    cell.metric = "FID";
    cell.printed = "12.5";
    cell.value = 12.5;
    cell.trust = "M";
    cell.ours = nlohmann::json::array(
        {{{"arm", row.arm_a}, {"score", "fd"}, {"protocol", "fd-small"}, {"params", {{"w", 2}}}, {"stand_in", true}}});
    comparisons.push_back(std::move(row));
    claims.push_back(std::move(claim));
    published.push_back(std::move(cell));
  }
  recorder.add_comparisons(comparisons);
  recorder.add_claims(claims);
  recorder.add_published(published);
}

void add_kernels(Recorder& recorder, RowId batch) {
  std::vector<TimingRow> timings;
  for (int kernel = 0; kernel < 24; ++kernel)
    for (std::int64_t repetition = 0; repetition < 5; ++repetition) {
      TimingRow row;
      row.batch = batch;
      row.op = fmt::format("kernel_{}", kernel);
      row.device = "cpu";
      row.repetition = repetition;
      row.seconds = 1e-3 * (1 + 0.01 * static_cast<double>(repetition));
      row.bytes = 1e6;
      row.peak_bytes_per_second = 28e9;
      row.machine = {{"cpu", "AMD EPYC 7B13"}, {"cores", 2}};
      timings.push_back(row);
    }
  recorder.add_timings(timings);
}

}  // namespace

void fill_many_scores(const std::filesystem::path& file, const ManyScores& size) {
  Store store = Store::open_or_create(file);
  Recorder recorder(store);
  recorder.upsert_protocol({0, "fd-small", "", "made up", "", nlohmann::json::object()});
  for (std::int64_t i = 0; i < size.batches; ++i) {
    BatchRow row;
    row.command = "assay run all --tier mini";
    const RowId batch = recorder.begin_batch(row);
    for (const char* method : methods) {
      for (std::int64_t seed = 0; seed < size.seeds; ++seed) add_run(recorder, batch, method, seed, size.arms);
      add_verdicts(recorder, batch, method, size.seeds, size.arms);
    }
    add_kernels(recorder, batch);
  }
}

}  // namespace assay::test
