// Our side of the graph cut cases of tools/peers: the minimum of each energy in a file, and the CPU seconds of it and
// of building its graph, in the form of `assay metric --json`.
//
//   graph_cut_of_file FILE.safetensors    cost0 and cost1 [graphs, n]; weights [graphs, n, n] of all pairs, or
//                                         [graphs, 4, height, width] of a grid, as GraphCut::grid takes them
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

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
  auto cost0 = rows_of(file, "cost0"), cost1 = rows_of(file, "cost1"), weights = rows_of(file, "weights");
  const std::vector<std::int64_t>& shape = file.at("weights").shape;

  double energy = 0.0;
  const std::clock_t start = std::clock();
  for (std::size_t g = 0; g < cost0.size(); ++g) {
    const GraphCut graph =
        shape.size() == 4
            ? GraphCut::grid(shape[2], shape[3], std::move(cost0[g]), std::move(cost1[g]), std::move(weights[g]))
            : GraphCut::all_pairs(std::move(cost0[g]), std::move(cost1[g]), std::move(weights[g]));
    energy += graph.minimum().energy;
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
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
