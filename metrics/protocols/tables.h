#pragma once
#include <vector>

#include "metrics/protocols/protocols.h"

namespace assay {

// The rows of the table of protocols, by what they measure.
std::vector<Protocol> clustering_protocols();
std::vector<Protocol> frechet_protocols();
std::vector<Protocol> kernel_and_ball_protocols();
std::vector<Protocol> own_protocols();
std::vector<Protocol> saliency_protocols();

}  // namespace assay
