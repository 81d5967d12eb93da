#include "metrics/protocols/protocols.h"

#include "core/nearest.h"
#include "metrics/protocols/tables.h"

namespace assay {

const std::vector<Protocol>& protocols() {
  static const std::vector<Protocol> table = [] {
    std::vector<Protocol> rows;
    for (const auto& part : {own_protocols(), frechet_protocols(), kernel_and_ball_protocols(), saliency_protocols(),
                             clustering_protocols()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return table;
}

const Protocol& find_protocol(const std::string& id) { return find_named(protocols(), &Protocol::id, "protocol", id); }

nlohmann::json protocol_json(const std::string& id) {
  const Protocol& protocol = find_protocol(id);
  return {{"id", protocol.id},
          {"description", protocol.description},
          {"origin", protocol.origin},
          {"choices", protocol.choices}};
}

}  // namespace assay
