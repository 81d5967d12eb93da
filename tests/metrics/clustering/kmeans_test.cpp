#include "metrics/clustering/kmeans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "kernels/smallest_distances.h"
#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::normal;
using test::same_bits;
using test::values;

class KMeansOnEachDevice : public test::OnEachDevice {};
ASSAY_TEST_ON_EACH_DEVICE(KMeansOnEachDevice);

// Lloyd's iteration written out in double, from the first K of the permutation; no cluster runs empty here.
TEST_P(KMeansOnEachDevice, FollowsLloydsIteration) {
  constexpr std::int64_t n = 200, width = 5, clusters = 4, iterations = 6;
  const auto points = normal({n, width}, 3, device);
  const KMeans out =
      kmeans_fit(points, {.clusters = clusters, .iterations = iterations, .normalise = false, .seed = 9});

  const auto host = points.cpu();
  const float* x = host.const_data_ptr<float>();
  RandomStream random(9, Purpose::clustering, 1);
  const auto order = permutation(n, random);
  std::vector<double> means;
  for (std::int64_t c = 0; c < clusters; ++c) {
    for (std::int64_t d = 0; d < width; ++d) means.push_back(x[order[c] * width + d]);
  }
  for (std::int64_t t = 0; t < iterations; ++t) {
    std::vector<double> sums(clusters * width, 0.0), sizes(clusters, 0.0);
    double inertia = 0.0;
    for (std::int64_t i = 0; i < n; ++i) {
      double best = std::numeric_limits<double>::infinity();
      std::int64_t nearest = 0;
      for (std::int64_t c = 0; c < clusters; ++c) {
        double distance = 0.0;
        for (std::int64_t d = 0; d < width; ++d) distance += std::pow(x[i * width + d] - means[c * width + d], 2);
        if (distance < best) {
          best = distance;
          nearest = c;
        }
      }
      inertia += best;
      sizes[nearest] += 1.0;
      for (std::int64_t d = 0; d < width; ++d) sums[nearest * width + d] += x[i * width + d];
    }
    ASSERT_NEAR(out.inertia[t], inertia, 1e-4) << "iteration " << t;
    for (std::int64_t c = 0; c < clusters; ++c) {
      for (std::int64_t d = 0; d < width; ++d) means[c * width + d] = sums[c * width + d] / sizes[c];
    }
  }
  for (std::size_t i = 0; i < means.size(); ++i) EXPECT_NEAR(out.centroids.const_data_ptr<float>()[i], means[i], 1e-5);
  EXPECT_THAT(out.empty, ::testing::Each(0));
}

// Unit vectors (1,0,0) x 20 and (0, +-.8, .6) x 5 each: centroids (1,0,0) and (0,0,.6), the best of ten starts.
// For f = 100 (.643, 0, .766): f.c - |c|^2/2 is 64.3 - .5 against 46 - .18 raw, .143 against .28 on unit vectors.
TEST_P(KMeansOnEachDevice, RawAndNormalisedAssignmentDiffer) {
  std::vector<float> numbers;
  for (int i = 0; i < 20; ++i) numbers.insert(numbers.end(), {2.0f + i, 0, 0});
  for (int i = 0; i < 5; ++i) numbers.insert(numbers.end(), {0, 4, 3});
  for (int i = 0; i < 5; ++i) numbers.insert(numbers.end(), {0, -8, 6});
  const auto points = values(numbers, {30, 3}, device);
  KMeans best;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    KMeans fitted = kmeans_fit(points, {.clusters = 2, .seed = seed});
    if (best.inertia.empty() || fitted.inertia.back() < best.inertia.back()) best = fitted;
  }
  EXPECT_NEAR(best.inertia.back(), 6.4, 1e-5);
  const std::int64_t along = best.centroids[0][0].item<float>() > 0.9f ? 0 : 1;
  EXPECT_NEAR(best.centroids[1 - along][2].item<float>(), 0.6, 1e-6);

  const auto f = values({64.3f, 0, 76.6f}, {1, 3}, device);
  EXPECT_EQ(kmeans_assign(f, best.centroids, false), std::vector<std::int64_t>{along});
  EXPECT_EQ(kmeans_assign(f, best.centroids, true), std::vector<std::int64_t>{1 - along});
}

TEST_P(KMeansOnEachDevice, HasTheSameBitsOnOneThreadAndOnTheCpu) {
  const auto points = normal({3000, 20}, 1, device);
  const KMeansConfig config{.clusters = 30, .iterations = 8, .max_points_per_centroid = 50, .seed = 4};
  const KMeans many = kmeans_fit(points, config);
  const auto labels = kmeans_assign(points, many.centroids, false);
  const ThreadCount one(1);
  const KMeans single = kmeans_fit(points.cpu(), config);
  EXPECT_TRUE(same_bits(single.centroids, many.centroids));
  EXPECT_EQ(single.inertia, many.inertia);
  EXPECT_EQ(kmeans_assign(points.cpu(), many.centroids, false), labels);
}

// Four equal points, two clusters: all go to cluster 0, cluster 1 takes a copy, and the two are pushed apart.
TEST_P(KMeansOnEachDevice, AnEmptyClusterSplitsABigOne) {
  const auto points = values({3, 5, 3, 5, 3, 5, 3, 5}, {4, 2}, device);
  const KMeans out = kmeans_fit(points, {.clusters = 2, .iterations = 1, .normalise = false});
  EXPECT_EQ(out.empty, std::vector<std::int64_t>{1});
  const float up = 1.0f + 1.0f / 1024.0f, down = 1.0f - 1.0f / 1024.0f;
  EXPECT_TRUE(same_bits(out.centroids, values({3 * down, 5 * up, 3 * up, 5 * down}, {2, 2})));
}

TEST_P(KMeansOnEachDevice, AsManyClustersAsPointsEndsAtEveryPoint) {
  const KMeans out = kmeans_fit(normal({12, 3}, 2, device), {.clusters = 12, .normalise = false});
  EXPECT_EQ(out.inertia.back(), 0.0);
  const KMeans equal = kmeans_fit(values(std::vector<float>(12, 1.0f), {6, 2}, device), {.clusters = 6});
  EXPECT_TRUE(equal.centroids.isfinite().all().item<bool>());
}

TEST(KMeans, InertiaFallsAndProgressIsTold) {
  std::vector<double> told;
  const KMeans out = kmeans_fit(normal({500, 8}, 5), {.clusters = 7, .iterations = 12},
                                [&](std::int64_t done, std::int64_t of, double inertia) {
                                  EXPECT_EQ(of, 12);
                                  EXPECT_EQ(done, static_cast<std::int64_t>(told.size()) + 1);
                                  told.push_back(inertia);
                                });
  EXPECT_EQ(told, out.inertia);
  ASSERT_EQ(told.size(), 12u);
  for (std::size_t i = 1; i < told.size(); ++i) EXPECT_LE(told[i], told[i - 1] * (1 + 1e-6));
  EXPECT_LT(told.back(), 0.9 * told.front());
}

TEST_P(KMeansOnEachDevice, StartsFromGivenCentroids) {
  const auto points = normal({60, 3}, 4, device);
  const KMeansConfig config{.clusters = 4, .iterations = 3, .normalise = false, .seed = 2};
  RandomStream random(2, Purpose::clustering, 1);
  const auto order = permutation(60, random);
  at::Tensor initial = normal({4, 3}, 1);
  for (std::int64_t c = 0; c < 4; ++c) initial[c] = points.cpu()[order[static_cast<std::size_t>(c)]];
  const at::Tensor before = initial.clone();
  const KMeans drawn = kmeans_fit(points, config), given = kmeans_fit_from(points, initial, config);
  EXPECT_TRUE(same_bits(given.centroids, drawn.centroids));
  EXPECT_EQ(given.inertia, drawn.inertia);
  EXPECT_TRUE(same_bits(initial, before)) << "what is given is not written to";
}

// The first iteration searches for every point, later ones for those that may have changed their cluster.
TEST_P(KMeansOnEachDevice, LaterIterationsAreThoseOfAFullSearch) {
  constexpr std::int64_t n = 900, width = 6, clusters = 9;
  at::Tensor points = normal({n, width}, 7);
  const at::Tensor centres = normal({20, width}, 8);  // 20 heaps, 9 clusters
  float* x = points.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t d = 0; d < width; ++d)
      x[i * width + d] += 4.0f * centres.const_data_ptr<float>()[i * i % 20 * width + d];
  points = points.to(device);
  at::Tensor centroids = points.cpu().narrow(0, 0, clusters).clone();
  const KMeans whole = kmeans_fit_from(points, centroids, {.clusters = clusters, .iterations = 25, .normalise = false});
  for (std::size_t t = 0; t < 25; ++t) {
    const KMeans step = kmeans_fit_from(points, centroids, {.clusters = clusters, .iterations = 1, .normalise = false});
    ASSERT_EQ(step.inertia[0], whole.inertia[t]) << "iteration " << t;
    centroids = step.centroids;
  }
  EXPECT_TRUE(same_bits(centroids, whole.centroids));
  EXPECT_THAT(whole.empty, ::testing::Each(0));
}

// More points times clusters than bounds are kept for: centroids share them two by two.
TEST(KMeans, CentroidsThatShareBoundsAreFoundAsByAFullSearch) {
  constexpr std::int64_t n = 70000, clusters = 1000, iterations = 4;
  const at::Tensor points = normal({n, 2}, 3);
  at::Tensor centroids = points.narrow(0, 0, clusters).clone();
  const auto fit = [&](std::int64_t steps) {
    return kmeans_fit_from(
        points, centroids,
        {.clusters = clusters, .iterations = steps, .max_points_per_centroid = 0, .normalise = false});
  };
  const KMeans whole = fit(iterations);
  for (std::size_t t = 0; t < iterations; ++t) {
    const KMeans step = fit(1);
    ASSERT_EQ(step.inertia[0], whole.inertia[t]) << "iteration " << t;
    centroids = step.centroids;
  }
  EXPECT_TRUE(same_bits(centroids, whole.centroids));
  const at::Tensor found = smallest_distances(points, centroids, 1).indices;
  EXPECT_EQ(kmeans_assign(points, centroids, false),
            std::vector<std::int64_t>(found.const_data_ptr<std::int64_t>(), found.const_data_ptr<std::int64_t>() + n));
}

TEST(KMeans, DrawsASubsetOnlyWhereThereAreMorePoints) {
  const auto points = normal({100, 2}, 5);
  EXPECT_EQ(kmeans_fit(points, {.clusters = 2, .max_points_per_centroid = 10}).points, 20);
  EXPECT_EQ(kmeans_fit(points, {.clusters = 2, .max_points_per_centroid = 50}).points, 100);
  EXPECT_EQ(kmeans_fit(points, {.clusters = 2, .max_points_per_centroid = 0}).points, 100);
}

TEST(KMeans, AnotherSeedStartsElsewhere) {
  const auto points = normal({300, 4}, 5);
  const auto a = kmeans_fit(points, {.clusters = 5, .iterations = 1, .seed = 1});
  const auto b = kmeans_fit(points, {.clusters = 5, .iterations = 1, .seed = 2});
  EXPECT_NE(a.inertia, b.inertia);
}

TEST(KMeans, ZeroRowsStayZeroWhenNormalised) {
  EXPECT_TRUE(same_bits(normalise_rows(values({0, 0, 3, 4}, {2, 2})), values({0, 0, 0.6f, 0.8f}, {2, 2})));
}

TEST(KMeans, SaysWhatIsWrong) {
  using ::testing::HasSubstr;
  using ::testing::ThrowsMessage;
  auto points = normal({6, 3}, 1);
  EXPECT_THAT([&] { kmeans_fit(points, {.clusters = 0}); },
              ThrowsMessage<InputError>(HasSubstr("at least 1 cluster, got 0")));
  EXPECT_THAT([&] { kmeans_fit(points, {.clusters = 7}); },
              ThrowsMessage<InputError>(HasSubstr("7 clusters of 6 points")));
  EXPECT_THAT([&] { kmeans_fit(points, {.clusters = 2, .iterations = 0}); },
              ThrowsMessage<InputError>(HasSubstr("iteration")));
  EXPECT_THAT([&] { kmeans_fit(points.flatten(), {.clusters = 2}); }, ThrowsMessage<InputError>(HasSubstr("[N, D]")));
  EXPECT_THAT(
      [&] {
        kmeans_assign(points, normal({2, 4}, 1), false);
      },
      ThrowsMessage<InputError>(HasSubstr("3 columns")));
  EXPECT_THAT(
      [&] {
        kmeans_fit_from(points, normal({3, 3}, 1), {.clusters = 2});
      },
      ThrowsMessage<InputError>(HasSubstr("[3, 3]; expected [2, 3]")));
  points[4][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT([&] { kmeans_fit(points, {.clusters = 2}); },
              ThrowsMessage<InputError>(HasSubstr("row 4, column 2 is nan")));
}

}  // namespace
}  // namespace assay
