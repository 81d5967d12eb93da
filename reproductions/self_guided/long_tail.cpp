#include "reproductions/self_guided/long_tail.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/hash.h"
#include "core/philox.h"
#include "datasets/imbalance.h"
#include "reproductions/self_guided/networks.h"
#include "reproductions/self_guided/sampling.h"

namespace assay::self_guided {
namespace {

constexpr std::array<const char*, 2> draws = {"marginal", "uniform"};
/// Streams of Purpose::condition beyond those of the other parts.
constexpr std::uint64_t first_stream = std::uint64_t{1} << 40;

/// Training images of each group, in an order drawn once per seed: a longer tail keeps a part of a shorter one.
std::vector<std::vector<std::int64_t>> shuffled_groups(const Study& s) {
  std::vector<std::vector<std::int64_t>> groups(s.run.dataset().groups().size());
  for (std::size_t i = 0; i < s.train.groups.size(); ++i)
    groups[static_cast<std::size_t>(s.train.groups[i])].push_back(static_cast<std::int64_t>(i));
  std::erase_if(groups, [](const auto& members) { return members.empty(); });
  for (std::size_t c = 0; c < groups.size(); ++c) {
    RandomStream random(s.run.seed(), Purpose::condition, first_stream + c);
    const std::vector<std::int64_t> members = groups[c];
    const std::vector<std::int64_t> order = permutation(static_cast<std::int64_t>(members.size()), random);
    for (std::size_t i = 0; i < members.size(); ++i) groups[c][i] = members[static_cast<std::size_t>(order[i])];
  }
  return groups;
}

/// The training images that stay at one imbalance, ascending.
std::vector<std::int64_t> thinned(const std::vector<std::vector<std::int64_t>>& groups, double rho) {
  std::size_t smallest = groups.front().size();
  for (const auto& members : groups) smallest = std::min(smallest, members.size());
  const std::vector<std::int64_t> counts = imbalanced_counts(
      {Imbalance::Kind::exponential, rho, 0}, static_cast<int>(groups.size()), static_cast<std::int64_t>(smallest));
  std::vector<std::int64_t> kept;
  for (std::size_t c = 0; c < groups.size(); ++c)
    kept.insert(kept.end(), groups[c].begin(), groups[c].begin() + counts[c]);
  std::sort(kept.begin(), kept.end());
  return kept;
}

at::Tensor rows_of(const at::Tensor& tensor, const std::vector<std::int64_t>& rows) {
  at::Tensor index = at::empty({static_cast<std::int64_t>(rows.size())}, at::kLong);
  std::copy(rows.begin(), rows.end(), index.mutable_data_ptr<std::int64_t>());
  return at::index_select(tensor, 0, index);
}

std::vector<std::int64_t> chosen(const std::vector<std::int64_t>& values, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> out;
  out.reserve(rows.size());
  for (const std::int64_t row : rows) out.push_back(values[static_cast<std::size_t>(row)]);
  return out;
}

/// The images whose condition the samples take: any of them, or first a class that occurs and then one of its images.
std::vector<std::int64_t> sources_of(const Study& s, const ConditionBlock& block, bool uniform) {
  std::map<std::int64_t, std::vector<std::int64_t>> by_class;
  for (std::size_t i = 0; i < block.ids.size(); ++i) by_class[block.ids[i]].push_back(static_cast<std::int64_t>(i));
  std::vector<std::vector<std::int64_t>> classes;
  classes.reserve(by_class.size());
  for (auto& [id, members] : by_class) classes.push_back(std::move(members));
  std::vector<std::int64_t> sources;
  for (std::int64_t i = 0; i < s.config.sample.count; ++i) {
    RandomStream random(s.run.seed(), Purpose::condition,
                        first_stream + (std::uint64_t{1} << 20) + static_cast<std::uint64_t>(i));
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random.below(n)); };
    if (uniform) {
      const std::vector<std::int64_t>& members = classes[below(classes.size())];
      sources.push_back(members[below(members.size())]);
    } else {
      sources.push_back(static_cast<std::int64_t>(below(block.ids.size())));
    }
  }
  return sources;
}

/// Least-squares slope of y over x.
double slope(const std::vector<double>& x, const std::vector<double>& y) {
  double mean_x = 0, mean_y = 0, xy = 0, xx = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / static_cast<double>(x.size());
    mean_y += y[i] / static_cast<double>(y.size());
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return xy / xx;
}

}  // namespace

void long_tail(Study& s, const FdSmall& fd) {
  const std::vector<std::vector<std::int64_t>> groups = shuffled_groups(s);
  const std::vector<std::int64_t> balanced = thinned(groups, 1.0);
  const at::Tensor reference = fd.features(rows_of(s.train.images, balanced));
  const at::Tensor features = cluster_features(s, s.config.encoders.front()).train;
  const double w = s.config.sample.ddim.weight;
  ProtocolUse protocol = fd.protocol();
  protocol.choices["reference"] = fmt::format("balanced training images of {}", s.run.dataset().hash());
  protocol.choices["n_reference"] = balanced.size();
  std::map<std::string, std::vector<double>> gains;  // by how conditions were drawn
  std::vector<double> log_rho;
  for (const double rho : s.config.imbalances) {
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
    const auto net = trained_network(s, network);
    const nlohmann::json result = s.run.stage("sample:" + name, [&](StageOutput& out) {
      out.protocols.push_back(protocol);
      const auto progress = s.run.progress(
          "sample " + name, static_cast<std::int64_t>(draws.size()) * 2 * s.config.sample.count, "images");
      std::int64_t done = 0;
      for (const char* drawn : draws) {
        std::array<double, 2> values{};  // of the label and of the clusters
        for (std::size_t b = 0; b < network.blocks.size(); ++b) {
          const std::vector<std::int64_t> sources = sources_of(s, network.blocks[b], drawn == std::string("uniform"));
          const at::Tensor bytes =
              draw(s, *net, network, b, w, sources, [&](std::int64_t images) { progress(done + images); });
          done += s.config.sample.count;
          nlohmann::json params = guidance_params(w);
          params["imbalance"] = rho;
          params["conditions"] = drawn;
          out.scores.push_back(fd.score(network.blocks[b].name, fd.features(from_bytes(bytes)), params, reference));
          values[b] = out.scores.back().value;
        }
        out.result[drawn] = values[0] - values[1];
      }
      out.notes.push_back(
          fmt::format("imbalance {}: {} training images of {} groups, K = {}", rho, kept.size(), groups.size(), k));
    });
    log_rho.push_back(std::log(rho));
    for (const char* drawn : draws) gains[drawn].push_back(result.at(drawn).get<double>());
  }
  s.run.stage("tail", [&](StageOutput& out) {
    out.protocols.push_back(protocol);
    for (const char* drawn : draws)
      out.scores.push_back({"self_label",
                            "gain_over_log_imbalance",
                            slope(log_rho, gains.at(drawn)),
                            "",
                            ScoreDirection::higher_is_better,
                            static_cast<std::int64_t>(log_rho.size()),
                            {},
                            "fd-small",
                            {{"conditions", drawn}}});
  });
}

}  // namespace assay::self_guided
