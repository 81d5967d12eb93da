#include "reports/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace assay {
namespace {

/// The exponent of the first digit once `value` is rounded to `digits` significant digits: 9.96, 2 -> 1.
int exponent_after_rounding(double value, int digits) {
  const std::string text = fmt::format("{:.{}e}", std::abs(value), digits - 1);
  return std::stoi(text.substr(text.find('e') + 1));
}

}  // namespace

int decimals_for(double half_width) { return 1 - exponent_after_rounding(half_width, 2); }

std::string format_at(double value, int decimals) {
  if (decimals > 6 || std::abs(value) >= 1e15) {
    const int exponent = value == 0.0 ? -decimals : exponent_after_rounding(value, 1);
    return fmt::format("{:.{}e}", value, std::max(0, exponent + decimals));
  }
  if (decimals < 0) {
    const double step = std::pow(10.0, -decimals);
    value = std::round(value / step) * step;
    decimals = 0;
  }
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find_first_of("123456789") == std::string::npos && text.front() == '-') text.erase(0, 1);
  return text;
}

std::string format_significant(double value, int digits) {
  if (value == 0.0) return "0";
  const int decimals = digits - 1 - exponent_after_rounding(value, digits);
  return format_at(value, decimals);
}

std::string format_value(double value, std::optional<double> low, std::optional<double> high) {
  if (!low || !high) return format_significant(value, 3);
  const double half_width = (*high - *low) / 2;
  // Ends that differ by rounding alone support no more digits than equal ones.
  if (!(half_width > 1e-9 * std::max(std::abs(*low), std::abs(*high)))) return format_significant(value, 4);
  return format_at(value, decimals_for(half_width));
}

std::string format_interval(double low, double high) {
  return fmt::format("[{}, {}]", format_value(low, low, high), format_value(high, low, high));
}

std::string format_p(double p) { return p < 0.001 ? "< 0.001" : format_significant(p, 2); }

std::string format_count(std::int64_t count) {
  const std::string digits = std::to_string(count);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::size_t left = digits.size() - i;
    if (left % 3 == 0 && i > 0 && digits[i - 1] != '-') out += ',';
    out += digits[i];
  }
  return out;
}

std::string format_si(double value, const std::string& unit) {
  static constexpr std::array<const char*, 6> prefixes{"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  // 999.6 would print as 1000.
  while (std::abs(value) >= 999.5 && prefix + 1 < prefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  const bool whole = prefix == 0 && value == std::floor(value);
  return fmt::format("{} {}{}", whole ? format_at(value, 0) : format_significant(value, 3), prefixes[prefix], unit);
}

TimeUnit time_unit(double seconds) {
  if (seconds >= 1 || seconds == 0) return {"s", 1};
  if (seconds >= 1e-3) return {"ms", 1e-3};
  if (seconds >= 1e-6) return {"µs", 1e-6};
  return {"ns", 1e-9};
}

}  // namespace assay
