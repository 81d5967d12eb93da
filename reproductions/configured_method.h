#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "core/tier.h"
#include "reproductions/method.h"
#include "reproductions/method_entry.h"

namespace assay {

/// A method as it is run: an entry of method_table(), a tier, and the method made from a configuration of it.
struct ConfiguredMethod {
  const MethodEntry* entry;
  Tier tier;
  nlohmann::json config;  // complete
  std::unique_ptr<const Method> method;
};

/// Throws InputError where `config` is not a complete configuration of the tier, or where the method's claims or tables
/// do not fit it.
ConfiguredMethod configured(const MethodEntry& entry, Tier tier, nlohmann::json config);

}  // namespace assay
