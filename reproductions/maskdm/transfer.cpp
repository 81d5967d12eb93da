#include "reproductions/maskdm/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "reproductions/sample_artifacts.h"

namespace assay::maskdm {
namespace {

/// fd-small of what the moving average of a finished chain draws; nothing where it diverged.
std::optional<double> score(Study& s, const std::string& arm, double share, const std::vector<FinishedPhase>& finished,
                            const ProtocolUse& protocol, const at::Tensor& reference, const FdSmall& fd) {
  if (finished.back().trained.diverged_at) return std::nullopt;
  const nlohmann::json result = s.run.stage("sample:" + arm, [&](StageOutput& out) {
    const auto network = make_network(s);
    network->parameters().load_partly(SafetensorsFile(finished.back().file), "ema.");
    const at::Tensor bytes = draw(s, *network, "sample " + arm);
    out.protocols.push_back(protocol);
    out.scores.push_back(fd.score(arm, fd.features(from_bytes(bytes)), {{"share", share}}, reference));
    out.artifacts.push_back(sample_picture(arm, bytes, s.run.artifact_folder() / fmt::format("samples-{}.png", arm),
                                           {{"arm", arm}, {"seed", s.run.seed()}}));
    out.result = {{"fd", out.scores.front().value}};
  });
  return result.at("fd").get<double>();
}

}  // namespace

Domains split_domains(const std::vector<std::int64_t>& groups) {
  std::map<std::int64_t, std::vector<std::int64_t>> members;
  for (std::size_t i = 0; i < groups.size(); ++i) members[groups[i]].push_back(static_cast<std::int64_t>(i));
  std::vector<std::int64_t> order;
  order.reserve(members.size());
  for (const auto& [group, rows] : members) order.push_back(group);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return members.at(a).size() > members.at(b).size(); });
  Domains domains;
  for (const std::int64_t group : order) {
    std::vector<std::int64_t>& side = 2 * domains.source.size() < groups.size() ? domains.source : domains.target;
    side.insert(side.end(), members.at(group).begin(), members.at(group).end());
  }
  if (domains.target.size() < 2)
    throw InputError(fmt::format(
        "transfer: the {} groups of the data set leave no target; accepted: at least two groups", order.size()));
  std::sort(domains.source.begin(), domains.source.end());
  std::sort(domains.target.begin(), domains.target.end());
  return domains;
}

std::vector<std::int64_t> few_of(const std::vector<std::int64_t>& rows, double share, std::uint64_t seed) {
  const auto n = static_cast<std::int64_t>(rows.size());
  const std::int64_t count = std::clamp<std::int64_t>(std::llround(share * static_cast<double>(n)), 2, n);
  RandomStream random(seed, Purpose::dataset, 0);
  const std::vector<std::int64_t> order = permutation(n, random);
  std::vector<std::int64_t> few;
  few.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    few.push_back(rows[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
  std::sort(few.begin(), few.end());
  return few;
}

std::string transfer_arm(double share) { return fmt::format("transfer{}", share); }
std::string few_scratch_arm(double share) { return fmt::format("scratch{}", share); }

void transfer(Study& s, const FdSmall& fd) {
  const TransferConfig& config = s.config.transfer;
  const Domains domains = split_domains(s.train.groups);
  const ImageSet source = chosen_images(s, domains.source), target = chosen_images(s, domains.target);
  const at::Tensor reference = fd.features(target.images);
  ProtocolUse protocol = fd.protocol();
  protocol.choices["reference"] = fmt::format("training images of the transfer's target, {}", target.hash);
  protocol.choices["n_reference"] = domains.target.size();

  const MaskUVit network(s.config.network);
  const auto planned = [&](const PhaseOptions& options, double share, const ImageSet& images) {
    PlannedPhase phase{options, &images};
    phase.options.steps = affordable_steps(s.config.budget, share, step_flops(network, options));
    return phase;
  };
  for (const double share : config.shares) {
    const ImageSet few = chosen_images(s, few_of(domains.target, share, s.run.seed()));
    const PlannedPhase tune = planned(config.finetune, config.finetune_share, few);
    const std::vector<FinishedPhase> transferred =
        train_phases(s, transfer_arm(share), {planned(config.pretrain, config.pretrain_share, source), tune});
    const std::vector<FinishedPhase> alone = train_phases(
        s, few_scratch_arm(share), {planned(config.finetune, config.pretrain_share + config.finetune_share, few)});
    const auto with = score(s, transfer_arm(share), share, transferred, protocol, reference, fd);
    const auto without = score(s, few_scratch_arm(share), share, alone, protocol, reference, fd);
    if (!with || !without) continue;
    s.run.stage("gain:" + transfer_arm(share), [&](StageOutput& out) {
      out.protocols.push_back(protocol);
      out.scores.push_back({.arm = transfer_arm(share),
                            .name = "relative_gain",
                            .value = (*without - *with) / *without,
                            .direction = Better::higher,
                            .n = s.config.sample.count,
                            .protocol = "fd-small",
                            .params = {{"share", share}}});
      out.notes.push_back(fmt::format("transfer: {} source and {} target images, of which {} are seen",
                                      domains.source.size(), domains.target.size(), few.images.size(0)));
    });
  }
}

}  // namespace assay::maskdm
