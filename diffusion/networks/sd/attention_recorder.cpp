#include "diffusion/networks/sd/attention_recorder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"

namespace assay {
namespace {

/// Whether a module is, or lies in, what one of these names: "up_blocks.1" does not name "up_blocks.10".
bool lies_within(const std::string& module, const std::vector<std::string>& within) {
  return within.empty() || std::any_of(within.begin(), within.end(), [&](const std::string& name) {
           return module == name || module.starts_with(name + ".");
         });
}

}  // namespace

AttentionRecorder::AttentionRecorder(const SdUNetConfig& unet, LatentGrid latents, std::int64_t images,
                                     const AttentionRecorderOptions& options)
    : latents_(latents),
      images_(images),
      options_(options),
      cross_(layers_of(unet, true, options.cross_side)),
      self_(layers_of(unet, false, options.self_side)) {
  for (const PredictionRange& group : options_.groups)
    if (group.begin < 0 || group.end <= group.begin)
      throw InputError(fmt::format("attention: predictions {} to {} of a group; accepted: at least one, from 0 on",
                                   group.begin, group.end));
}

AttentionRecorder::Recorded AttentionRecorder::layers_of(const SdUNetConfig& unet, bool at_text,
                                                         std::int64_t side) const {
  Recorded recorded;
  if (side == 0) return recorded;
  std::vector<std::string> sides, names;
  for (const AttentionModule& module : attention_modules(unet, latents_)) {
    if (module.at_text != at_text) continue;
    const std::string text = std::to_string(module.grid.height);
    if (std::find(sides.begin(), sides.end(), text) == sides.end()) sides.push_back(text);
    if (module.grid.height != side) continue;
    // Of latents that are much wider than high, two levels may have as many rows: the finer one is meant.
    if (recorded.grid.positions() == 0) recorded.grid = module.grid;
    if (module.grid != recorded.grid) continue;
    names.push_back(module.name);
    if (lies_within(module.name, options_.within)) recorded.modules.insert(module.name);
  }
  const char* const what = at_text ? "the text" : "the image";
  if (names.empty())
    throw InputError(
        fmt::format("attention to {}: no layer has {} rows of positions; accepted with latents of {} x {}: {}", what,
                    side, latents_.height, latents_.width, fmt::join(sides, ", ")));
  if (recorded.modules.empty())
    throw InputError(fmt::format("attention to {}: no layer of {} rows lies within {}; accepted: {}", what, side,
                                 fmt::join(options_.within, ", "), fmt::join(names, ", ")));
  recorded.sums.resize(options_.groups.size());
  recorded.summands.resize(options_.groups.size());
  return recorded;
}

void AttentionRecorder::begin(const at::Tensor& x, const at::Tensor& /*timesteps*/) {
  if (x.size(2) != latents_.height || x.size(3) != latents_.width)
    throw InputError(fmt::format("attention: latents of {} x {}; accepted by this recorder: {} x {}", x.size(2),
                                 x.size(3), latents_.height, latents_.width));
  first_row_ = first_row_of_prompts(x.size(0), images_);
  ++predictions_;
}

void AttentionRecorder::see(const std::string& module, const ObservedAttention& attention) {
  if (cross_.modules.contains(module)) add(cross_, attention);
  if (self_.modules.contains(module)) add(self_, attention);
}

void AttentionRecorder::add(Recorded& recorded, const ObservedAttention& attention) const {
  const at::NoGradGuard no_grad;
  // Made once, whatever the number of groups that take it.
  at::Tensor mean;
  for (std::size_t i = 0; i < options_.groups.size(); ++i) {
    const std::int64_t now = predictions_ - 1;
    if (now < options_.groups[i].begin || now >= options_.groups[i].end) continue;
    if (!mean.defined()) mean = attention.mean_of_heads(first_row_, images_);
    if (recorded.sums[i].defined())
      recorded.sums[i].add_(mean);
    else
      recorded.sums[i] = mean.clone();
    ++recorded.summands[i];
  }
}

at::Tensor AttentionRecorder::mean_of(const Recorded& recorded, std::size_t group) const {
  if (group >= recorded.sums.size() || !recorded.sums[group].defined())
    throw Error(fmt::format("attention: nothing was recorded of group {}", group));
  return recorded.sums[group] / recorded.summands[group];
}

at::Tensor AttentionRecorder::cross(std::size_t group) const {
  return mean_of(cross_, group).transpose(1, 2).contiguous();
}

at::Tensor AttentionRecorder::self(std::size_t group) const { return mean_of(self_, group); }

}  // namespace assay
