#pragma once
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace assay {

/// What a data set needs that this machine lacks, and how to get it; one line each.
std::vector<std::string> dataset_needs(const DatasetSpec& dataset);

}  // namespace assay
