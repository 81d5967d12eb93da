#include "reproductions/maskdm/maskdm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "reproductions/fd_small.h"
#include "reproductions/maskdm/chains.h"
#include "reproductions/maskdm/mask_cost.h"
#include "reproductions/maskdm/stability.h"
#include "reproductions/maskdm/transfer.h"
#include "reproductions/real_images.h"
#include "reproductions/tiers.h"

namespace assay::maskdm {
namespace {

void real_images(Study& s, const FdSmall& fd) {
  record_real_images(s.run, fd, s.validation.images, [&](const at::Tensor& /*features*/, StageOutput& out) {
    out.artifacts.push_back(real_picture(s.run, to_bytes(s.train.images), "samples-real.png"));
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

class MaskDm final : public Method {
 public:
  explicit MaskDm(const nlohmann::json& config) : config_(read_config(config)) {}

  std::vector<std::string> needs() const override { return dataset_needs(config_.dataset); }
  std::vector<std::string> describe() const override;
  MethodPlan plan() const override { return plan_of(config_); }
  std::vector<std::function<void(Run&)>> shared_products() const override;
  void run(Run& run) const override;

 private:
  Config config_;
};

std::vector<std::string> MaskDm::describe() const {
  const Config& c = config_;
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

/// The fd-small network.
std::vector<std::function<void(Run&)>> MaskDm::shared_products() const {
  return {[this](Run& run) {
    FdSmall(run, load_images(run.dataset(), Split::train), config_.fd_small, config_.bootstrap);
  }};
}

void MaskDm::run(Run& run) const {
  Study s(run, config_);
  const FdSmall fd(run, s.train, s.config.fd_small, s.config.bootstrap);
  real_images(s, fd);
  mask_cost(s);
  chains(s, fd);
  stability(s);
  if (!s.config.transfer.shares.empty()) transfer(s, fd);
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<MaskDm>(config); }

}  // namespace assay::maskdm
