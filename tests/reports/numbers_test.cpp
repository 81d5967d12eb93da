#include "reports/numbers.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(Digits, HalfWidthShowsTwoSignificantDigits) {
  EXPECT_EQ(decimals_for(7.3), 1);
  EXPECT_EQ(decimals_for(12.3), 0);
  EXPECT_EQ(decimals_for(0.0123), 3);
  EXPECT_EQ(decimals_for(123), -1);
  EXPECT_EQ(decimals_for(1), 1);
  EXPECT_EQ(decimals_for(9.94), 1);
  EXPECT_EQ(decimals_for(9.96), 0) << "it reads 10, which has its two digits before the point";
}

TEST(Digits, ValueHasNoMoreThanItsIntervalSupports) {
  EXPECT_EQ(format_value(131.246, 123.946, 138.546), "131.2");
  EXPECT_EQ(format_value(131.246, 119.0, 143.5), "131");
  EXPECT_EQ(format_value(0.45678, 0.44448, 0.46908), "0.457");
  EXPECT_EQ(format_value(1316.0, 1193.0, 1439.0), "1320");
  EXPECT_EQ(format_value(-57.94, -67.2, -48.6), "-57.9");
  EXPECT_EQ(format_value(0.002, -3.4, 3.4), "0.0");
  EXPECT_EQ(format_value(-0.002, -3.4, 3.4), "0.0") << "no negative zero";
}

TEST(Digits, IntervalHasTheDigitsOfItsValue) {
  EXPECT_EQ(format_interval(123.946, 138.546), "[123.9, 138.5]");
  EXPECT_EQ(format_interval(1193, 1439), "[1190, 1440]");
  EXPECT_EQ(format_interval(-0.04, 0.0512), "[-0.040, 0.051]");
}

TEST(Digits, WithoutIntervalThreeSignificantAndWithoutWidthFour) {
  EXPECT_EQ(format_value(131.246, std::nullopt, std::nullopt), "131");
  EXPECT_EQ(format_value(0.0123456, std::nullopt, std::nullopt), "0.0123");
  EXPECT_EQ(format_value(0.5, 0.5, 0.5), "0.5000");
  EXPECT_EQ(format_value(1234.5678, 1234.5678 - 1e-12, 1234.5678 + 2e-12), "1235") << "a width of rounding is none";
  EXPECT_EQ(format_interval(18.0, 18.0 + 1e-14), "[18.00, 18.00]");
}

TEST(Digits, SignificantDigitsCountFromTheFirstOne) {
  EXPECT_EQ(format_significant(123456, 3), "123000");
  EXPECT_EQ(format_significant(0.99951, 3), "1.00");
  EXPECT_EQ(format_significant(0, 3), "0");
  EXPECT_EQ(format_significant(-2.5, 2), "-2.5");
}

TEST(Digits, TinyValuesAreScientific) {
  EXPECT_EQ(format_value(3.14159e-9, 3.04159e-9, 3.24159e-9), "3.14e-09");
  EXPECT_EQ(format_significant(1.5e-10, 2), "1.5e-10");
}

TEST(Digits, PValuesStopAtOneThousandth) {
  EXPECT_EQ(format_p(0.0123), "0.012");
  EXPECT_EQ(format_p(0.37), "0.37");
  EXPECT_EQ(format_p(0.00099), "< 0.001");
  EXPECT_EQ(format_p(1), "1.0");
}

TEST(Digits, CountsAreGrouped) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-123456), "-123,456");
}

TEST(Digits, PrefixesKeepThreeDigits) {
  EXPECT_EQ(format_si(1.5e9, "B/s"), "1.50 GB/s");
  EXPECT_EQ(format_si(999.6, "B"), "1.00 kB") << "not 1000 B";
  EXPECT_EQ(format_si(68, "B"), "68 B");
  EXPECT_EQ(format_si(812345678, "B"), "812 MB");
}

TEST(Digits, TimesGetAUnitThatReadsWell) {
  EXPECT_STREQ(time_unit(2.0).name, "s");
  EXPECT_STREQ(time_unit(0.0023).name, "ms");
  EXPECT_STREQ(time_unit(4.2e-5).name, "µs");
  EXPECT_STREQ(time_unit(3e-8).name, "ns");
}

}  // namespace
}  // namespace assay
