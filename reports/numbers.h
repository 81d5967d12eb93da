#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace assay {

/// Decimals at which a half-width shows two significant digits: 7.3 -> 1, 12.3 -> 0, 0.0123 -> 3, 123 -> -1.
/// The half-width is positive and finite.
int decimals_for(double half_width);

/// `value` rounded to `decimals`, which may be negative (-1 rounds to tens). Never "-0.0". Beyond six decimals or
/// 15 digits in scientific notation.
std::string format_at(double value, int decimals);

/// `value` with `digits` significant digits: 0.012346, 3 -> "0.0123"; 123456, 3 -> "123000".
std::string format_significant(double value, int digits);

/// A value with as many digits as its interval supports: the half-width shows two significant digits. Without an
/// interval three significant digits; with an interval of width 0, or below 1e-9 of its ends, four.
std::string format_value(double value, std::optional<double> low, std::optional<double> high);

/// "[low, high]" with the digits of format_value.
std::string format_interval(double low, double high);

/// "0.013", "< 0.001": two significant digits.
std::string format_p(double p);

/// "1,234,567".
std::string format_count(std::int64_t count);

/// Three significant digits and a decimal prefix: 1.5e9, "B/s" -> "1.50 GB/s"; whole numbers below 1000 as they are.
std::string format_si(double value, const std::string& unit);

/// A unit for times around `seconds`: name and its length in seconds.
struct TimeUnit {
  const char* name;
  double seconds;
};
TimeUnit time_unit(double seconds);

}  // namespace assay
