#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace assay {

/// Values of a run's configuration by the names under which a method's JSON files speak of them: {"K": 100, "w": 2}.
using Placeholders = std::map<std::string, nlohmann::json>;

/// Adds the value that each JSON pointer of `where` ({"K": "/clusters/0"}) has in `config`. Returns the first pointer
/// for which the configuration has nothing, or "". Throws InputError when a pointer is not one.
std::string add_placeholders(const nlohmann::json& where, const nlohmann::json& config, Placeholders& values);

/// `value` with every {K} in its strings replaced, at any depth; a string that is one placeholder and nothing else
/// becomes the value itself, so that params keep their numbers. Throws InputError for a name without value.
nlohmann::json fill(const nlohmann::json& value, const Placeholders& values);
std::string fill_text(const std::string& text, const Placeholders& values);

}  // namespace assay
