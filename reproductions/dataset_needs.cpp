#include "reproductions/dataset_needs.h"

namespace assay {

std::vector<std::string> dataset_needs(const DatasetSpec& dataset) {
  // Files named by the user take the place of the packages'.
  if (!dataset.font.empty() && !dataset.emoji_list.empty()) return {};
  const std::string missing = dataset_entry(dataset.name).missing();
  return missing.empty() ? std::vector<std::string>{} : std::vector<std::string>{missing};
}

}  // namespace assay
