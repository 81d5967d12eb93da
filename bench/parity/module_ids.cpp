#include "bench/parity/module_ids.h"

namespace assay {

const std::vector<std::string>& parity_modules() {
  static const std::vector<std::string> ids = {"adm.classifier",
                                               "adm.timestep_embedding",
                                               "adm.unet",
                                               "dct.preprocess",
                                               "diffusion.gaussian",
                                               "dino.vit",
                                               "eddpm.entropy",
                                               "maskdm",
                                               "sched",
                                               "sd.clip_text",
                                               "sd.pipeline",
                                               "sd.unet",
                                               "sd.vae",
                                               "sgdm.sampler",
                                               "sgdm.unet",
                                               "sgdm.unet_ca",
                                               "tokencut.ncut",
                                               "uvit"};
  return ids;
}

}  // namespace assay
