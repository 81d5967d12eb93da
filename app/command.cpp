#include "app/command.h"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace assay {

std::string fault_of_seed(const std::string& text) {
  std::uint64_t seed = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, seed);
  if (fault == std::errc() && stop == end) return "";
  return "expected an integer from 0 to 18446744073709551615, got " + text;
}

}  // namespace assay
