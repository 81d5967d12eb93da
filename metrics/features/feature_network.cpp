#include "metrics/features/feature_network.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include "core/error.h"
#include "kernels/one_thread_each.h"
#include "metrics/features/inception.h"
#include "metrics/features/vgg16.h"
#include "metrics/features/vision_transformer.h"

namespace assay {
namespace {

/// A view of `images` as [n, 3, side, side], channels-last.
at::Tensor as_tensor(std::span<const float> images, FeatureNetworkId network) {
  const std::int64_t side = input_side(network), size = 3 * side * side;
  const auto values = static_cast<std::int64_t>(images.size());
  if (values == 0 || values % size != 0)
    throw Error(fmt::format("feature network: {} values; expected a multiple of {}", values, size));
  // The tensor is only read.
  return at::from_blob(const_cast<float*>(images.data()), {values / size, side, side, 3}, at::kFloat)
      .permute({0, 3, 1, 2});
}

std::vector<float> to_vector(const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::kCPU).contiguous();
  const float* data = host.const_data_ptr<float>();
  return {data, data + host.numel()};
}

class InceptionFeatures : public FeatureNetwork {
 public:
  explicit InceptionFeatures(const std::filesystem::path& weights) : network_(weights) {}
  NetworkFeatures run(std::span<const float> images) const override {
    const InceptionOutputs out = network_.forward(as_tensor(images, FeatureNetworkId::inception));
    return {to_vector(out.pool3), to_vector(out.spatial), to_vector(out.logits_unbiased), to_vector(out.logits)};
  }

 private:
  Inception network_;
};

class Vgg16Features : public FeatureNetwork {
 public:
  explicit Vgg16Features(const std::filesystem::path& weights) : network_(weights) {}
  NetworkFeatures run(std::span<const float> images) const override {
    return {to_vector(network_.forward(as_tensor(images, FeatureNetworkId::vgg16))), {}, {}, {}};
  }

 private:
  Vgg16 network_;
};

class VisionTransformerFeatures : public FeatureNetwork {
 public:
  explicit VisionTransformerFeatures(const std::filesystem::path& weights)
      : network_(detect_vision_transformer(weights), weights) {}
  NetworkFeatures run(std::span<const float> images) const override {
    // One by one and each on one thread: products over the tokens of several images, or over several threads, may round
    // otherwise.
    const at::Tensor batch = as_tensor(images, FeatureNetworkId::dinov2);
    std::vector<at::Tensor> rows(static_cast<std::size_t>(batch.size(0)));
    one_thread_each(batch.device(), batch.size(0), [&](std::int64_t i) {
      rows[static_cast<std::size_t>(i)] = network_.forward(batch.narrow(0, i, 1).contiguous()).cls;
    });
    return {to_vector(at::cat(rows)), {}, {}, {}};
  }

 private:
  VisionTransformer network_;
};

}  // namespace

std::unique_ptr<FeatureNetwork> load_feature_network(FeatureNetworkId network, const std::filesystem::path& weights) {
  switch (network) {
    case FeatureNetworkId::inception:
      return std::make_unique<InceptionFeatures>(weights);
    case FeatureNetworkId::vgg16:
      return std::make_unique<Vgg16Features>(weights);
    case FeatureNetworkId::dinov2:
      return std::make_unique<VisionTransformerFeatures>(weights);
  }
  throw Error("unknown feature network");
}

void prepare_image(const RgbPixels& image, const ImageProtocol& protocol, std::span<float> out) {
  resize_to_square(image, input_side(protocol.network), protocol.resize, out);
  const Normalisation& n = protocol.normalisation;
  for (std::size_t i = 0; i < out.size(); i += 3)
    for (std::size_t c = 0; c < 3; ++c) out[i + c] = (out[i + c] - n.offset[c]) / n.scale[c];
}

}  // namespace assay
