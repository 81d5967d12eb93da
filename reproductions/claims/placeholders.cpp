#include "reproductions/claims/placeholders.h"

#include <fmt/format.h>

#include <vector>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {
namespace {

const nlohmann::json& value_of(const std::string& name, const Placeholders& values) {
  const auto found = values.find(name);
  if (found != values.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [key, value] : values) known.push_back(key);
  throw InputError(unknown_name_message("placeholder", name, known));
}

/// 2.0 reads "2" in a sentence.
std::string in_words(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? fmt::format("{}", value.get<double>()) : value.dump();
}

}  // namespace

std::string add_placeholders(const nlohmann::json& where, const nlohmann::json& config, Placeholders& values) {
  for (const auto& [name, pointer] : where.items()) {
    try {
      const nlohmann::json::json_pointer place(pointer.get<std::string>());
      if (!config.contains(place)) return pointer.get<std::string>();
      values[name] = config.at(place);
    } catch (const nlohmann::json::exception&) {
      throw InputError(
          fmt::format("where.{}: expected a JSON pointer such as /clusters/0, got {}", name, pointer.dump()));
    }
  }
  return "";
}

std::string fill_text(const std::string& text, const Placeholders& values) {
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t open = text.find('{', at), close = text.find('}', open);
    if (open == std::string::npos || close == std::string::npos) return out + text.substr(at);
    out += text.substr(at, open - at) + in_words(value_of(text.substr(open + 1, close - open - 1), values));
    at = close + 1;
  }
}

nlohmann::json fill(const nlohmann::json& value, const Placeholders& values) {
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    if (text.size() > 2 && text.front() == '{' && text.find('}') == text.size() - 1)
      return value_of(text.substr(1, text.size() - 2), values);
    return fill_text(text, values);
  }
  nlohmann::json filled = value;
  if (filled.is_structured())
    for (nlohmann::json& item : filled) item = fill(item, values);
  return filled;
}

}  // namespace assay
