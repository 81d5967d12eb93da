#include "metrics/features/image_protocol.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {
namespace {

/// (x - 128) / 128, as the TensorFlow graph does.
constexpr Normalisation graph = {{128, 128, 128}, {128, 128, 128}};
/// 2 (x / 255) - 1, as pytorch-fid does.
constexpr Normalisation unit = {{127.5f, 127.5f, 127.5f}, {127.5f, 127.5f, 127.5f}};
/// Mean and deviation of ImageNet, worked out in double as PyTorch does.
constexpr Normalisation imagenet = {
    {static_cast<float>(255 * 0.485), static_cast<float>(255 * 0.456), static_cast<float>(255 * 0.406)},
    {static_cast<float>(255 * 0.229), static_cast<float>(255 * 0.224), static_cast<float>(255 * 0.225)}};

}  // namespace

const std::vector<ImageProtocol>& image_protocols() {
  using enum FeatureNetworkId;
  using enum FeatureOutput;
  static const std::vector<ImageProtocol> table = {
      {"fid-tf1", inception, Resize::tensorflow1, graph, pool3},
      {"fid-torch", inception, Resize::half_pixel, unit, pool3},
      {"fid-clean", inception, Resize::pillow_bicubic, graph, pool3},
      {"fid-tm18", inception, Resize::antialiased_bilinear, graph, pool3},
      {"fid-sg3", inception, Resize::tensorflow1, graph, pool3},
      {"fid-infinity", inception, Resize::tensorflow1, graph, pool3},
      {"is-tf10", inception, Resize::tensorflow1, graph, pool3},
      {"is-oai5000", inception, Resize::tensorflow1, graph, pool3},
      {"kid-seed2020", inception, Resize::tensorflow1, graph, pool3},
      {"pr-oai", inception, Resize::tensorflow1, graph, pool3},
      {"prdc5", inception, Resize::tensorflow1, graph, pool3},
      {"sfid-oai", inception, Resize::tensorflow1, graph, spatial},
      {"pr-tf", vgg16, Resize::tensorflow1, imagenet, fc2_relu},
      {"fd-dinov2", dinov2, Resize::antialiased_bicubic, imagenet, class_token},
  };
  return table;
}

const ImageProtocol& find_image_protocol(const std::string& id) {
  std::vector<std::string> known;
  for (const ImageProtocol& protocol : image_protocols()) {
    if (protocol.id == id) return protocol;
    known.emplace_back(protocol.id);
  }
  throw InputError(unknown_name_message("image protocol", id, known));
}

std::string_view pass_name(const ImageProtocol& protocol) {
  const auto& all = image_protocols();
  return std::find_if(all.begin(), all.end(), [&](const auto& first) { return first.same_pass(protocol); })->id;
}

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
