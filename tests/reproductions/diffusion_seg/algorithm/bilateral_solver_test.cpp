#include "reproductions/diffusion_seg/algorithm/bilateral_solver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using test::message_of;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// An image whose colours fall into few places of the grid, so that many vertices have neighbours.
Image dull_image(int width, int height, std::uint64_t seed) {
  Image image(width, height, 3);
  RandomStream random(seed, Purpose::dataset, 0);
  for (std::uint8_t& byte : image.pixels) byte = static_cast<std::uint8_t>(90 + random.below(20));
  return image;
}

std::vector<float> random_map(std::size_t pixels, std::uint64_t seed) {
  std::vector<float> map;
  map.reserve(pixels);
  RandomStream random(seed, Purpose::noise, 0);
  for (std::size_t i = 0; i < pixels; ++i) map.push_back(static_cast<float>(random.uniform()));
  return map;
}

VectorXd vector_of(const std::vector<float>& map) {
  return Eigen::Map<const Eigen::VectorXf>(map.data(), static_cast<Eigen::Index>(map.size())).cast<double>();
}

/// A small scene and what NumPy and SciPy make of it: tests/data/bilateral/make_expected.py.
const std::filesystem::path scene_file = std::filesystem::path(ASSAY_TEST_DATA) / "bilateral" / "expected.safetensors";

Image image_of_scene(const SafetensorsFile& file) {
  const TensorView& bytes = file.at("image");
  Image image(static_cast<int>(bytes.shape[1]), static_cast<int>(bytes.shape[0]), 3);
  std::memcpy(image.pixels.data(), bytes.data.data(), image.pixels.size());
  return image;
}

/// Iterations that are as good as none too few.
BilateralOptions exact(double spatial, double luma, double chroma, double lambda) {
  return {.sigma_spatial = spatial,
          .sigma_luma = luma,
          .sigma_chroma = chroma,
          .lambda = lambda,
          .iterations = 2000,
          .tolerance = 1e-13};
}

/// The matrices of the paper, written out. S has a column a pixel and a row a vertex.
struct Dense {
  MatrixXd splat, blur;

  Dense(const Image& image, const BilateralOptions& o) {
    std::vector<std::array<int, 5>> of_pixels, vertices;
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x) {
        const std::uint8_t* rgb = image.at(x, y);
        const double r = rgb[0], g = rgb[1], b = rgb[2];
        const auto place = [](double value, double sigma) { return static_cast<int>(std::floor(value / sigma)); };
        of_pixels.push_back({place(x, o.sigma_spatial), place(y, o.sigma_spatial),
                             place(0.299 * r + 0.587 * g + 0.114 * b, o.sigma_luma),
                             place(128 - 0.168736 * r - 0.331264 * g + 0.5 * b, o.sigma_chroma),
                             place(128 + 0.5 * r - 0.418688 * g - 0.081312 * b, o.sigma_chroma)});
        if (std::find(vertices.begin(), vertices.end(), of_pixels.back()) == vertices.end())
          vertices.push_back(of_pixels.back());
      }
    const auto n = static_cast<Eigen::Index>(vertices.size());
    splat = MatrixXd::Zero(n, static_cast<Eigen::Index>(of_pixels.size()));
    for (std::size_t i = 0; i < of_pixels.size(); ++i)
      splat(std::find(vertices.begin(), vertices.end(), of_pixels[i]) - vertices.begin(),
            static_cast<Eigen::Index>(i)) = 1.0;
    blur = MatrixXd::Zero(n, n);
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j < n; ++j) {
        int apart = 0;
        for (std::size_t d = 0; d < 5; ++d)
          apart += std::abs(vertices[static_cast<std::size_t>(i)][d] - vertices[static_cast<std::size_t>(j)][d]);
        // 1 2 1 along each of five dimensions.
        blur(i, j) = apart == 0 ? 10.0 : apart == 1 ? 1.0 : 0.0;
      }
  }

  VectorXd counts() const { return splat.rowwise().sum(); }

  /// n after these steps.
  VectorXd balanced(int steps) const {
    VectorXd n = VectorXd::Ones(blur.rows());
    for (int s = 0; s < steps; ++s) n = (n.array() * counts().array() / (blur * n).array()).sqrt();
    return n;
  }

  /// The map of every pixel.
  VectorXd solve(const VectorXd& target, const VectorXd& confidence, double lambda, int balancing_steps) const {
    const VectorXd n = balanced(balancing_steps), m = n.cwiseProduct(blur * n);
    MatrixXd a = n.asDiagonal() * blur * n.asDiagonal();
    a *= -lambda;
    a.diagonal() += lambda * m + splat * confidence;
    return splat.transpose() * a.ldlt().solve(splat * confidence.cwiseProduct(target));
  }
};

TEST(BilateralSolver, IsTheDirectSolutionOfTheDenseSystem) {
  const Image image = dull_image(9, 7, 1);
  const std::vector<float> target = random_map(63, 2), confidence = random_map(63, 3);
  for (const double lambda : {0.1, 5.0, 256.0}) {
    const BilateralOptions options = exact(3, 8, 8, lambda);
    const Dense dense(image, options);
    ASSERT_GT(dense.blur.rows(), 20);
    // The image is of use only where vertices have neighbours.
    ASSERT_GT((dense.blur.array() == 1.0).count(), dense.blur.rows());
    const VectorXd expected = dense.solve(vector_of(target), vector_of(confidence), lambda, 10);
    const BilateralSolution found = solve_bilateral(image, target, options, confidence);
    EXPECT_EQ(found.vertices, dense.blur.rows());
    EXPECT_LE(found.residual, 1e-13);
    EXPECT_LT((vector_of(found.map) - expected).cwiseAbs().maxCoeff(), 1e-6) << lambda;
  }
}

TEST(BilateralSolver, FollowsSciPyStepByStep) {
  const SafetensorsFile wanted(scene_file);
  const Image image = image_of_scene(wanted);
  const auto map = [&](const std::string& name) { return wanted.at(name).f32(name); };
  for (const std::int64_t iterations : {1, 5, 25, 2000}) {
    BilateralOptions options = exact(4, 16, 8, 64);
    options.iterations = iterations;
    const BilateralSolution found = solve_bilateral(image, map("target"), options, map("confidence"));
    EXPECT_EQ(found.vertices, 298);
    const bool done = iterations == 2000;
    const auto expected = map(done ? "direct" : "iterations." + std::to_string(iterations));
    EXPECT_EQ(done, found.iterations < iterations);
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(found.map[i], expected[i], 2e-6) << iterations << " iterations, pixel " << i;
  }
}

TEST(BilateralSolver, MinimisesWhatThePaperStatesOverPixels) {
  // lambda / 2 sum_ij w_ij (x_i - x_j)^2 + sum_i c_i (x_i - t_i)^2 with w = S' M^-1 N B N M^-1 S: its gradient, added
  // up over the pixels of a vertex, which have one value, is 0.
  const Image image = dull_image(8, 8, 4);
  const std::vector<float> target = random_map(64, 5);
  BilateralOptions options = exact(3, 8, 8, 4.0);
  options.balancing_steps = 3000;
  const Dense dense(image, options);
  const VectorXd n = dense.balanced(3000), share = n.cwiseQuotient(dense.counts());
  const MatrixXd spread = dense.splat.transpose() * share.asDiagonal();
  const MatrixXd w = spread * dense.blur * spread.transpose();
  EXPECT_LT((w.rowwise().sum() - VectorXd::Ones(64)).cwiseAbs().maxCoeff(), 1e-9);  // bistochastic

  const VectorXd x = vector_of(solve_bilateral(image, target, options).map);
  const VectorXd laplacian = w.rowwise().sum().cwiseProduct(x) - w * x;
  const VectorXd gradient = 2 * options.lambda * laplacian + 2 * options.confidence * (x - vector_of(target));
  EXPECT_LT((dense.splat * gradient).cwiseAbs().maxCoeff(), 1e-4);
  EXPECT_GT(gradient.cwiseAbs().maxCoeff(), 0.1);  // single pixels are not at theirs
}

TEST(BilateralSolver, GetsCloseWithinTheUsualIterations) {
  const Image image = dull_image(12, 12, 6);
  const std::vector<float> target = random_map(144, 7);
  BilateralOptions options;
  options.sigma_spatial = 4;
  options.sigma_luma = 8;
  const BilateralSolution found = solve_bilateral(image, target, options);
  EXPECT_LE(found.iterations, 25);
  const Dense dense(image, options);
  const VectorXd expected = dense.solve(vector_of(target), VectorXd::Constant(144, options.confidence), 256, 10);
  EXPECT_LT((vector_of(found.map) - expected).cwiseAbs().maxCoeff(), 1e-2);
}

TEST(BilateralSolver, LeavesAConstantAsItIs) {
  // However few the steps of balancing: smoothing takes a constant to 0, so that the start is the solution.
  const Image image = dull_image(10, 6, 8);
  for (const std::int64_t steps : {0, 1, 10}) {
    BilateralOptions options;
    options.sigma_spatial = 3;
    options.balancing_steps = steps;
    options.tolerance = 1e-10;
    const BilateralSolution found = solve_bilateral(image, std::vector<float>(60, 0.25f), options);
    EXPECT_EQ(found.iterations, 0) << steps;
    EXPECT_THAT(found.map, Each(0.25f)) << steps;
  }
  EXPECT_THAT(solve_bilateral(image, std::vector<float>(60, 0.0f), {}).map, Each(0.0f));
}

TEST(BilateralSolver, TakesTheWeightedMeanWhereThePixelsAreAlike) {
  // One colour within one place of the grid is one unknown, which smoothing does not move.
  const Image image(4, 2, 3, 77);
  const std::vector<float> target = {0, 0, 0, 1, 1, 1, 1, 1};
  EXPECT_THAT(solve_bilateral(image, target, {}).map, Each(::testing::FloatEq(0.625f)));
  const std::vector<float> confidence = {1, 0, 0, 1, 0, 0, 0, 2};
  EXPECT_THAT(solve_bilateral(image, target, {}, confidence).map, Each(::testing::FloatEq(0.75f)));
}

TEST(BilateralSolver, SmoothsAcrossAnImageOfOneColour) {
  // Without edges the target's step is spread out: the map still rises along the step, by less from place to place.
  const Image image(64, 4, 3, 120);
  std::vector<float> target;
  target.reserve(256);
  for (int i = 0; i < 4 * 64; ++i) target.push_back(i % 64 < 32 ? 0.0f : 1.0f);
  const std::vector<float> map = solve_bilateral(image, target, exact(8, 16, 8, 256)).map;
  for (std::size_t x = 8; x < 64; x += 8) {
    EXPECT_GT(map[x], map[x - 8]);
    EXPECT_LT(map[x] - map[x - 8], 0.1);
  }
  // Symmetric about the step.
  for (std::size_t x = 0; x < 64; ++x) EXPECT_NEAR(map[x] + map[63 - x], 1.0, 1e-5);
}

TEST(BilateralSolver, PutsARoughMasksBorderWhereTheColoursChange) {
  // Black beside white; the mask's border is six pixels off, which is most of a place of the grid, and some pixels are
  // wrong. Within each colour smoothing decides; black and white are no neighbours.
  Image image(64, 32, 3);
  std::vector<float> target;
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 64; ++x) {
      if (x >= 32) std::fill_n(image.at(x, y), 3, std::uint8_t{255});
      target.push_back((x >= 26) != ((5 * x + 3 * y) % 11 == 0) ? 1.0f : 0.0f);
    }
  const BilateralSolution found = solve_bilateral(image, target, exact(8, 16, 8, 256));
  EXPECT_EQ(found.vertices, 32);
  int wrong = 0;
  double black = 0.0, asked = 0.0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const bool is_white = i % 64 >= 32;
    wrong += (found.map[i] > 0.5f) != is_white;
    if (is_white) continue;
    black += static_cast<double>(found.map[i]) / 1024;
    asked += static_cast<double>(target[i]) / 1024;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_NEAR(black, asked, 1e-6);  // smoothing keeps the mean of what hangs together
}

TEST(BilateralSolver, StaysWithinTheTarget) {
  // After two steps SciPy's map of this mask falls to -0.0077, after three it rises to 1.0059.
  const SafetensorsFile scene(scene_file);
  const std::span<const float> rough = scene.at("target").f32("target");
  std::vector<float> target(rough.size());
  std::transform(rough.begin(), rough.end(), target.begin(), [](float value) { return value > 0.5f ? 1.0f : 0.0f; });
  BilateralOptions options = exact(4, 16, 8, 4096);
  options.iterations = 2;
  std::vector<float> map = solve_bilateral(image_of_scene(scene), target, options).map;
  EXPECT_EQ(*std::min_element(map.begin(), map.end()), 0.0f);
  options.iterations = 3;
  map = solve_bilateral(image_of_scene(scene), target, options).map;
  EXPECT_EQ(*std::max_element(map.begin(), map.end()), 1.0f);
}

TEST(BilateralSolver, FillsInWhereTheTargetIsNotTrusted) {
  // The right half has no confidence and the colour of the left: it takes over the value at the left half's border.
  const Image image(32, 4, 3, 50);
  std::vector<float> target, confidence;
  for (int i = 0; i < 128; ++i) {
    target.push_back(i % 32 < 8 ? 0.9f : i % 32 < 16 ? 0.1f : 1.0f);
    confidence.push_back(i % 32 < 16 ? 1.0f : 0.0f);
  }
  const BilateralOptions options = exact(8, 16, 8, 1);
  const std::vector<float> map = solve_bilateral(image, target, options, confidence).map;
  const VectorXd expected = Dense(image, options).solve(vector_of(target), vector_of(confidence), 1, 10);
  EXPECT_LT((vector_of(map) - expected).cwiseAbs().maxCoeff(), 1e-6);
  for (std::size_t x = 16; x < 32; ++x) EXPECT_NEAR(map[x], map[15], 1e-6);
  EXPECT_GT(map[0], map[15] + 0.1f);
}

TEST(BilateralGrid, RoundsDownAndKeepsMultiplesExact) {
  // Greys 15 and 16 are on two sides of a border of luma; 16 has luma 16, which sums of rounded products may miss.
  Image image(3, 1, 3);
  std::fill_n(image.at(0, 0), 3, std::uint8_t{15});
  std::fill_n(image.at(1, 0), 3, std::uint8_t{16});
  std::fill_n(image.at(2, 0), 3, std::uint8_t{31});
  const BilateralGrid grid(image, 16, 16, 8);
  EXPECT_THAT(grid.splat(std::vector<double>{1, 1, 1}), ElementsAre(1, 2));
  EXPECT_THAT(grid.slice(std::vector<double>{3, 5}), ElementsAre(3, 5, 5));
  EXPECT_THAT(grid.blur(std::vector<double>{3, 5}), ElementsAre(35, 53));
}

TEST(BilateralGrid, JoinsWhatDiffersByOnePlaceInOneCoordinate) {
  // x in places 0, 1, 2; the greys of the last are two places from the first.
  Image image(3, 1, 3, 100);
  std::fill_n(image.at(2, 0), 3, std::uint8_t{120});
  const BilateralGrid grid(image, 1, 10, 8);
  EXPECT_EQ(grid.vertices(), 3);
  EXPECT_THAT(grid.blur(std::vector<double>{1, 10, 100}), ElementsAre(20, 101, 1000));
}

TEST(BilateralSolver, BalancesUntilSmoothingKeepsSums) {
  const Image image = dull_image(10, 10, 11);
  const BilateralGrid grid(image, 3, 8, 8);
  const Balance balanced = balance(grid, 2000);
  const std::vector<double> counts = grid.splat(std::vector<double>(100, 1.0));
  for (std::size_t v = 0; v < counts.size(); ++v) EXPECT_NEAR(balanced.m[v], counts[v], 1e-9);
}

TEST(BilateralSolver, RefusesWhatItCannotSolve) {
  const Image image(4, 2, 3, 77);
  const std::vector<float> target(8, 0.5f);
  EXPECT_THAT(message_of<InputError>([&] { solve_bilateral(Image(4, 2, 1), target, {}); }),
              HasSubstr("4 x 2 pixels and 1 channels; accepted: 3 channels"));
  EXPECT_THAT(message_of<InputError>([&] { solve_bilateral(image, std::vector<float>(7, 0.5f), {}); }),
              HasSubstr("7 values for 4 x 2 pixels"));
  EXPECT_THAT(message_of<InputError>([&] { solve_bilateral(image, target, {}, std::vector<float>(3, 1.0f)); }),
              HasSubstr("8 values and 3 of confidence for 4 x 2 pixels"));
  std::vector<float> bad = target;
  bad[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message_of<InputError>([&] { solve_bilateral(image, bad, {}); }), HasSubstr("pixel 5 has target nan"));
  EXPECT_THAT(message_of<InputError>([&] { solve_bilateral(image, target, {}, std::vector<float>(8, -1.0f)); }),
              HasSubstr("pixel 0 has target 0.5 and confidence -1"));
  EXPECT_THAT(message_of<InputError>([&] { solve_bilateral(image, target, {}, std::vector<float>(8, 0.0f)); }),
              HasSubstr("no pixel of the target has any confidence"));
  EXPECT_THAT(message_of<InputError>([&] { BilateralGrid(image, 16, 0.01, 8); }), HasSubstr("sigma_luma 0.01"));
}

TEST(BilateralOptions, AreReadWithTheirRanges) {
  BilateralOptions options;
  options.sigma_spatial = 24;
  options.lambda = 10;
  options.iterations = 7;
  EXPECT_EQ(to_json(read_bilateral_options(to_json(options), "bilateral")), to_json(options));
  EXPECT_THAT(message_of<InputError>([] {
                read_bilateral_options({{"sigma_luma", 0}}, "bilateral");
              }),
              HasSubstr("bilateral.sigma_luma: 0 is out of range"));
}

}  // namespace
}  // namespace assay::diffusion_seg
