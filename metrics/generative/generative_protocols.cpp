#include "metrics/generative/generative_protocols.h"

#include "core/error.h"
#include "core/nearest.h"

namespace assay {

const std::vector<GenerativeProtocol>& generative_protocols() {
  static const std::vector<GenerativeProtocol> table = [] {
    std::vector<GenerativeProtocol> rows;
    for (const auto& part : {frechet_scores(), kernel_and_ball_scores()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return table;
}

const GenerativeProtocol& find_generative_protocol(const std::string& id) {
  std::vector<std::string> known;
  for (const GenerativeProtocol& protocol : generative_protocols()) {
    if (protocol.id == id) return protocol;
    known.emplace_back(protocol.id);
  }
  throw InputError(unknown_name_message("generative protocol", id, known));
}

}  // namespace assay
