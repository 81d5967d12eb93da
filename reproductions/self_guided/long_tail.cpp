#include "reproductions/self_guided/long_tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/hash.h"
#include "kernels/host_tensor.h"
#include "metrics/generative/prdc.h"
#include "reproductions/self_guided/algorithm/long_tailed_set.h"
#include "reproductions/self_guided/networks.h"
#include "reproductions/self_guided/sampling.h"

namespace assay::self_guided {
namespace {

struct NamedDraw {
  const char* name;
  ConditionDraw draw;
};
constexpr std::array<NamedDraw, 2> draws = {
    {{"marginal", ConditionDraw::marginal}, {"uniform", ConditionDraw::uniform}}};

/// Of the balanced images, which belong to the groups that the longest tail thins most: the last of thirds.
std::vector<std::int64_t> tail_images(const std::vector<std::vector<std::int64_t>>& groups,
                                      const std::vector<std::int64_t>& balanced) {
  const std::size_t count = groups.size(), first = count - std::max<std::size_t>(1, count / 3);
  std::vector<std::int64_t> images;
  for (std::size_t c = first; c < count; ++c)
    for (const std::int64_t image : groups[c])
      if (std::binary_search(balanced.begin(), balanced.end(), image)) images.push_back(image);
  std::sort(images.begin(), images.end());
  return images;
}

/// The score named `name`.
Score taken(std::vector<Score> scores, const std::string& name) {
  return *std::find_if(scores.begin(), scores.end(), [&](const Score& score) { return score.name == name; });
}

std::vector<std::int64_t> chosen(const std::vector<std::int64_t>& values, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> out;
  out.reserve(rows.size());
  for (const std::int64_t row : rows) out.push_back(values[static_cast<std::size_t>(row)]);
  return out;
}

}  // namespace

void long_tail(Study& s, const FdSmall& fd) {
  const std::vector<std::vector<std::int64_t>> groups = shuffled_groups(s.train.groups, s.run.seed());
  const std::vector<std::int64_t> balanced = thinned(groups, 1.0);
  const at::Tensor reference = fd.features(rows_of(s.train.images, balanced));
  const at::Tensor features = cluster_features(s, s.config.encoders.front()).train;
  const double w = s.config.sample.guidance.weight;
  ProtocolUse protocol = fd.protocol();
  protocol.choices["reference"] = fmt::format("balanced training images of {}", s.run.dataset().hash());
  protocol.choices["n_reference"] = balanced.size();
  const std::vector<std::int64_t> rare = tail_images(groups, balanced);
  const at::Tensor rare_features = fd.features(rows_of(s.train.images, rare));
  const bool enough = static_cast<std::int64_t>(rare.size()) > PrdcOptions().k;
  ProtocolUse rare_protocol = fd.neighbours();
  rare_protocol.choices["reference"] =
      fmt::format("balanced training images of {}, rarest third of the groups", s.run.dataset().hash());
  rare_protocol.choices["n_reference"] = rare.size();
  /// The gains of clusters on labels at one imbalance, by how conditions were drawn.
  const auto gains_at = [&](Study& own, double rho) {
    const std::vector<std::int64_t> kept = thinned(groups, rho);
    const std::string name = fmt::format("tail{}", rho);
    Hasher data;
    data.text(s.run.dataset().hash()).values(std::span<const std::int64_t>(kept));
    const at::Tensor seen = rows_of(features, kept);
    const std::int64_t k = std::min<std::int64_t>(s.config.clusters.front(), seen.size(0));
    const std::vector<std::int64_t> ids =
        kmeans_assign(seen, fit_clusters(s, seen, k).centroids, s.config.kmeans.assign_normalised);
    Network network{name,
                    false,
                    {{label_arm, s.label_count(), chosen(s.labels(s.train), kept)}, {self_label_arm(k), k, ids}},
                    {},
                    rows_of(s.train.images, kept),
                    data.hex()};
    const auto net = trained_network(own, network);
    return own.run.stage("sample:" + name, [&](StageOutput& out) {
      out.protocols.push_back(protocol);
      if (enough)
        out.protocols.push_back(rare_protocol);
      else
        out.notes.push_back(fmt::format("no tail_recall: {} images in the rarest third of the groups", rare.size()));
      const auto progress = s.run.progress(
          "sample " + name, static_cast<std::int64_t>(draws.size()) * 2 * s.config.sample.count, "images");
      std::int64_t done = 0;
      for (const auto& [drawn, how] : draws) {
        std::array<double, 2> values{};  // of the label and of the clusters
        for (std::size_t b = 0; b < network.blocks.size(); ++b) {
          const std::vector<std::int64_t> sources =
              drawn_sources(network.blocks[b].ids, how, s.config.sample.count, s.run.seed());
          const at::Tensor bytes =
              draw(s, *net, network, b, w, sources, [&](std::int64_t images) { progress(done + images); });
          done += s.config.sample.count;
          nlohmann::json params = guidance_params(w);
          params["imbalance"] = rho;
          params["conditions"] = drawn;
          const at::Tensor found = fd.features(from_bytes(bytes));
          out.scores.push_back(fd.score(network.blocks[b].name, found, params, reference));
          values[b] = out.scores.back().value;
          if (!enough) continue;
          Score recall = taken(fd.precision_and_recall(network.blocks[b].name, found, params, rare_features), "recall");
          recall.name = "tail_recall";
          out.scores.push_back(std::move(recall));
        }
        out.result[drawn] = values[0] - values[1];
      }
      out.notes.push_back(
          fmt::format("imbalance {}: {} training images of {} groups, K = {}", rho, kept.size(), groups.size(), k));
    });
  };
  std::vector<nlohmann::json> results(s.config.imbalances.size());
  std::vector<std::function<void(Run&)>> parts;
  for (std::size_t i = 0; i < results.size(); ++i)
    parts.push_back([&, i](Run& part) {
      Study own(s, part);
      results[i] = gains_at(own, s.config.imbalances[i]);
    });
  s.run.side_by_side(parts);
  std::map<std::string, std::vector<double>> gains;
  for (const nlohmann::json& result : results)
    for (const auto& [drawn, how] : draws) gains[drawn].push_back(result.at(drawn).get<double>());
  s.run.stage("tail", [&](StageOutput& out) {
    out.protocols.push_back(protocol);
    for (const auto& [drawn, how] : draws)
      out.scores.push_back({.arm = "self_label",
                            .name = "gain_over_log_imbalance",
                            .value = gain_over_log_imbalance(s.config.imbalances, gains.at(drawn)),
                            .direction = Better::higher,
                            .n = static_cast<std::int64_t>(s.config.imbalances.size()),
                            .protocol = "fd-small",
                            .params = {{"conditions", drawn}}});
  });
}

}  // namespace assay::self_guided
