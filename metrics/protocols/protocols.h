#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace assay {

/// Everything that decides a score's value besides the data: a score without its protocol is not a score.
struct Protocol {
  std::string id;           // "fd-small"
  std::string description;  // two lines
  std::string origin;       // whose convention it is
  nlohmann::json choices;   // each choice by name: divisor, solver, averaging, ...
};

/// All protocols, in the order they are listed to the user.
const std::vector<Protocol>& protocols();

/// Throws InputError naming the known ids (and the nearest one) when there is no such protocol.
const Protocol& find_protocol(const std::string& id);

/// {"id", "description", "origin", "choices"} for the store's protocol row. Throws as find_protocol.
nlohmann::json protocol_json(const std::string& id);

}  // namespace assay
