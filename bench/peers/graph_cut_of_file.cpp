// Our side of the graph cut cases of tools/peers: the minimum of each energy in a file, timed with the building of its
// graph, in the form of `assay metric --json`.
//
//   graph_cut_of_file FILE.safetensors    cost0 and cost1 [graphs, n]; weights [graphs, n, n] of all pairs, or edges
//                                         [m, 2] with edge_weights [graphs, m]
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/numbers.h"
#include "core/safetensors.h"
#include "reproductions/diffusion_seg/algorithm/graph_cut.h"

namespace assay::diffusion_seg {
namespace {

/// The rows of a tensor, one a graph.
std::vector<std::vector<double>> rows_of(const SafetensorsFile& file, const std::string& name) {
  const TensorView& view = file.at(name);
  const std::vector<double> values = doubles_of(view, name);
  const auto count = view.shape.at(0), width = view.numel() / count;
  std::vector<std::vector<double>> rows;
  rows.reserve(static_cast<std::size_t>(count));
  for (std::int64_t row = 0; row < count; ++row)
    rows.emplace_back(values.begin() + row * width, values.begin() + (row + 1) * width);
  return rows;
}

int run(const std::string& path) {
  const SafetensorsFile file(path);
  const auto cost0 = rows_of(file, "cost0"), cost1 = rows_of(file, "cost1");
  const bool all_pairs = file.has("weights");
  const auto weights = rows_of(file, all_pairs ? "weights" : "edge_weights");
  const auto ends = all_pairs ? std::vector<std::int64_t>{} : integers_of(file.at("edges"), "edges");

  double energy = 0.0;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t g = 0; g < cost0.size(); ++g) {
    if (all_pairs) {
      energy += GraphCut::all_pairs(cost0[g], cost1[g], weights[g]).minimum().energy;
      continue;
    }
    std::vector<CutEdge> edges;
    edges.reserve(weights[g].size());
    for (std::size_t m = 0; m < weights[g].size(); ++m)
      edges.push_back(
          {static_cast<std::int32_t>(ends[2 * m]), static_cast<std::int32_t>(ends[2 * m + 1]), weights[g][m]});
    energy += GraphCut(cost0[g], cost1[g], std::move(edges)).minimum().energy;
  }
  const double seconds = seconds_since(start);
  const nlohmann::json row = {{"metric", "energy"}, {"value", energy}};
  fmt::print("{}\n", nlohmann::json{{"results", {row}}, {"seconds", {{"total", seconds}}}}.dump());
  return 0;
}

}  // namespace
}  // namespace assay::diffusion_seg

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw assay::InputError("usage: graph_cut_of_file FILE.safetensors");
    return assay::diffusion_seg::run(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "graph_cut_of_file: {}\n", error.what());
    return 2;
  }
}
