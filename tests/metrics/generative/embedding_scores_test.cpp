#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/error.h"
#include "metrics/generative/cmmd.h"
#include "metrics/generative/kid.h"
#include "metrics/generative/memorisation.h"
#include "metrics/generative/prdc.h"
#include "metrics/generative/vendi.h"

namespace assay {
namespace {

/// Rows that own their numbers.
struct Rows {
  std::vector<float> values;
  std::int64_t width;
  FeatureRows view() const { return {values, width}; }
  Rows first(std::int64_t count) const { return {{values.begin(), values.begin() + count * width}, width}; }
};

/// The formula of tests/data/embeddings/make_expected.py.
Rows rows(std::int64_t count, std::int64_t width, std::uint64_t salt, float divisor = 1.0f, float shift = 0.0f) {
  Rows out{{}, width};
  out.values.reserve(static_cast<std::size_t>(count * width));
  std::uint64_t state = salt;
  for (std::int64_t i = 0; i < count * width; ++i) {
    state = (state * 1103515245 + 12345) % (std::uint64_t{1} << 31);
    out.values.push_back((static_cast<float>(state / 65536 % 201) - 100.0f) / divisor + shift);
  }
  return out;
}

Rows grouped(std::int64_t count, std::int64_t width, std::uint64_t salt) {
  Rows out = rows(count, width, salt);
  for (std::int64_t i = 0; i < count; ++i) out.values[static_cast<std::size_t>(i * width + i % 3)] += 1000.0f;
  return out;
}

Rows joined(Rows a, const Rows& b, std::int64_t begin, std::int64_t end, float shift) {
  for (std::int64_t i = begin * b.width; i < end * b.width; ++i)
    a.values.push_back(b.values[static_cast<std::size_t>(i)] + shift);
  return a;
}

Rows of_unit_length(Rows all) {
  for (std::size_t i = 0; i < all.values.size(); i += static_cast<std::size_t>(all.width)) {
    double square = 0.0;
    for (std::int64_t d = 0; d < all.width; ++d) {
      const double value = double{all.values[i + static_cast<std::size_t>(d)]};
      square += value * value;
    }
    for (std::int64_t d = 0; d < all.width; ++d) {
      float& value = all.values[i + static_cast<std::size_t>(d)];
      value = static_cast<float>(double{value} / std::sqrt(square));
    }
  }
  return all;
}

class EmbeddingScores : public ::testing::Test {
 protected:
  EmbeddingScores() {
    std::ifstream file(std::filesystem::path(ASSAY_TEST_DATA) / "embeddings/expected.json");
    expected = nlohmann::json::parse(file);
  }
  double of(const char* name) const { return expected[name].get<double>(); }

  nlohmann::json expected;
  Rows reference = rows(60, 12, 1, 64.0f), generated = rows(48, 12, 2, 64.0f, 0.25f), few = rows(9, 12, 3, 64.0f);
};

TEST_F(EmbeddingScores, KernelDistanceAgreesWithDgmEval) {
  const Kid found = kid(generated.view(), reference.view(), {.subsets = 7, .subset_size = 30, .reference_first = true});
  EXPECT_NEAR(found.mean, of("kd_mean"), 1e-6);
  EXPECT_NEAR(found.deviation, of("kd_std"), 1e-6);
  const Kid all = kid(few.view(), reference.view(), {.subsets = 3, .subset_size = 9, .reference_first = true});
  EXPECT_NEAR(all.mean, of("kd_mean_all_rows"), 1e-6);
}

TEST_F(EmbeddingScores, BallsInDoubleAgreeWithPrdc) {
  const Prdc found =
      prdc(generated.view(), reference.first(48).view(), {.k = 5, .distance = BallDistance::euclidean_double});
  EXPECT_NEAR(found.precision, of("precision"), 1e-12);
  EXPECT_NEAR(found.recall, of("recall"), 1e-12);
  EXPECT_NEAR(found.density, of("density"), 1e-12);
  EXPECT_NEAR(found.coverage, of("coverage"), 1e-12);
}

TEST_F(EmbeddingScores, VendiAgreesWithItsPackageFromEitherGramMatrix) {
  EXPECT_NEAR(vendi(generated.view()).value, of("vendi"), 1e-9);
  EXPECT_NEAR(vendi(few.view()).value, of("vendi_few"), 1e-9);
}

TEST_F(EmbeddingScores, VendiCountsDifferentRowsAndItsIntervalHoldsItsValue) {
  const Rows axes{{1, 0, 0, 0, 3, 0, 2, 0, 0}, 3};  // the first and the third row are alike
  EXPECT_NEAR(vendi(axes.view()).value, std::exp(-(2.0 / 3.0) * std::log(2.0 / 3.0) + std::log(3.0) / 3.0), 1e-12);
  const Vendi found = vendi(generated.view());
  ASSERT_TRUE(found.interval);
  EXPECT_LT(found.interval->low, found.value);
  EXPECT_LT(found.interval->high - found.interval->low, 10.0);
  EXPECT_FALSE(vendi(generated.view(), {.interval = false}).interval);
}

TEST_F(EmbeddingScores, CmmdAgreesWithItsCodeInDouble) {
  const Rows x = of_unit_length(generated), y = of_unit_length(reference);
  const Cmmd found = cmmd(x.view(), y.view(), 50, 1);
  EXPECT_NEAR(found.value, of("cmmd"), 1e-6);
  EXPECT_EQ(found.replicates.size(), 50u);
  EXPECT_NEAR(cmmd(x.view(), x.view()).value, 0.0, 1e-6);
}

TEST_F(EmbeddingScores, AuthenticityAgreesWithDgmEval) {
  const Rows copies = joined(generated.first(30), reference, 5, 23, 1.0f / 128.0f);
  const Authenticity found = authenticity(copies.view(), reference.view());
  EXPECT_EQ(found.rows, 48);
  EXPECT_NEAR(100.0 * static_cast<double>(found.authentic) / 48.0, of("auth_pct"), 1e-5);  // float32 there
}

TEST_F(EmbeddingScores, DataCopyingAgreesWithDgmEvalAsTheRowsStandAndProjected) {
  for (const bool wide : {false, true}) {
    const std::int64_t width = wide ? 70 : 9;
    const std::uint64_t salt = wide ? 7 : 4;
    const Rows training = grouped(150, width, salt), held_out = grouped(90, width, salt + 1);
    const Rows copied = joined(grouped(75, width, salt + 2), training, 0, 45, 5.0f);
    const DataCopying found = data_copying(copied.view(), held_out.view(), training.view(), {.replicates = 20});
    EXPECT_NEAR(found.value, of(wide ? "c_t_projected" : "c_t"), 1e-6);
    EXPECT_EQ(found.cells.size(), 3u);
    EXPECT_EQ(found.replicates.size(), 20u);
  }
}

TEST_F(EmbeddingScores, BadInputIsOneLine) {
  const Rows other = rows(20, 5, 1), one = reference.first(1);
  Rows broken = generated;
  broken.values[30] = std::nanf("");
  EXPECT_THROW(cmmd(generated.view(), other.view()), InputError);
  EXPECT_THROW(cmmd(one.view(), reference.view()), InputError);
  EXPECT_THROW(authenticity(broken.view(), reference.view()), InputError);
  EXPECT_THROW(authenticity(generated.view(), one.view()), InputError);
  EXPECT_THROW(vendi(one.view()), InputError);
  EXPECT_THROW(data_copying(generated.view(), other.view(), reference.view()), InputError);
  EXPECT_THROW(data_copying(generated.view(), one.view(), reference.view()),
               InputError);  // cells without held-out rows
}

}  // namespace
}  // namespace assay
