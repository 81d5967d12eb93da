#include "reproductions/maskdm/maskdm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "reproductions/fd_small.h"
#include "reproductions/maskdm/chains.h"
#include "reproductions/maskdm/mask_cost.h"
#include "reproductions/maskdm/stability.h"
#include "reproductions/maskdm/transfer.h"
#include "reproductions/sample_picture.h"
#include "reproductions/tiers.h"

namespace assay::maskdm {
namespace {

/// Held-out real images: the floor that no chain should be expected to pass by much.
void real_images(Study& s, const FdSmall& fd) {
  s.run.stage("real", [&](StageOutput& out) {
    out.protocols.push_back(fd.protocol());
    out.scores.push_back(fd.score("real_validation", fd.features(s.validation.images), nlohmann::json::object()));
    out.artifacts.push_back(sample_picture("real training images", to_bytes(s.train.images),
                                           s.run.artifact_folder() / "samples-real.png",
                                           {{"arm", "real"}, {"seed", s.run.seed()}}));
    for (const Problem& problem : s.run.dataset().problems())
      out.notes.push_back(fmt::format("data set: {}: {}", problem.item, problem.what));
  });
}

/// One chain as --dry-run says it: "0.5 of the budget, 120 steps of 128, 16 of 64 patches visible".
std::string in_words(const Config& config, const MaskUVit& network, const Chain& chain) {
  std::vector<std::string> phases;
  for (std::size_t k = 0; k < chain.phases.size(); ++k) {
    const PhaseOptions& phase = chain.phases[k];
    phases.push_back(fmt::format("{:g} of the budget: {} steps of {}, {} of {} patches visible", chain.shares[k],
                                 affordable_steps(config.budget, chain.shares[k], step_flops(network, phase)),
                                 phase.batch, visible_count(phase.mask, config.network.grid()),
                                 config.network.patches()));
  }
  return fmt::format("chain {}: {}", chain.name, fmt::join(phases, "; then "));
}

}  // namespace

void check(const nlohmann::json& config) { read_config(config); }

std::vector<std::string> needs(const nlohmann::json& config) { return dataset_needs(read_config(config).dataset); }

std::vector<std::string> describe(const nlohmann::json& config) {
  const Config c = read_config(config);
  const MaskUVit network(c.network);
  std::vector<std::string> lines = {
      fmt::format("data set: {} at {}x{}", c.dataset.name, c.dataset.size, c.dataset.size),
      fmt::format("network: {} trainable parameters, {} patches; {:.3g} GFLOP an image",
                  network.parameters().trainable_count(), c.network.patches(), network.cost().flops / 1e9),
      fmt::format("budget: {:g} GFLOP of training a chain", c.budget.gflop)};
  for (const Chain& chain : c.chains) lines.push_back(in_words(c, network, chain));
  if (!c.transfer.shares.empty())
    lines.push_back(fmt::format("transfer: to shares {} of the target's images", fmt::join(c.transfer.shares, ", ")));
  if (!c.stability.batches.empty())
    lines.push_back(fmt::format("stability: batches of {}, {} steps each", fmt::join(c.stability.batches, ", "),
                                c.stability.phase.steps));
  if (!c.cost.rates.empty())
    lines.push_back(fmt::format("cost of a step: mask rates {}", fmt::join(c.cost.rates, ", ")));
  std::int64_t draws = 2 * static_cast<std::int64_t>(c.transfer.shares.size());
  for (const Chain& chain : c.chains) draws += chain.curve ? c.budget.points + 1 : 1;
  lines.push_back(fmt::format("sampling: at most {} times {} images a seed, {} DDIM steps, eta {:g}", draws,
                              c.sample.count, c.sample.steps, c.sample.eta));
  return lines;
}

MethodPlan plan(const nlohmann::json& config) { return plan_of(read_config(config)); }

void prepare_features(Run& run) {
  const Config config = read_config(run.config());
  FdSmall(run, load_images(run.dataset(), Split::train), config.fd_small, config.bootstrap);
}

void run(Run& run) {
  Study s(run);
  const FdSmall fd(run, s.train, s.config.fd_small, s.config.bootstrap);
  real_images(s, fd);
  mask_cost(s);
  chains(s, fd);
  stability(s);
  if (!s.config.transfer.shares.empty()) transfer(s, fd);
}

}  // namespace assay::maskdm
