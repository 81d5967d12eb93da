#include "bench/parity/modules.h"

namespace assay::parity {

const std::vector<ModuleEntry>& modules() {
  static const std::vector<ModuleEntry> table = {
      {"adm.classifier", adm_classifier},
      {"adm.timestep_embedding", timestep_embedding},
      {"adm.unet", adm_unet},
      {"dct.preprocess", class_token_input},
      {"diffusion.gaussian", gaussian_process},
      {"dino.vit", dino_vit},
      {"eddpm.entropy", entropy_guidance},
      {"maskdm", maskdm_network},
      {"sched", sched},
      {"sd.clip_text", sd_clip_text},
      {"sd.pipeline", sd_pipeline},
      {"sd.unet", sd_unet},
      {"sd.vae", sd_vae},
      {"sgdm.sampler", sgdm_sampler},
      {"sgdm.unet", sgdm_unet},
      {"sgdm.unet_ca", sgdm_unet_ca},
      {"tokencut.ncut", tokencut_cut},
      {"uvit", uvit},
  };
  return table;
}

}  // namespace assay::parity
