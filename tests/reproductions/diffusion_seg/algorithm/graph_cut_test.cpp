#include "reproductions/diffusion_seg/algorithm/graph_cut.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();
using Mask = std::vector<std::uint8_t>;

struct Energy {
  std::vector<double> cost0, cost1;
  std::vector<CutEdge> edges;
  std::int32_t width = 0;  // of a grid whose neighbours the edges join, each pair once; 0 for other edges

  GraphCut sparse() const { return {cost0, cost1, edges}; }
  GraphCut dense() const {
    const std::size_t n = cost0.size();
    std::vector<double> weights(n * n, 0.0);
    for (const CutEdge& e : edges)
      weights[static_cast<std::size_t>(std::min(e.i, e.j)) * n + static_cast<std::size_t>(std::max(e.i, e.j))] +=
          e.weight;
    return GraphCut::all_pairs(cost0, cost1, weights);
  }
  GraphCut grid() const {
    const std::size_t n = cost0.size();
    std::vector<double> weights(4 * n, std::nan(""));  // as it stays where there is no neighbour
    for (const CutEdge& e : edges) {
      const std::int32_t down = e.j / width - e.i / width, right = e.j % width - e.i % width;
      weights[static_cast<std::size_t>(down == 0 ? 0 : 2 + right) * n + static_cast<std::size_t>(e.i)] = e.weight;
    }
    return GraphCut::grid(static_cast<std::int64_t>(n) / width, width, cost0, cost1, weights);
  }
  /// By every algorithm there is for it.
  std::vector<GraphCut> graphs() const {
    std::vector<GraphCut> all = {sparse(), dense()};
    if (width > 0) all.push_back(grid());
    return all;
  }
};

/// The minimum over all labellings of up to 16 pixels, and the intersection of all that reach it.
struct Exhaustive {
  double energy = infinity;
  Mask mask;
};

Exhaustive exhaustive(const Energy& e) {
  const auto n = e.cost0.size();
  // pull[i][h][s]: the weights between pixel i and the set s of the lower (h = 0) or upper eight pixels.
  std::vector<std::array<std::array<double, 256>, 2>> pull(n);
  std::vector<double> all(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    std::array<double, 16> weight{};
    for (const CutEdge& edge : e.edges) {
      if (static_cast<std::size_t>(edge.i) == i) weight[static_cast<std::size_t>(edge.j)] += edge.weight;
      if (static_cast<std::size_t>(edge.j) == i) weight[static_cast<std::size_t>(edge.i)] += edge.weight;
    }
    for (const double w : weight) all[i] += w;
    for (std::size_t half = 0; half < 2; ++half)
      for (unsigned set = 0; set < 256; ++set) {
        double sum = 0.0;
        for (std::size_t bit = 0; bit < 8; ++bit)
          if (set >> bit & 1u) sum += weight[8 * half + bit];
        pull[i][half][set] = sum;
      }
  }
  // A set costs what it costs without its lowest pixel, and what that pixel changes. Infinities count by the million.
  const auto finite = [](double cost) { return cost == infinity ? 1e6 : cost; };
  std::vector<double> energy(std::size_t{1} << n, 0.0);
  for (const double cost : e.cost0) energy[0] += finite(cost);
  for (unsigned set = 1; set < energy.size(); ++set) {
    const unsigned rest = set & (set - 1);
    const auto i = static_cast<std::size_t>(std::countr_zero(set));
    energy[set] = energy[rest] + finite(e.cost1[i]) - finite(e.cost0[i]) + all[i] -
                  2 * (pull[i][0][rest & 255u] + pull[i][1][rest >> 8]);
  }
  Exhaustive best;
  unsigned common = 0;
  for (unsigned set = 0; set < energy.size(); ++set) {
    if (energy[set] < best.energy) {
      best.energy = energy[set];
      common = set;
    } else if (energy[set] == best.energy) {
      common &= set;
    }
  }
  for (std::size_t i = 0; i < n; ++i) best.mask.push_back(static_cast<std::uint8_t>(common >> i & 1u));
  return best;
}

/// Pairs of a 4 x 4 grid: neighbours with diagonals, or all of them.
std::vector<CutEdge> pairs(bool all) {
  std::vector<CutEdge> edges;
  for (std::int32_t i = 0; i < 16; ++i)
    for (std::int32_t j = i + 1; j < 16; ++j)
      if (all || (std::abs(i / 4 - j / 4) <= 1 && std::abs(i % 4 - j % 4) <= 1)) edges.push_back({i, j, 0.0});
  return edges;
}

/// Small integers, so that many labellings share the minimum.
Energy random_energy(std::uint64_t item, bool all) {
  RandomStream random(1, Purpose::resample, item);
  Energy e{{}, {}, pairs(all), all ? 0 : 4};
  const std::uint64_t unary = all ? 12 : 5;
  for (int i = 0; i < 16; ++i) {
    e.cost0.push_back(static_cast<double>(random.below(unary)));
    e.cost1.push_back(static_cast<double>(random.below(unary)));
  }
  for (CutEdge& edge : e.edges) edge.weight = static_cast<double>(random.below(all ? 2 : 4));
  return e;
}

TEST(GraphCut, IsTheSmallestOfTheMinimisersFoundByTryingAll) {
  int ties = 0;
  for (std::uint64_t item = 0; item < 1000; ++item) {
    const Energy e = random_energy(item, item % 2 == 1);
    const Exhaustive expected = exhaustive(e);
    for (const GraphCut& graph : e.graphs()) {
      const Cut cut = graph.minimum();
      ASSERT_EQ(cut.energy, expected.energy) << item;
      ASSERT_EQ(cut.mask, expected.mask) << item;
    }
    // Where ones and zeros cost the same, the complement shows that there was a choice.
    Energy swapped = e;
    swapped.cost0.swap(swapped.cost1);
    Mask complement = swapped.sparse().minimum().mask;
    for (std::uint8_t& label : complement) label = static_cast<std::uint8_t>(1 - label);
    if (complement != expected.mask) ++ties;
  }
  EXPECT_GT(ties, 100);
}

TEST(GraphCut, IsTheMinimumOfRealCosts) {
  for (std::uint64_t item = 0; item < 200; ++item) {
    RandomStream random(2, Purpose::resample, item);
    Energy e{{}, {}, pairs(item % 2 == 1), item % 2 == 1 ? 0 : 4};
    for (int i = 0; i < 16; ++i) {
      e.cost0.push_back(5 * random.uniform() - 1);
      e.cost1.push_back(5 * random.uniform() - 1);
    }
    for (CutEdge& edge : e.edges) edge.weight = random.uniform();
    const double expected = exhaustive(e).energy;
    for (const GraphCut& graph : e.graphs()) EXPECT_NEAR(graph.minimum().energy, expected, 1e-12);
  }
}

TEST(GraphCut, KeepsToInfiniteCosts) {
  for (std::uint64_t item = 0; item < 200; ++item) {
    Energy e = random_energy(5000 + item, item % 2 == 1);
    RandomStream random(3, Purpose::resample, item);
    for (std::size_t i = 0; i < 16; ++i) {
      const std::uint64_t kind = random.below(5);
      if (kind == 0) e.cost0[i] = infinity;
      if (kind == 1) e.cost1[i] = infinity;
    }
    const Exhaustive expected = exhaustive(e);
    for (const GraphCut& graph : e.graphs()) {
      const Cut cut = graph.minimum();
      ASSERT_EQ(cut.energy, expected.energy) << item;
      ASSERT_EQ(cut.mask, expected.mask) << item;
      // The other label at the first seed is forbidden.
      Mask wrong = cut.mask;
      for (std::size_t i = 0; i < 16; ++i)
        if (e.cost0[i] == infinity || e.cost1[i] == infinity) {
          wrong[i] = static_cast<std::uint8_t>(1 - wrong[i]);
          EXPECT_EQ(graph.energy(wrong), infinity);
          break;
        }
    }
  }
}

TEST(GraphCut, LabelsPixelsWithoutEdgesByTheirOwnCosts) {
  const Energy e{{3, 1, 2, infinity, 0}, {1, 3, 2, 7, 0}, {}};
  EXPECT_THAT(e.sparse().minimum().mask, ElementsAre(1, 0, 0, 1, 0));  // equal costs: 0
  EXPECT_THAT(e.dense().minimum().mask, ElementsAre(1, 0, 0, 1, 0));
  EXPECT_EQ(e.sparse().minimum().energy, 1 + 1 + 2 + 7 + 0);
}

TEST(GraphCut, AddsUpEdgesOfTheSamePair) {
  const Energy once{{5, 0}, {0, 4}, {{0, 1, 3}}}, twice{{5, 0}, {0, 4}, {{0, 1, 3}, {1, 0, 2}}};
  EXPECT_THAT(once.sparse().minimum().mask, ElementsAre(1, 0));
  EXPECT_EQ(once.sparse().minimum().energy, 3);
  EXPECT_THAT(twice.sparse().minimum().mask, ElementsAre(1, 1));
  EXPECT_EQ(twice.sparse().minimum().energy, 4);
}

TEST(GraphCut, ScalesWithItsCosts) {
  // Powers of two move no bit, so that ties stay ties at either end of the doubles.
  for (std::uint64_t item = 0; item < 20; ++item) {
    const Energy e = random_energy(item, false);
    const Mask expected = e.sparse().minimum().mask;
    for (const double factor : {0x1p-850, 0x1p-40, 0x1p900}) {
      Energy scaled = e;
      for (double& cost : scaled.cost0) cost *= factor;
      for (double& cost : scaled.cost1) cost *= factor;
      for (CutEdge& edge : scaled.edges) edge.weight *= factor;
      for (const GraphCut& graph : scaled.graphs()) EXPECT_EQ(graph.minimum().mask, expected) << factor;
    }
  }
}

/// Numbers that a few lines of Python make too.
class Lcg {
 public:
  explicit Lcg(std::uint64_t seed) : state_(seed) {}
  double below(std::uint64_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>((state_ >> 33) % bound);
  }

 private:
  std::uint64_t state_;
};

Energy lcg_energy(std::int32_t side, bool all, std::uint64_t unary, std::uint64_t pairwise) {
  Lcg random(static_cast<std::uint64_t>(side));
  Energy e{{}, {}, {}, all ? 0 : side};
  const std::int32_t n = side * side;
  for (std::int32_t i = 0; i < n; ++i) {
    e.cost0.push_back(random.below(unary));
    e.cost1.push_back(random.below(unary));
  }
  for (std::int32_t i = 0; i < n; ++i)
    for (std::int32_t j = i + 1; j < n; ++j)
      if (all || (std::abs(i / side - j / side) <= 1 && std::abs(i % side - j % side) <= 1))
        e.edges.push_back({i, j, random.below(pairwise)});
  return e;
}

// scipy 1.17.1's maximum_flow of the same integers, and what a search of its residual graph reaches from s.
TEST(GraphCut, HasTheFlowAndTheSourceSideOfScipy) {
  struct Case {
    Energy energy;
    double flow;
    int ones;
    std::int64_t hash;
  };
  // Of the first there are minimisers with up to 786 ones.
  const Case cases[] = {{lcg_energy(40, false, 30, 8), 21604, 742, 380021},
                        {lcg_energy(12, true, 200, 3), 14710, 136, 497603},
                        {lcg_energy(24, false, 100, 40), 28454, 480, 332641}};
  for (const Case& c : cases)
    for (const GraphCut& graph : c.energy.graphs()) {
      const Cut cut = graph.minimum();
      EXPECT_EQ(cut.energy, c.flow);
      EXPECT_EQ(std::count(cut.mask.begin(), cut.mask.end(), 1), c.ones);
      std::int64_t hash = 0;
      for (const std::uint8_t label : cut.mask) hash = (hash * 31 + label) % 1000003;
      EXPECT_EQ(hash, c.hash);
    }
}

/// Weights below 4 between neighbours, costs below 30.
Energy grid_energy(std::int32_t height, std::int32_t width) {
  RandomStream random(4, Purpose::resample, static_cast<std::uint64_t>(height * 1000 + width));
  Energy e{{}, {}, {}, width};
  for (std::int32_t i = 0; i < height * width; ++i) {
    e.cost0.push_back(static_cast<double>(random.below(30)));
    e.cost1.push_back(static_cast<double>(random.below(30)));
    const std::int32_t x = i % width;
    const auto join = [&](std::int32_t j) { e.edges.push_back({i, j, static_cast<double>(random.below(8))}); };
    if (x + 1 < width) join(i + 1);
    if (i / width + 1 == height) continue;
    if (x > 0) join(i + width - 1);
    join(i + width);
    if (x + 1 < width) join(i + width + 1);
  }
  return e;
}

TEST(GraphCut, TakesGridsOfAnyShape) {
  // Rows are searched in pieces of 64 pixels and swept by eights.
  const std::int32_t shapes[][2] = {{1, 1},  {1, 2},  {2, 1},    {1, 200}, {200, 1}, {7, 63},
                                    {9, 64}, {8, 65}, {17, 127}, {3, 128}, {5, 129}, {66, 70}};
  for (const auto& shape : shapes) {
    const Energy e = grid_energy(shape[0], shape[1]);
    const Cut expected = e.sparse().minimum(), cut = e.grid().minimum();
    EXPECT_EQ(cut.mask, expected.mask) << shape[0] << " x " << shape[1];
    EXPECT_EQ(cut.energy, expected.energy);
  }
}

TEST(GraphCut, FollowsACorridorThroughTheWholeGrid) {
  // Every other row is open from end to end, and joined to the next at its right and its left end in turn: 3,361
  // pixels in one line. Only its ends have costs.
  constexpr std::int32_t side = 81;
  std::vector<std::int32_t> line;
  for (std::int32_t y = 0; y < side; y += 2) {
    for (std::int32_t k = 0; k < side; ++k) line.push_back(y * side + (y % 4 == 0 ? k : side - 1 - k));
    if (y + 1 < side) line.push_back((y + 1) * side + (y % 4 == 0 ? side - 1 : 0));
  }
  Energy e = grid_energy(side, side);
  e.cost0.assign(side * side, 0.0);
  e.cost1 = e.cost0;
  e.cost0[static_cast<std::size_t>(line.front())] = 5;
  e.cost1[static_cast<std::size_t>(line.back())] = 3;
  std::vector<std::int32_t> place(side * side, -9);  // along the line
  for (std::size_t k = 0; k < line.size(); ++k) place[static_cast<std::size_t>(line[k])] = static_cast<std::int32_t>(k);
  const auto apart = [&](const CutEdge& edge) {
    return place[static_cast<std::size_t>(edge.i)] - place[static_cast<std::size_t>(edge.j)];
  };
  for (CutEdge& edge : e.edges) edge.weight = std::abs(apart(edge)) == 1 ? 4 : 0;
  const auto ones = [](const Cut& cut) { return std::count(cut.mask.begin(), cut.mask.end(), 1); };
  const Cut cut = e.grid().minimum();
  EXPECT_EQ(cut.energy, 3);
  EXPECT_EQ(ones(cut), static_cast<std::int64_t>(line.size()));

  for (CutEdge& edge : e.edges)
    if (edge.weight == 4 && place[static_cast<std::size_t>(edge.i)] + place[static_cast<std::size_t>(edge.j)] == 1999)
      edge.weight = 2;
  const Cut narrowed = e.grid().minimum();
  EXPECT_EQ(narrowed.energy, 2);
  EXPECT_EQ(ones(narrowed), 1000);
}

TEST(GraphCut, RefusesWhatHasNoMinimum) {
  const auto refused = [](const Energy& e) { return message_of<InputError>([&] { (void)e.sparse(); }); };
  EXPECT_THAT(refused({{}, {}, {}}), HasSubstr("0 pixels; accepted: 1 to"));
  EXPECT_THAT(refused({{0, std::nan("")}, {0, 0}, {}}), HasSubstr("cost nan at pixel 1"));
  EXPECT_THAT(refused({{0, 0}, {-infinity, 0}, {}}), HasSubstr("cost -inf at pixel 0"));
  EXPECT_THAT(refused({{0, infinity}, {0, infinity}, {}}), HasSubstr("both labels of pixel 1 are forbidden"));
  EXPECT_THAT(refused({{0, 0}, {0, 0}, {{0, 1, -0.5}}}), HasSubstr("weight -0.5 between pixels 0 and 1"));
  EXPECT_THAT(refused({{0, 0}, {0, 0}, {{0, 1, std::nan("")}}}), HasSubstr("weight nan"));
  EXPECT_THAT(refused({{0, 0}, {0, 0}, {{0, 1, infinity}}}), HasSubstr("weight inf"));
  EXPECT_THAT(refused({{0, 0}, {0, 0}, {{0, 2, 1}}}),
              HasSubstr("pixels 0 and 2; accepted: two different ones of 0 to 1"));
  EXPECT_THAT(refused({{0, 0}, {0, 0}, {{1, 1, 1}}}), HasSubstr("pixels 1 and 1"));
  EXPECT_THAT(message_of<InputError>([] {
                GraphCut::all_pairs({0, 0}, {0, 0}, {0, -1, 0, 0});
              }),
              HasSubstr("weight -1"));
  EXPECT_THAT(message_of<Error>([] { GraphCut::all_pairs({0, 0}, {0, 0}, {0, 1, 0}); }), HasSubstr("3 weights"));
  EXPECT_THAT(message_of<InputError>([] {
                GraphCut::grid(1, 2, {0, 0}, {0, 0}, {-2, 0, 0, 0, 0, 0, 0, 0});
              }),
              HasSubstr("weight -2 between pixels 0 and 1"));
  EXPECT_THAT(message_of<Error>([] {
                GraphCut::grid(1, 2, {0, 0}, {0, 0}, {0, 0, 0});
              }),
              HasSubstr("2 pixels and 3 weights of a grid of 1 x 2"));
  EXPECT_THAT(message_of<Error>([] {
                GraphCut::grid(2, 2, {0, 0}, {0, 0}, std::vector<double>(8));
              }),
              HasSubstr("of a grid of 2 x 2"));
  EXPECT_THAT(message_of<Error>([] { GraphCut({0, 0}, {0}, {}); }), HasSubstr("2 costs of label 0, 1 of label 1"));
  const GraphCut huge({1e308, 1e308}, {0, 0}, {{0, 1, 1e308}}), graph({1, 2}, {0, 0}, {});
  EXPECT_THAT(message_of<InputError>([&] { (void)huge.minimum(); }), HasSubstr("beyond the largest double"));
  EXPECT_THAT(message_of<InputError>([&] { (void)graph.energy(Mask{0, 2}); }), HasSubstr("label 2 at pixel 1"));
  EXPECT_THAT(message_of<Error>([&] { (void)graph.energy(Mask{0}); }), HasSubstr("a mask of 1 pixels for 2"));
}

}  // namespace
}  // namespace assay::diffusion_seg
