#include "reproductions/trained.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/training/checkpoint.h"
#include "reproductions/samples/image_tensors.h"

namespace assay {

std::filesystem::path trained(Run& run, const Training& t, const TrainInto& train) {
  std::filesystem::path file;
  run.stage("train:" + t.name, [&](StageOutput& out) {
    std::optional<TrainReport> done_here;
    file = run.product(t.kind, t.identity, [&](const std::filesystem::path& target) {
      const auto progress = run.progress("train " + t.name, t.steps, "steps");
      done_here = train(target, [&](std::int64_t step, double) { progress(step); });
    });
    record_training(out,
                    {.begins_note = t.name + ":",
                     .name = t.name,
                     .variant = t.name,
                     .batch = t.batch,
                     .side = t.side,
                     .checkpoint = {.name = t.artifact,
                                    .kind = "checkpoint",
                                    .file = file,
                                    .meta = {{"parameters", t.parameters}}}},
                    done_here);
    Curve losses = loss_curve(t.loss);
    add_losses(losses, done_here ? done_here->loss : finished_loss(SafetensorsFile(file)), t.steps);
    if (!losses.values.empty()) out.curves.push_back(std::move(losses));
  });
  if (file.empty())
    file = run.product(t.kind, t.identity, [&](const std::filesystem::path& target) {
      throw InputError(
          fmt::format("{}: the checkpoint of a finished stage is gone; run anew without --resume", target.string()));
    });
  return file;
}

void record_training(StageOutput& out, const TrainingRecord& record, const std::optional<TrainReport>& done_here) {
  if (!done_here) {
    out.notes.push_back(fmt::format("{} trained before, taken from the cache", record.begins_note));
  } else {
    out.timings.push_back({.op = "train_step",
                           .variant = record.variant,
                           .shape = batch_shape(record.batch, record.side),
                           .seconds = done_here->seconds,
                           .items = done_here->steps * record.batch,
                           .item_unit = "images",
                           .flops = record.flops});
    if (done_here->first_step > 0)
      out.notes.push_back(fmt::format("training of {} went on from step {}; its timing covers the rest", record.name,
                                      done_here->first_step));
  }
  out.artifacts.push_back(record.checkpoint);
}

Curve loss_curve(const std::string& loss) { return {.name = "loss: " + loss}; }

void add_losses(Curve& curve, const std::vector<double>& means, std::int64_t steps) {
  const std::int64_t before = curve.steps.empty() ? 0 : curve.steps.back();
  const auto shares = static_cast<std::int64_t>(means.size());
  for (std::int64_t i = 1; i <= shares; ++i) curve.steps.push_back(before + (i * steps + shares - 1) / shares);
  curve.values.insert(curve.values.end(), means.begin(), means.end());
}

}  // namespace assay
