#include "bench/harness/parity/modules.h"

namespace assay::parity {

const std::vector<ModuleEntry>& modules() {
  static const std::vector<ModuleEntry> table = {
      {"adm.classifier", adm_classifier},
      {"adm.timestep_embedding", timestep_embedding},
      {"adm.unet", adm_unet},
      {"dino.vit", dino_vit},
      {"sgdm.unet", sgdm_unet},
      {"sgdm.unet_ca", sgdm_unet_ca},
  };
  return table;
}

}  // namespace assay::parity
