#include "core/student_t.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// scipy.stats.t.ppf and .cdf, scipy 1.17.1.
TEST(StudentT, AgreesWithScipy) {
  struct Row {
    double degrees, values[5];
  };
  const double probabilities[] = {0.6, 0.9, 0.975, 0.995, 0.9999};
  for (const Row& row :
       {Row{1, {0.32491969623290634, 3.0776835371752544, 12.706204736174694, 63.656741162871526, 3183.098757118502}},
        Row{2, {0.2886751345948128, 1.8856180831641272, 4.302652729749462, 9.924843200918287, 70.70007107496818}},
        Row{4, {0.2707222947075976, 1.533206274058944, 2.7764451051977934, 4.604094871349992, 13.033671720896821}},
        Row{9, {0.260955336473911, 1.3830287383966329, 2.262157162798205, 3.249835541592126, 6.010132129081531}},
        Row{29, {0.25568363457125604, 1.311433647301551, 2.045229642132703, 2.756385903670605, 4.253894118432321}}}) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_NEAR(student_t_quantile(probabilities[i], row.degrees), row.values[i], 1e-11 * row.values[i]);
      EXPECT_NEAR(student_t_quantile(1 - probabilities[i], row.degrees), -row.values[i], 1e-11 * row.values[i]);
    }
  }
  EXPECT_NEAR(1 - student_t_upper_tail(0.5, 3), 0.6742760175759245, 1e-14);
  EXPECT_NEAR(student_t_upper_tail(2.1, 7), 0.036935598106461326, 1e-14);
  EXPECT_NEAR(1 - student_t_upper_tail(12, 2), 0.9965635331614208, 1e-14);
  EXPECT_NEAR(1 - student_t_upper_tail(1e-3, 5), 0.5003796066139012, 1e-14);
}

TEST(StudentT, IsSymmetric) {
  EXPECT_EQ(student_t_quantile(0.5, 7), 0);
  EXPECT_NEAR(student_t_quantile(0.1, 7), -student_t_quantile(0.9, 7), 1e-12);
}

TEST(StudentT, RefusesProbabilitiesAndDegreesOutOfRange) {
  EXPECT_THAT([] { student_t_quantile(1.0, 3); }, ThrowsMessage<InputError>(HasSubstr("between 0 and 1")));
  EXPECT_THAT([] { student_t_quantile(0.9, 0.0); }, ThrowsMessage<InputError>(HasSubstr("above 0")));
}

}  // namespace
}  // namespace assay
