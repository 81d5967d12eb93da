#include "core/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {
namespace {

std::int64_t checked_integer(const nlohmann::json& value, const std::string& where, std::int64_t low,
                             std::int64_t high) {
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t(std::numeric_limits<std::int64_t>::max()))
    throw InputError(fmt::format("{}: {} is too large", where, value.dump()));
  if (!value.is_number_integer()) throw InputError(fmt::format("{}: expected an integer, got {}", where, value.dump()));
  const auto number = value.get<std::int64_t>();
  if (number >= low && number <= high) return number;
  if (high == std::numeric_limits<std::int64_t>::max())
    throw InputError(fmt::format("{}: {} is out of range; accepted: at least {}", where, number, low));
  throw InputError(fmt::format("{}: {} is out of range; accepted: {} to {}", where, number, low, high));
}

double checked_real(const nlohmann::json& value, const std::string& where, double low, double high) {
  if (!value.is_number()) throw InputError(fmt::format("{}: expected a number, got {}", where, value.dump()));
  const double number = value.get<double>();
  if (!(number >= low && number <= high))
    throw InputError(fmt::format("{}: {} is out of range; accepted: {} to {}", where, number, low, high));
  return number;
}

const nlohmann::json& checked_array(const nlohmann::json& value, const std::string& where) {
  if (!value.is_array() || value.empty())
    throw InputError(fmt::format("{}: expected a list of at least one, got {}", where, value.dump()));
  return value;
}

}  // namespace

ConfigReader::ConfigReader(const nlohmann::json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object.is_object()) throw InputError(fmt::format("{}: expected a JSON object, got {}", where_, object.dump()));
}

const nlohmann::json* ConfigReader::find(const std::string& key) {
  known_.insert(key);
  const auto it = object_.find(key);
  return it == object_.end() ? nullptr : &*it;
}

std::int64_t ConfigReader::integer(const std::string& key, std::int64_t fallback, std::int64_t low, std::int64_t high) {
  const auto* value = find(key);
  return value ? checked_integer(*value, path(key), low, high) : fallback;
}

double ConfigReader::real(const std::string& key, double fallback, double low, double high) {
  const auto* value = find(key);
  return value ? checked_real(*value, path(key), low, high) : fallback;
}

bool ConfigReader::boolean(const std::string& key, bool fallback) {
  const auto* value = find(key);
  if (!value) return fallback;
  if (!value->is_boolean())
    throw InputError(fmt::format("{}: expected true or false, got {}", path(key), value->dump()));
  return value->get<bool>();
}

std::string ConfigReader::text(const std::string& key, const std::string& fallback) {
  const auto* value = find(key);
  if (!value) return fallback;
  if (!value->is_string()) throw InputError(fmt::format("{}: expected a string, got {}", path(key), value->dump()));
  return value->get<std::string>();
}

std::string ConfigReader::one_of(const std::string& key, const std::string& fallback,
                                 const std::vector<std::string>& allowed) {
  std::string value = text(key, fallback);
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
    throw InputError(path(key) + ": " + unknown_name_message("value", value, allowed));
  return value;
}

std::vector<std::int64_t> ConfigReader::integers(const std::string& key, const std::vector<std::int64_t>& fallback,
                                                 std::int64_t low, std::int64_t high) {
  const auto* value = find(key);
  if (!value) return fallback;
  std::vector<std::int64_t> numbers;
  for (const auto& item : checked_array(*value, path(key)))
    numbers.push_back(checked_integer(item, path(key), low, high));
  return numbers;
}

std::vector<double> ConfigReader::reals(const std::string& key, const std::vector<double>& fallback, double low,
                                        double high) {
  const auto* value = find(key);
  if (!value) return fallback;
  std::vector<double> numbers;
  for (const auto& item : checked_array(*value, path(key))) numbers.push_back(checked_real(item, path(key), low, high));
  return numbers;
}

std::vector<std::string> ConfigReader::texts(const std::string& key, const std::vector<std::string>& fallback) {
  const auto* value = find(key);
  if (!value) return fallback;
  std::vector<std::string> words;
  for (const auto& item : checked_array(*value, path(key))) {
    if (!item.is_string()) throw InputError(fmt::format("{}: expected strings, got {}", path(key), item.dump()));
    words.push_back(item.get<std::string>());
  }
  return words;
}

const nlohmann::json& ConfigReader::object(const std::string& key) {
  static const nlohmann::json empty = nlohmann::json::object();
  const auto* value = find(key);
  if (!value) return empty;
  if (!value->is_object()) throw InputError(fmt::format("{}: expected an object, got {}", path(key), value->dump()));
  return *value;
}

void ConfigReader::finish() const {
  for (const auto& [key, value] : object_.items()) {
    if (known_.contains(key)) continue;
    throw InputError((where_.empty() ? "" : where_ + ": ") +
                     unknown_name_message("key", key, {known_.begin(), known_.end()}));
  }
}

namespace {

/// The last character of the comment that begins at `at`; `at` where none does.
std::size_t end_of_comment(std::string_view json, std::size_t at) {
  const std::string_view begin = json.substr(at, 2);
  if (begin == "//") return std::min(json.find_first_of("\r\n", at), json.size());
  if (begin != "/*") return at;
  const std::size_t end = json.find("*/", at + 2);
  return end == json.npos ? json.size() : end + 1;
}

}  // namespace

bool nests_too_deeply(std::string_view json) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (in_text) {
      if (c == '\\') ++at;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest_json) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == '/') {
      at = end_of_comment(json, at);
    }
  }
  return false;
}

nlohmann::json parse_json(const std::string& text, const std::string& where) {
  if (nests_too_deeply(text))
    throw InputError(fmt::format("{}: its JSON lies more than {} levels deep", where, deepest_json));
  try {
    return nlohmann::json::parse(text, nullptr, true, true);
  } catch (const nlohmann::json::exception& error) {  // parse_error, and out_of_range for a number such as 1e999
    throw InputError(fmt::format("{}: not valid JSON: {}", where, error.what()));
  }
}

namespace {

struct NamedNumber {
  std::string_view name;
  double value;
};
/// Longer names first.
constexpr NamedNumber named_numbers[] = {{"-Infinity", -std::numeric_limits<double>::infinity()},
                                         {"Infinity", std::numeric_limits<double>::infinity()},
                                         {"NaN", std::numeric_limits<double>::quiet_NaN()}};
/// Begins the texts that stand for such numbers while JSON is parsed; no JSON text holds this byte unescaped.
constexpr char mark = '\x01';

void put_numbers_back(nlohmann::json& value) {
  if (value.is_structured()) {
    for (nlohmann::json& inner : value) put_numbers_back(inner);
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (!text.starts_with(mark)) return;
    for (const NamedNumber& number : named_numbers)
      if (text.substr(1) == number.name) {
        value = number.value;
        return;
      }
  }
}

}  // namespace

nlohmann::json parse_python_json(const std::string& text, const std::string& where) {
  std::string plain;
  plain.reserve(text.size());
  bool in_text = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_text && c == '\\' && at + 1 < text.size()) {
      plain += c;
      plain += text[++at];
      continue;
    }
    in_text = in_text != (c == '"');
    const NamedNumber* found = nullptr;
    if (!in_text)
      for (const NamedNumber& number : named_numbers)
        if (!found && text.compare(at, number.name.size(), number.name) == 0) found = &number;
    if (!found) {
      plain += c;
      continue;
    }
    plain += fmt::format("\"\\u{:04x}{}\"", static_cast<int>(mark), found->name);
    at += found->name.size() - 1;
  }
  nlohmann::json value = parse_json(plain, where);
  put_numbers_back(value);
  return value;
}

void set_key(nlohmann::json& object, const std::string& assignment) {
  const auto fault = [&](const std::string& what) {
    return InputError(fmt::format("--set '{}': {}", assignment, what));
  };
  const auto equals = assignment.find('=');
  if (equals == std::string::npos) throw fault("expected key=value");
  const std::string text = assignment.substr(equals + 1);
  if (nests_too_deeply(text) ||
      std::count(assignment.begin(), assignment.begin() + static_cast<std::ptrdiff_t>(equals), '.') >= deepest_json)
    throw InputError(fmt::format("--set: a value more than {} levels deep", deepest_json));
  nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) value = text;
  std::string rest = assignment.substr(0, equals);
  try {
    static_cast<void>(nlohmann::json{rest, value}.dump());
  } catch (const nlohmann::json::exception&) {
    throw InputError("--set: key or value is not UTF-8");
  }

  nlohmann::json* node = &object;
  while (true) {
    const auto dot = rest.find('.');
    const std::string part = rest.substr(0, dot);
    if (part.empty()) throw fault("expected key=value, where the key is a name or names joined by dots");
    node = &(*node)[part];
    if (dot == std::string::npos) break;
    if (node->is_null()) *node = nlohmann::json::object();
    if (!node->is_object()) throw fault(fmt::format("'{}' is not an object", part));
    rest = rest.substr(dot + 1);
  }
  *node = std::move(value);
}

}  // namespace assay
