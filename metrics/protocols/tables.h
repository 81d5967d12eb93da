#pragma once
#include <vector>

#include "metrics/protocol.h"

namespace assay {

// The rows of the table of protocols that are not of `assay metric generative`, by what they measure.
std::vector<Protocol> clustering_protocols();
std::vector<Protocol> own_protocols();
std::vector<Protocol> saliency_protocols();

}  // namespace assay
