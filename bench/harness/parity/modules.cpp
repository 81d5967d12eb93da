#include "bench/harness/parity/modules.h"

namespace assay::parity {

const std::vector<ModuleEntry>& modules() {
  static const std::vector<ModuleEntry> table = {
      {"adm.timestep_embedding", timestep_embedding},
      {"adm.unet", adm_unet},
      {"dino.vit", dino_vit},
      {"sched", sched},
      {"sgdm.sampler", sgdm_sampler},
      {"sgdm.unet", sgdm_unet},
  };
  return table;
}

}  // namespace assay::parity
