#pragma once
#include <string>
#include <vector>

#include "metrics/protocol.h"

namespace assay {

/// All protocols, in the order they are listed to the user: those of `assay metric generative`
/// (metrics/generative/generative_protocols.h) and the tables beside this file.
const std::vector<Protocol>& protocols();

/// Throws InputError naming the known ids (and the nearest one) when there is no such protocol.
const Protocol& find_protocol(const std::string& id);

}  // namespace assay
