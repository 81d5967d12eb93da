#include "metrics/protocols/protocols.h"

#include "core/nearest.h"
#include "metrics/generative/generative_facts.h"
#include "metrics/protocols/tables.h"

namespace assay {

const std::vector<Protocol>& protocols() {
  static const std::vector<Protocol> table = [] {
    std::vector<Protocol> ours, of_others;
    for (const Protocol& protocol : generative_facts())
      (protocol.origin == "Assay" ? ours : of_others).push_back(protocol);
    std::vector<Protocol> rows;
    for (const auto& part : {ours, own_protocols(), of_others, saliency_protocols(), clustering_protocols()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return table;
}

const Protocol& find_protocol(const std::string& id) { return find_named(protocols(), &Protocol::id, "protocol", id); }

Protocol used_protocol(const ProtocolUse& use) {
  Protocol protocol = find_protocol(use.name);
  if (use.choices.is_object()) protocol.choices.update(use.choices);
  return protocol;
}

}  // namespace assay
