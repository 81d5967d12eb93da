#include <benchmark/benchmark.h>

#include <cmath>

#include "bench/micro/micro_bench.h"
#include "reproductions/diffusion_seg/algorithm/attention_cut.h"

namespace assay::diffusion_seg {
namespace {

struct Maps {
  std::int64_t side;
  std::vector<float> cross, self;
};

/// Attention as of one image: two soft blobs on slow waves, with some noise; a pixel attends to those that are near and
/// alike.
Maps maps(std::int64_t side) {
  const at::Tensor noise = micro::normal({side * side}, at::DeviceType::CPU, 1);
  const float* grain = noise.const_data_ptr<float>();
  Maps m{side, {}, {}};
  struct Place {
    double y, x, look;
  };
  std::vector<Place> places;
  for (std::int64_t i = 0; i < side * side; ++i) {
    const double y = static_cast<double>(i / side) / static_cast<double>(side),
                 x = static_cast<double>(i % side) / static_cast<double>(side);
    const double blobs = std::exp(-((y - .45) * (y - .45) + (x - .4) * (x - .4)) / .045) +
                         .7 * std::exp(-((y - .6) * (y - .6) + (x - .65) * (x - .65)) / .03);
    places.push_back({y, x, 3 * blobs + .2 * std::cos(9 * x + 5 * y)});
    m.cross.push_back(static_cast<float>(blobs + .05 * std::cos(20 * y - 7 * x) + .02 * grain[i]));
  }
  m.cross = min_max(m.cross);
  m.self.reserve(places.size() * places.size());
  for (const Place& a : places) {
    std::vector<double> row;
    row.reserve(places.size());
    double sum = 0.0;
    for (const Place& b : places) {
      const double far = ((a.y - b.y) * (a.y - b.y) + (a.x - b.x) * (a.x - b.x)) / .045,
                   unlike = (a.look - b.look) * (a.look - b.look) / .5;
      row.push_back(std::exp(-far - unlike));
      sum += row.back();
    }
    for (const double value : row) m.self.push_back(static_cast<float>(value / sum));
  }
  return m;
}

void add(const char* shape, std::int64_t side, Neighbourhood neighbourhood, const std::string& variant, double edges) {
  for (const double lambda : {0.1, 1.0, 10.0}) {
    // Each capacity is read and compared once at least.
    const micro::Work work{.bytes = 8 * edges, .flops = edges, .items = 1};
    const std::string name = variant + (lambda == 0.1 ? "_0.1" : lambda == 1.0 ? "_1" : "_10");
    micro::add("graph_cut", name, shape, "f64", at::DeviceType::CPU, work, [=] {
      const Maps m = maps(side);
      const AttentionMaps views{side, side, m.cross, m.self, {}};
      const GraphCut graph = attention_energy(views, {.lambda = lambda, .neighbourhood = neighbourhood});
      return [=] { benchmark::DoNotOptimize(graph.minimum().energy); };
    });
  }
}

const bool registered = [] {
  add("32x32", 32, Neighbourhood::all_pairs, "all_pairs", 523776);
  add("64x64", 64, Neighbourhood::eight_neighbours, "eight_neighbours", 16002);
  return true;
}();

}  // namespace
}  // namespace assay::diffusion_seg
