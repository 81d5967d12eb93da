#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/names.h"

namespace assay {

/// Reads one JSON object key by key, each with its default and its allowed range, and refuses what nobody read.
/// `where` names the object in messages, as in "self_guided.train". Every reader throws InputError.
class ConfigReader {
 public:
  /// Throws unless `object` is a JSON object. The object must outlive the reader.
  ConfigReader(const nlohmann::json& object, std::string where);

  std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t low,
                       std::int64_t high = std::numeric_limits<std::int64_t>::max());
  /// Finite numbers in [low, high].
  double real(const std::string& key, double fallback, double low, double high);
  bool boolean(const std::string& key, bool fallback);
  std::string text(const std::string& key, const std::string& fallback);
  std::string one_of(const std::string& key, const std::string& fallback, const std::vector<std::string>& allowed);
  /// The value whose name of the table is given.
  template <class Value>
  Value choice(const std::string& key, Value fallback, const Names<Value>& names) {
    return value_of("value", one_of(key, name_of(fallback, names), listed(names)), names);
  }
  /// The values of a list of such names, none of them twice.
  template <class Value>
  std::vector<Value> choices(const std::string& key, const std::vector<Value>& fallback, const Names<Value>& names);
  std::vector<std::int64_t> integers(const std::string& key, const std::vector<std::int64_t>& fallback,
                                     std::int64_t low, std::int64_t high);
  std::vector<double> reals(const std::string& key, const std::vector<double>& fallback, double low, double high);
  std::vector<std::string> texts(const std::string& key, const std::vector<std::string>& fallback);
  /// The nested object under `key`, or an empty object.
  const nlohmann::json& object(const std::string& key);

  /// Names a key that the caller reads by itself.
  void allow(const std::string& key) { known_.insert(key); }

  /// Throws when the object holds a key that was never read, naming the nearest known one.
  void finish() const;

 private:
  const nlohmann::json* find(const std::string& key);
  std::string path(const std::string& key) const { return where_.empty() ? key : where_ + "." + key; }

  const nlohmann::json& object_;
  std::string where_;
  std::set<std::string> known_;
};

template <class Value>
std::vector<Value> ConfigReader::choices(const std::string& key, const std::vector<Value>& fallback,
                                         const Names<Value>& names) {
  if (!object_.contains(key)) {
    known_.insert(key);
    return fallback;
  }
  std::vector<Value> values;
  for (const std::string& name : texts(key, {})) {
    const auto value = find_value(name, names);
    if (!value) throw InputError(path(key) + ": " + unknown_name_message("name", name, listed(names)));
    if (std::find(values.begin(), values.end(), *value) != values.end())
      throw InputError(path(key) + ": " + name + " is given twice");
    values.push_back(*value);
  }
  return values;
}

/// How deeply arrays and objects of a JSON text may lie in each other. Nothing here writes or reads a tenth of it; what
/// copies or prints a value calls itself for each level, and a text of brackets alone would fill the stack.
inline constexpr int deepest_json = 256;

/// Whether the brackets of a JSON text, which may hold comments, lie deeper. Says nothing of texts that are no JSON.
bool nests_too_deeply(std::string_view json);

/// Parses a JSON text that may hold comments. Throws InputError with `where` and the position of the fault, and where
/// it nests_too_deeply().
nlohmann::json parse_json(const std::string& text, const std::string& where);

/// Parses what Python's json module writes, which has NaN, Infinity and -Infinity as numbers; else as parse_json().
nlohmann::json parse_python_json(const std::string& text, const std::string& where);

/// Applies "a.b=value" to a nested object. The value is read as JSON, or as a string where it is not JSON.
/// Throws InputError without '=' or when a part of the path is not an object.
void set_key(nlohmann::json& object, const std::string& assignment);

}  // namespace assay
