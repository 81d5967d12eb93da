#pragma once
#include <string>
#include <vector>

#include "metrics/protocol.h"

namespace assay {

/// The protocols of `assay metric generative` in words, in the order they are listed to the user. What computes them is
/// in metrics/generative/generative_protocols.h, which needs LibTorch; this does not.
const std::vector<Protocol>& generative_facts();
/// Throws InputError with the known ids.
const Protocol& generative_facts(const std::string& id);

}  // namespace assay
