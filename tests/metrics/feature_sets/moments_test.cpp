#include "metrics/feature_sets/moments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

constexpr std::int64_t width = 7;

std::vector<float> samples(std::int64_t n, std::uint64_t seed = 1) {
  std::vector<float> out(static_cast<std::size_t>(n * width));
  RandomStream(seed, Purpose::noise, 0).fill_normal(out);
  return out;
}

void add_range(FeatureMoments& moments, const std::vector<float>& x, std::int64_t from, std::int64_t to) {
  moments.add(from, std::span(x).subspan(static_cast<std::size_t>(from * width),
                                         static_cast<std::size_t>((to - from) * width)));
}

FeatureMoments in_one_go(const std::vector<float>& x) {
  FeatureMoments out(width);
  out.add(0, x);
  return out;
}

void expect_same_bits(const FeatureMoments& a, const FeatureMoments& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_TRUE(a.mean() == b.mean());
  EXPECT_TRUE(a.covariance() == b.covariance());
}

TEST(FeatureMoments, GivesTheValuesWorkedByHand) {
  // (1, 2), (3, 2), (2, 5): mean (2, 3); centred (-1,-1), (1,-1), (0, 2).
  FeatureMoments m(2);
  m.add(0, std::vector<float>{1, 2, 3, 2, 2, 5});
  EXPECT_EQ(m.mean(), Eigen::Vector2d(2, 3));
  EXPECT_TRUE(m.covariance().isApprox((Eigen::Matrix2d() << 1, 0, 0, 3).finished(), 1e-15));
  EXPECT_TRUE(m.covariance(Divisor::n).isApprox((Eigen::Matrix2d() << 2.0 / 3, 0, 0, 2).finished(), 1e-15));
}

TEST(FeatureMoments, AgreesWithTheTwoPassFormula) {
  const auto x = samples(1000);
  const FeatureMoments m = in_one_go(x);
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::MatrixXd rows = Eigen::Map<const RowMajor>(x.data(), 1000, width).cast<double>();
  const Eigen::RowVectorXd mean = rows.colwise().mean();
  rows.rowwise() -= mean;
  EXPECT_LT((m.mean().transpose() - mean).cwiseAbs().maxCoeff(), 1e-14);
  EXPECT_LT((m.covariance() - rows.transpose() * rows / 999.0).cwiseAbs().maxCoeff(), 1e-13);
}

TEST(FeatureMoments, HasTheSameBitsForAnyBatchSize) {
  for (const std::int64_t n : {2, 255, 256, 257, 1111, 2304}) {  // part of a block, a block, an odd number of blocks
    const auto x = samples(n);
    const FeatureMoments whole = in_one_go(x);
    for (const std::int64_t batch : {1, 33, 256, 300}) {
      FeatureMoments parts(width);
      for (std::int64_t from = 0; from < n; from += batch) add_range(parts, x, from, std::min(n, from + batch));
      expect_same_bits(parts, whole);
    }
  }
}

TEST(FeatureMoments, HasTheSameBitsForAnyOrderAndNumberOfRanks) {
  const std::int64_t n = 3001;
  const auto x = samples(n);
  const FeatureMoments whole = in_one_go(x);

  FeatureMoments backwards(width);
  for (std::int64_t to = n; to > 0; to -= 100) add_range(backwards, x, std::max<std::int64_t>(0, to - 100), to);
  expect_same_bits(backwards, whole);

  for (const std::int64_t ranks : {2, 3, 7}) {
    std::vector<FeatureMoments> contiguous(static_cast<std::size_t>(ranks), FeatureMoments(width)),
        strided = contiguous;
    for (std::int64_t r = 0; r < ranks; ++r)
      add_range(contiguous[static_cast<std::size_t>(r)], x, n * r / ranks, n * (r + 1) / ranks);
    for (std::int64_t i = 0; i < n; ++i) add_range(strided[static_cast<std::size_t>(i % ranks)], x, i, i + 1);
    FeatureMoments joined(width), rejoined(width);
    for (std::int64_t r = ranks - 1; r >= 0; --r) joined.merge(contiguous[static_cast<std::size_t>(r)]);
    for (const FeatureMoments& part : strided) rejoined.merge(part);
    expect_same_bits(joined, whole);
    expect_same_bits(rejoined, whole);
  }
}

TEST(FeatureMoments, GoesOnFromASavedStateWithTheSameBits) {
  const std::int64_t n = 1500;
  const auto x = samples(n);
  const auto file = std::filesystem::temp_directory_path() / "assay_moments_test.safetensors";
  FeatureMoments before(width);
  add_range(before, x, 0, 777);
  add_range(before, x, 1400, 1450);
  SafetensorsWriter writer;
  before.save(writer, "real.");
  writer.write(file);

  FeatureMoments after = FeatureMoments::load(SafetensorsFile(file), "real.");
  std::filesystem::remove(file);
  expect_same_bits(after, before);
  add_range(after, x, 777, 1400);
  add_range(after, x, 1450, n);
  expect_same_bits(after, in_one_go(x));
}

TEST(FeatureMoments, MissingIndicesAreSimplyNotCounted) {
  const auto x = samples(600);
  FeatureMoments gaps(width), dense(width);
  std::vector<float> kept;
  for (std::int64_t i = 0; i < 600; i += 3) {
    add_range(gaps, x, i, i + 1);
    kept.insert(kept.end(), x.begin() + i * width, x.begin() + (i + 1) * width);
  }
  dense.add(0, kept);
  EXPECT_EQ(gaps.count(), 200);
  EXPECT_LT((gaps.covariance() - dense.covariance()).cwiseAbs().maxCoeff(), 1e-14);
}

TEST(FeatureMoments, SaysWhatIsWrong) {
  using ::testing::HasSubstr;
  using ::testing::ThrowsMessage;
  FeatureMoments m(width);
  const auto x = samples(600);
  m.add(0, x);
  EXPECT_THAT([&] { m.add(10, std::span(x).first(width)); },
              ThrowsMessage<InputError>(HasSubstr("sample 10 was added twice")));
  EXPECT_THAT([&] { m.add(599, std::span(x).first(width)); },
              ThrowsMessage<InputError>(HasSubstr("sample 599 was added twice")));
  EXPECT_THAT([&] { m.merge(in_one_go(samples(256))); }, ThrowsMessage<InputError>(HasSubstr("sample 0 is in both")));
  EXPECT_THAT([&] { m.merge(FeatureMoments(3)); }, ThrowsMessage<InputError>(HasSubstr("width 7 and 3")));
  EXPECT_THAT([&] { m.add(600, std::span(x).first(5)); }, ThrowsMessage<InputError>(HasSubstr("width 7")));
  EXPECT_THAT([&] { m.add(-1, std::span(x).first(width)); }, ThrowsMessage<InputError>(HasSubstr("got -1")));
  std::vector<float> bad(2 * width, 0.0f);
  bad[width + 3] = std::numeric_limits<float>::infinity();
  EXPECT_THAT([&] { m.add(600, bad); }, ThrowsMessage<InputError>(HasSubstr("sample 601 is not finite (column 3)")));
  EXPECT_EQ(m.count(), 600);
  EXPECT_THAT([] { FeatureMoments(0); }, ThrowsMessage<InputError>(HasSubstr("at least 1")));
  EXPECT_THAT([] { FeatureMoments(2).covariance(); }, ThrowsMessage<Error>(HasSubstr("at least 2 samples")));
}

}  // namespace
}  // namespace assay
