#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/protocol.h"

namespace assay {

/// A protocol with the choices of one use: hashes, counts, seeds.
struct ProtocolUse {
  std::string name = {};  // id of the protocol
  nlohmann::json choices = nlohmann::json::object();
};

/// All protocols, in the order they are listed to the user (metrics/generative/generative_facts.h and the
/// tables beside this file).
const std::vector<Protocol>& protocols();

/// Throws InputError naming the known ids (and the nearest one) when there is no such protocol.
const Protocol& find_protocol(const std::string& id);

/// The protocol as it was used: with the choices of this use beside its own, or in their place. Throws as
/// find_protocol().
Protocol used_protocol(const ProtocolUse& use);

}  // namespace assay
