#include "metrics/features/image_protocol.h"

#include <fmt/format.h>

#include "core/error.h"

namespace assay {

int input_side(FeatureNetworkId network) { return network == FeatureNetworkId::inception ? 299 : 224; }

std::string how_to_get_weights(FeatureNetworkId network) {
  const auto sentence = [](const char* file, const char* source) {
    return fmt::format(
        "needs --weights: {} ({}), converted by `python3 tools/convert_weights.py FILE.pth FILE.safetensors`; without "
        "it, scores can be computed from feature files (.safetensors, .npz, .npy), and `assay run` computes fd-small",
        file, source);
  };
  switch (network) {
    case FeatureNetworkId::inception:
      return sentence(
          "weights-inception-2015-12-05-6726825d.pth of torch-fidelity or pt_inception-2015-12-05-6726825d.pth of "
          "pytorch-fid",
          "SHA-256 begins with 6726825d");
    case FeatureNetworkId::vgg16:
      return sentence("vgg16-397923af.pth of torchvision", "SHA-256 begins with 397923af");
    case FeatureNetworkId::dinov2:
      return sentence("dinov2_vitl14_pretrain.pth of facebookresearch/dinov2", "any size: vits14, vitb14, vitl14");
  }
  throw Error("unknown feature network");
}

}  // namespace assay
