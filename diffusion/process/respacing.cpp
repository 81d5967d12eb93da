#include "diffusion/process/respacing.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "core/error.h"

namespace assay {
namespace {

std::optional<std::int64_t> whole_number(std::string text) {
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

InputError malformed(const std::string& respacing) {
  return InputError(
      fmt::format("respacing '{}'; accepted: a count (\"250\"), \"ddim\" and a count (\"ddim25\"), or counts for equal "
                  "sections (\"10,15,20\")",
                  respacing));
}

std::vector<std::int64_t> with_integer_stride(std::int64_t steps, std::int64_t count) {
  if (count < 1 || count > steps) throw InputError(fmt::format("DDIM: {} steps; accepted: 1 to {}", count, steps));
  for (std::int64_t stride = 1; stride <= steps; ++stride) {
    if ((steps + stride - 1) / stride != count) continue;
    std::vector<std::int64_t> kept;
    for (std::int64_t t = 0; t < steps; t += stride) kept.push_back(t);
    return kept;
  }
  throw InputError(fmt::format("DDIM: no integer stride takes {} steps of {}", count, steps));
}

}  // namespace

std::vector<std::int64_t> space_timesteps(std::int64_t steps, const std::string& respacing) {
  if (respacing.starts_with("ddim")) {
    const auto count = whole_number(respacing.substr(4));
    if (!count) throw malformed(respacing);
    return with_integer_stride(steps, *count);
  }

  std::vector<std::int64_t> counts;
  for (std::size_t begin = 0; begin <= respacing.size() && !respacing.empty();) {
    const std::size_t end = std::min(respacing.find(',', begin), respacing.size());
    const auto count = whole_number(respacing.substr(begin, end - begin));
    if (!count) throw malformed(respacing);
    counts.push_back(*count);
    begin = end + 1;
  }
  if (counts.empty()) counts.push_back(steps);

  const auto sections = static_cast<std::int64_t>(counts.size());
  std::set<std::int64_t> kept;
  std::int64_t start = 0;
  for (std::int64_t section = 0; section < sections; ++section) {
    const std::int64_t size = steps / sections + (section < steps % sections ? 1 : 0);
    const std::int64_t count = counts[static_cast<std::size_t>(section)];
    if (count > size)
      throw InputError(
          fmt::format("respacing '{}': {} steps of a section of {} ({} steps in {} sections); accepted: at most {}",
                      respacing, count, size, steps, sections, size));
    const double stride = count <= 1 ? 1.0 : static_cast<double>(size - 1) / static_cast<double>(count - 1);
    // The stride is added up rather than multiplied: where a position lies half way, the last bit decides.
    double position = 0;
    for (std::int64_t i = 0; i < count; ++i, position += stride)
      kept.insert(start + static_cast<std::int64_t>(std::nearbyint(position)));
    start += size;
  }
  if (kept.empty()) throw InputError(fmt::format("respacing '{}' keeps no step", respacing));
  return {kept.begin(), kept.end()};
}

}  // namespace assay
