#include "metrics/feature_sets/natural_order.h"

#include <algorithm>
#include <cstddef>

namespace assay {
namespace {

std::string_view digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return text.substr(at, end - at);
}

int rank(char c) { return c == '/' ? -1 : static_cast<unsigned char>(c); }

}  // namespace

std::string_view without_leading_zeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0, zeros_a = 0, zeros_b = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return rank(a[i]) < rank(b[j]);
      ++i, ++j;
      continue;
    }
    const std::string_view run_a = digits_at(a, i), run_b = digits_at(b, j);
    const std::string_view number_a = without_leading_zeros(run_a), number_b = without_leading_zeros(run_b);
    if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
    if (number_a != number_b) return number_a < number_b;
    if (zeros_a == zeros_b) zeros_a = run_a.size() - number_a.size(), zeros_b = run_b.size() - number_b.size();
    i += run_a.size();
    j += run_b.size();
  }
  if (i < a.size() || j < b.size()) return i == a.size();
  return zeros_a < zeros_b;
}

}  // namespace assay
