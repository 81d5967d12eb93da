#include "tests/reports/sample_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <cmath>

#include "core/file.h"
#include "core/philox.h"
#include "store/recorder.h"
#include "tests/reports/sample_pictures.h"

namespace assay::test {
namespace {

ProtocolRow fd_small() {
  ProtocolRow row;
  row.name = "fd-small";
  row.description = "Frechet distance of features of a small network that no arm has seen.\nNot comparable with FID.";
  row.origin = "this suite; Heusel et al., arXiv:1706.08500";
  row.choices = {{"covariance_divisor", "n - 1"},
                 {"features", {{"network", "simclr-small"}, {"width", 64}, {"weights_hash", "5be1f0c2a94d7e33"}}},
                 {"quantisation", "8 bit, rounded"},
                 {"reference", "training split"},
                 {"solver", "Cholesky, symmetric eigenvalues"}};
  return row;
}

ProtocolRow coverage() {
  ProtocolRow row;
  row.name = "prdc5";
  row.description = "Precision, recall, density and coverage with five neighbours.";
  row.origin = "Naeem et al., arXiv:2002.09797";
  row.choices = {{"k", 5}, {"ties", "not counted"}};
  return row;
}

ProtocolRow sklearn() {
  ProtocolRow row;
  row.name = "sklearn";
  row.description = "Agreement of two labelings, arithmetic mean as normaliser.";
  row.origin = "scikit-learn 1.5";
  row.choices = {{"average_method", "arithmetic"}, {"truth", "9 groups"}};
  return row;
}

RunRow run_row(RowId batch, std::int64_t seed) {
  RunRow row;
  row.batch = batch;
  row.method = "self_guided";
  row.tier = "mini";
  row.dataset = "emoji";
  row.dataset_hash = "9c1d44e07ab35f2286d0c7e1f4a8b390";
  row.seed = seed;
  row.config = {{"network", {{"channels", 32}, {"multipliers", {1, 2, 2}}}},
                {"sampler", {{"name", "ddim"}, {"steps", 25}}},
                {"train", {{"batch", 64}, {"lr", 0.0004}, {"steps", 4500}}}};
  row.code_version = "0.1.0+a74a7dd";
  row.device = "cpu";
  row.libraries = {{"libtorch", "2.11.0"}, {"sqlite", "3.40.1"}};
  row.machine = {{"cpu", "AMD EPYC 7B13"}, {"cores", 2}, {"os", "Debian 12"}};
  return row;
}

ScoreRow score(const std::string& arm, const std::string& name, double value, double half_width,
               const std::string& protocol, Better better, std::int64_t n) {
  ScoreRow row;
  row.arm = arm;
  row.name = name;
  row.value = value;
  row.better = better;
  row.n = n;
  row.protocol = protocol;
  if (half_width > 0) row.interval = {value - half_width, value + half_width, 0.95, "bootstrap over samples, 1000"};
  return row;
}

TimingRow timing(const std::string& op, const std::string& variant, const std::string& shape, double seconds,
                 std::int64_t items, const std::string& unit) {
  TimingRow row;
  row.op = op;
  row.variant = variant;
  row.shape = shape;
  row.dtype = "float32";
  row.device = "cpu";
  row.threads = 2;
  row.seconds = seconds;
  row.items = items;
  row.item_unit = unit;
  return row;
}

/// The clock is no part of what a report test looks at.
void fix_times(Store& store) {
  store.database().exec(
      "UPDATE batch SET created_at = '2026-11-22T12:50:03.000Z';"
      "UPDATE run SET started_at = '2026-11-22T' || printf('%02d', 12 + seed) || ':50:03.000Z';"
      "UPDATE run SET finished_at = '2026-11-22T' || printf('%02d', 13 + seed) || ':02:13.000Z' "
      "WHERE finished_at IS NOT NULL;"
      "UPDATE stage SET finished_at = '2026-11-22T13:00:00.000Z', seconds = 12.5 * (position + 1) * (position + 1);"
      "UPDATE timing SET created_at = '2026-11-22T13:00:00.000Z';"
      "UPDATE note SET created_at = '2026-11-22T13:00:00.000Z';");
}

/// A cell of a published table: unknown where nothing is printed.
PublishedRow published(RowId batch, const std::string& label, const std::string& metric, const std::string& printed,
                       nlohmann::json ours) {
  PublishedRow row;
  row.batch = batch;
  row.method = "self_guided";
  row.title = "ImageNet 32x32";
  row.source = "a note that cites the paper";
  row.label = label;
  row.metric = metric;
  row.better = metric == "FID" ? Better::lower : Better::higher;
  row.printed = printed;
  row.ours = std::move(ours);
  if (printed.empty()) return row;
  row.value = std::stod(printed);
  row.trust = metric == "FID" ? "2nd" : "M";
  row.trust_meaning = metric == "FID" ? "second-hand" : "recalled";
  return row;
}

nlohmann::json stand_in(const std::string& arm, double w) {
  return nlohmann::json::array(
      {{{"arm", arm}, {"score", "fd"}, {"protocol", "fd-small"}, {"params", {{"w", w}}}, {"stand_in", true}}});
}

}  // namespace

RowId fill_full_store(const std::filesystem::path& file) {
  Store store = Store::open_or_create(file);
  Recorder recorder(store);
  BatchRow earlier;
  earlier.command = "assay run self_guided --tier smoke --dataset shapes";
  RunRow earlier_run = run_row(recorder.begin_batch(earlier), 0);
  recorder.finish_run(recorder.begin_run(earlier_run), RunStatus::done);

  BatchRow batch_row;
  batch_row.command =
      "assay run self_guided --tier mini --dataset emoji --device cpu --seeds 5 --store results/emoji.sqlite "
      "--set train.steps=4500";
  const RowId batch = recorder.begin_batch(batch_row);
  for (const ProtocolRow& protocol : {fd_small(), coverage(), sklearn()}) recorder.upsert_protocol(protocol);

  struct Arm {
    const char* name;
    double levels[4];  // at w = 1, 1.5, 2, 3
  };
  const Arm arms[] = {{"label", {79.2, 74.8, 101.3, 322.0}},
                      {"self_label_k50", {81.0, 80.4, 118.9, 371.0}},
                      {"self_label_k100", {76.9, 73.1, 115.2, 416.0}},
                      {"random_label", {130.4, 128.9, 136.0, 151.7}}};
  const double weights[] = {1, 1.5, 2, 3};

  for (std::int64_t seed = 0; seed < 5; ++seed) {
    const RowId run = recorder.begin_run(run_row(batch, seed));
    RandomStream random(static_cast<std::uint64_t>(seed), Purpose::resample, 0);
    const auto jitter = [&](double scale) { return scale * random.normal(); };

    StageRecorder encode = recorder.begin_stage(run, "encode");
    encode.add_timing(timing("train_encoder", "simclr", "[256,3,16,16]", 21.0 + jitter(0.4), 38400, "images"));
    encode.commit();
    StageRecorder cluster = recorder.begin_stage(run, "cluster");
    for (const auto& [arm, nmi] : {std::pair{"encoder", 0.348}, std::pair{"pca", 0.291}})
      for (const int k : {50, 100}) {
        const double value = nmi + 0.0004 * k + jitter(0.004);
        for (const auto& [name, share] : {std::pair{"nmi", 1.0}, std::pair{"ami", 0.82}, std::pair{"ari", 0.23}}) {
          ScoreRow row = score(arm, name, value * share, 0.006, "sklearn", Better::higher, 3105);
          row.params = {{"k", k}};
          cluster.add_score(row);
        }
      }
    if (seed == 0) cluster.add_note("k-means emptied 2 of 100 clusters once; they were reseeded");
    cluster.commit();
    if (seed == 4) {
      recorder.finish_run(run, RunStatus::interrupted, "SIGINT after stage cluster");
      continue;
    }
    StageRecorder train = recorder.begin_stage(run, "train");
    for (int i = 0; i < 4; ++i) {
      TimingRow row =
          timing("train_step", "channels_last", "[64,3,16,16]", 0.182 + std::abs(jitter(0.006)), 64, "images");
      row.repetition = i;
      row.flops = 17.4e9;
      row.peak_memory_bytes = 812'000'000 + 1'000'000 * i;
      train.add_timing(row);
    }
    train.add_curve("loss: mse", {250, 500, 750, 1000}, {0.9, 0.4, 0.2, 0.1});
    train.commit();
    if (seed == 3) {
      recorder.finish_run(run, RunStatus::failed, "no space left on device");
      continue;
    }

    StageRecorder evaluate = recorder.begin_stage(run, "evaluate");
    const double shared = jitter(3.0);
    const std::string folder = "artifacts/run-" + std::to_string(run) + "/";
    const auto add_grid = [&](const std::string& arm, const nlohmann::json& meta, double noise, std::uint64_t key) {
      ArtifactRow grid;
      grid.name = "grid-" + arm;
      grid.kind = "image-grid";
      grid.path = folder + grid.name + ".png";
      grid.meta = meta;
      grid.meta["arm"] = arm;
      grid.meta["rows"] = 8;
      grid.meta["columns"] = 8;
      write_png(picture_grid(8, 8, noise, key), store.folder() / grid.path);
      evaluate.add_artifact(grid);
    };
    ScoreRow unguided = score("uncond_w0", "fd", 131.0 + shared + jitter(1.5), 7.5, "fd-small", Better::lower, 1000);
    unguided.params = {{"w", 0}, {"w_cfg", -1}};
    evaluate.add_score(unguided);
    unguided.name = "coverage";
    unguided.protocol = "prdc5";
    unguided.better = Better::higher;
    unguided.value = 0.512 + jitter(0.01);
    unguided.interval = {unguided.value - 0.03, unguided.value + 0.03, 0.95, "bootstrap over samples, 1000"};
    evaluate.add_score(unguided);
    add_grid("uncond_w0", {{"w", 0}, {"w_cfg", -1}}, 70, 7);
    std::uint64_t key = 11;
    for (const Arm& arm : arms) {
      for (int i = 0; i < 4; ++i) {
        ScoreRow row = score(arm.name, "fd", arm.levels[i] + shared + jitter(0.02 * arm.levels[i]),
                             0.06 * arm.levels[i], "fd-small", Better::lower, 1000);
        row.params = {{"w", weights[i]}, {"w_cfg", weights[i] - 1}};
        evaluate.add_score(row);
      }
      ScoreRow row =
          score(arm.name, "coverage", 0.8 - arm.levels[1] / 500 + jitter(0.01), 0.03, "prdc5", Better::higher, 1000);
      row.params = {{"w", 1.5}, {"w_cfg", 0.5}};
      evaluate.add_score(row);
      add_grid(arm.name, {{"w", 1.5}, {"w_cfg", 0.5}}, 18, ++key);
    }
    add_grid("real", nlohmann::json::object(), 0, 3);
    for (int i = 0; i < 3; ++i)
      evaluate.add_timing(
          timing("sample", "ddim, 25 steps", "[64,3,16,16]", 1.42 + std::abs(jitter(0.03)), 64, "images"));
    ArtifactRow checkpoint;
    checkpoint.name = "checkpoint";
    checkpoint.kind = "checkpoint";
    checkpoint.path = folder + "unet.safetensors";
    checkpoint.hash = fmt::format("{:032x}", 0x1234567890abcdefULL * static_cast<std::uint64_t>(seed + 1));
    checkpoint.bytes = 2'214'912;
    evaluate.add_artifact(checkpoint);
    if (seed == 1) evaluate.add_note("4 of 3,655 emoji have no glyph in the installed font and were left out");
    evaluate.commit();
    recorder.finish_run(run, RunStatus::done);
  }

  const auto compare = [&](const char* a, const char* b, double w, double difference, double half_width, double p,
                           double adjusted) {
    ComparisonRow row;
    row.batch = batch;
    row.method = "self_guided";
    row.dataset = "emoji";
    row.metric = "fd";
    row.protocol = "fd-small";
    row.arm_a = a;
    row.arm_b = b;
    row.params = {{"w", w}, {"w_cfg", w - 1}};
    row.better = Better::lower;
    row.difference = difference;
    row.interval = {difference - half_width, difference + half_width, 0.95, "paired t over seeds; Holm over 5"};
    row.p_value = p;
    row.p_adjusted = adjusted;
    row.seeds = {0, 1, 2};
    row.differences = {difference - half_width * 0.35, difference + half_width * 0.05, difference + half_width * 0.3};
    return row;
  };
  recorder.add_comparisons({compare("self_label_k100", "uncond_w0", 1.5, -57.9, 9.3, 0.0013, 0.0065),
                            compare("self_label_k50", "uncond_w0", 1.5, -50.6, 11.8, 0.0029, 0.0117),
                            compare("label", "uncond_w0", 1.5, -56.2, 8.1, 0.0011, 0.0056),
                            compare("self_label_k100", "label", 1.5, -1.7, 6.4, 0.37, 0.37),
                            compare("self_label_k100", "uncond_w0", 3, 285.0, 41.0, 0.0012, 0.0061)});

  ClaimRow claim;
  claim.batch = batch;
  claim.method = "self_guided";
  claim.name = "sg-guides";
  claim.statement = "Guidance by self-supervised clusters improves on unconditional generation";
  claim.origin = "Table 1, Figure 4";
  claim.verdict = Verdict::supported;
  claim.statistic = -57.9;
  claim.low = -67.2;
  claim.high = -48.6;
  claim.threshold = "the 95 % interval of fd of self_label_k100 - uncond_w0 lies below 0";
  claim.seeds = {0, 1, 2};
  ClaimRow match = claim;
  match.name = "sg-matches-labels";
  match.statement = "Self-labels guide at least as well as human labels";
  match.verdict = Verdict::inconclusive;
  match.statistic = -1.7;
  match.low = -8.1;
  match.high = 4.7;
  match.threshold = "the 95 % interval of fd of self_label_k100 - label lies below 3";
  match.quantity = {{"score", "fd"},
                    {"protocol", "fd-small"},
                    {"arm", "self_label_k100"},
                    {"minus", {{"arm", "label"}}},
                    {"bounds", {3.0}}};
  match.values = {-3.94, -1.38, 0.22};
  match.note = "The interval is wider than the margin.";
  ClaimRow strong = claim;
  strong.name = "sg-strong-w";
  strong.statement = "Stronger guidance keeps improving up to w = 3";
  strong.origin = "Figure 5";
  strong.verdict = Verdict::contradicted;
  strong.statistic = 285.0;
  strong.low = 244.0;
  strong.high = 326.0;
  ClaimRow imbalanced = claim;
  imbalanced.name = "sg-imbalance";
  imbalanced.statement = "The gain is largest on imbalanced data";
  imbalanced.origin = "Table 5";
  imbalanced.verdict = Verdict::not_run;
  imbalanced.statistic = imbalanced.low = imbalanced.high = std::nullopt;
  imbalanced.threshold = "";
  imbalanced.seeds = {};
  imbalanced.note = "Needs the runs of `assay study guidance-imbalance`.";
  recorder.add_claims({claim, match, strong, imbalanced});
  const nlohmann::json none = nlohmann::json::array();
  recorder.add_published({published(batch, "no guidance", "FID", "14.3", stand_in("uncond_w0", 0)),
                          published(batch, "no guidance", "IS", "9.8", none),
                          published(batch, "ground-truth labels", "FID", "9.2", stand_in("label", 1.5)),
                          published(batch, "ground-truth labels", "IS", "19.5", none),
                          published(batch, "self-labelled", "FID", "7.3", stand_in("self_label_k100", 1.5)),
                          published(batch, "self-labelled", "IS", "20.3", none)});
  recorder.add_note(batch, 0, "random_label shares the network of self_label_k100 and draws its labels at random");

  BatchRow bench;
  bench.command = "assay bench --filter ddim --store results/emoji.sqlite";
  const RowId bench_batch = recorder.begin_batch(bench);
  std::vector<TimingRow> kernels;
  RandomStream random(9, Purpose::resample, 1);
  for (int i = 0; i < 9; ++i) {
    TimingRow ddim = timing("ddim_step", "guided", "[256,3,64,64]", 2.31e-3 + 4e-5 * random.normal(), 1, "");
    ddim.batch = bench_batch;
    ddim.repetition = i;
    ddim.bytes = 50.3e6;
    ddim.flops = 25.2e6;
    ddim.peak_bytes_per_second = 28e9;
    TimingRow nearest =
        timing("k_nearest", "k = 1", "[20000,384] x [100,384]", 18.4e-3 + 3e-4 * random.normal(), 1, "");
    nearest.batch = bench_batch;
    nearest.repetition = i;
    nearest.bytes = 30.9e6;
    nearest.flops = 1.54e9;
    nearest.peak_bytes_per_second = 28e9;
    nearest.peak_flops_per_second = 112e9;
    kernels.push_back(ddim);
    kernels.push_back(nearest);
  }
  recorder.add_timings(kernels);
  fix_times(store);
  return batch;
}

RowId fill_small_store(const std::filesystem::path& file) {
  Store store = Store::open_or_create(file);
  Recorder recorder(store);
  BatchRow batch_row;
  batch_row.command = "assay run self_guided --seeds 2";
  const RowId batch = recorder.begin_batch(batch_row);
  ProtocolRow protocol = fd_small();
  protocol.choices = {{"features", {{"width", 64}}}, {"solver", "eigenvalues"}};
  recorder.upsert_protocol(protocol);
  recorder.upsert_protocol(sklearn());
  for (std::int64_t seed = 0; seed < 2; ++seed) {
    RunRow row = run_row(batch, seed);
    row.config = {{"steps", 25}};
    const RowId run = recorder.begin_run(row);
    StageRecorder stage = recorder.begin_stage(run, "evaluate");
    ScoreRow none = score("uncond_w0", "fd", seed == 0 ? 130 : 134, 7.3, "fd-small", Better::lower, 1000);
    none.params = {{"w", 0}, {"w_cfg", -1}};
    ScoreRow weak = score("self_label_k100", "fd", seed == 0 ? 90 : 90.5, 5.5, "fd-small", Better::lower, 1000);
    weak.params = {{"w", 1}, {"w_cfg", 0}};
    ScoreRow strong = score("self_label_k100", "fd", seed == 0 ? 72 : 76, 4.25, "fd-small", Better::lower, 1000);
    strong.params = {{"w", 2}, {"w_cfg", 1}};
    for (const ScoreRow& each : {none, weak, strong}) stage.add_score(each);
    stage.add_score(score("encoder", "nmi", seed == 0 ? 0.412 : 0.414, 0, "sklearn", Better::higher, 3105));
    stage.add_score(score("pca", "nmi", seed == 0 ? 0.31 : 0.31, 0, "sklearn", Better::higher, 3105));
    if (seed == 0)
      for (const double seconds : {0.5, 0.4, 0.64}) {
        TimingRow sample = timing("sample", "ddim", "[64,3,16,16]", seconds, 64, "images");
        sample.peak_memory_bytes = 812'345'678;
        stage.add_timing(sample);
      }
    ArtifactRow grid;
    grid.name = "grid";
    grid.kind = "image-grid";
    grid.path = fmt::format("grids/{}.png", seed);
    grid.meta = {{"arm", "self_label_k100"}, {"w", 2}};
    if (seed == 0) {
      std::filesystem::create_directories(store.folder() / "grids");
      write_file_atomically(store.folder() / grid.path, one_pixel_png());
    } else {
      grid.hash = "00000000000000000000000000000000";
      grid.bytes = 68;
    }
    stage.add_artifact(grid);
    if (seed == 1) stage.add_note("2 images | skipped");
    stage.commit();
    if (seed == 0)
      recorder.finish_run(run, RunStatus::done);
    else
      recorder.finish_run(run, RunStatus::failed, "out of memory");
  }
  ComparisonRow row;
  row.batch = batch;
  row.method = "self_guided";
  row.dataset = "emoji";
  row.metric = "fd";
  row.protocol = "fd-small";
  row.arm_a = "self_label_k100";
  row.arm_b = "uncond_w0";
  row.params = {{"w", 2}};
  row.better = Better::lower;
  row.difference = -58;
  row.interval = {-61.3, -54.7, 0.95, "paired t over seeds"};
  row.p_value = 0.0123;
  row.seeds = {0, 1};
  row.differences = {-58.2, -57.8};
  recorder.add_comparisons({row});
  ClaimRow claim;
  claim.batch = batch;
  claim.name = "sg-guides";
  claim.method = "self_guided";
  claim.statement = "Self-labels guide";
  claim.origin = "Table 1";
  claim.verdict = Verdict::supported;
  claim.statistic = -58;
  claim.low = -61.3;
  claim.high = -54.7;
  claim.threshold = "upper bound below 0";
  claim.seeds = {0, 1};
  recorder.add_claims({claim});
  const nlohmann::json none = nlohmann::json::array();
  PublishedRow labels = published(batch, "labels", "FID", "", none);
  labels.note = "not given";
  recorder.add_published({published(batch, "self-labelled", "FID", "7.30", stand_in("self_label_k100", 2)),
                          published(batch, "self-labelled", "IS", "20.3", none), labels,
                          published(batch, "labels", "IS", "19.5", none)});
  fix_times(store);
  return batch;
}

}  // namespace assay::test
