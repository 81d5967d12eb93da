#include "reproductions/diffusion_seg/algorithm/mask_decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/training/checkpoint.h"

namespace assay::diffusion_seg {
namespace {

constexpr const char* description = "decoder";
constexpr const char* weights = "model.";
constexpr std::int64_t most_channels = 1 << 16;

/// Options whose reader may also read more.
MaskDecoderOptions read_options(ConfigReader& reader) {
  MaskDecoderOptions o;
  o.width = reader.integer("width", o.width, 1, 4096);
  o.groups = reader.integer("groups", o.groups, 1, 4096);
  o.side = reader.integer("side", o.side, 1, 4096);
  return o;
}

/// Maps [B, C, h, w] at side x side positions.
at::Tensor at_side(const at::Tensor& maps, std::int64_t side) {
  const std::int64_t height = std::min(maps.size(2), side), width = std::min(maps.size(3), side);
  const at::Tensor small =
      height < maps.size(2) || width < maps.size(3) ? at::adaptive_avg_pool2d(maps, {height, width}) : maps;
  return height < side || width < side ? at::upsample_bilinear2d(small, {side, side}, false) : small;
}

}  // namespace

MaskDecoderOptions read_mask_decoder_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  const MaskDecoderOptions o = read_options(reader);
  reader.finish();
  if (o.width % o.groups != 0)
    throw InputError(fmt::format("{}.width: {} is no multiple of groups, which is {}; accepted: a multiple", where,
                                 o.width, o.groups));
  return o;
}

nlohmann::json to_json(const MaskDecoderOptions& o) {
  return {{"width", o.width}, {"groups", o.groups}, {"side", o.side}};
}

MaskDecoder::MaskDecoder(std::vector<std::int64_t> channels, const MaskDecoderOptions& options)
    : channels_(std::move(channels)), options_(options) {
  if (channels_.empty()) throw InputError("decoder: no feature map; accepted: at least one");
  if (options.width < 1 || options.groups < 1 || options.side < 1)
    throw InputError(fmt::format("decoder: width {}, groups {}, side {}; accepted: at least 1 each", options.width,
                                 options.groups, options.side));
  for (std::size_t k = 0; k < channels_.size(); ++k) {
    if (channels_[k] < 1 || channels_[k] > most_channels)
      throw InputError(
          fmt::format("decoder: {} channels of scale {}; accepted: 1 to {}", channels_[k], k, most_channels));
    scales_.push_back({Conv2d(parameters_, fmt::format("scales.{}.projection", k), channels_[k], options.width, 1),
                       GroupNorm(parameters_, fmt::format("scales.{}.norm", k), options.width, options.groups)});
  }
  for (int i = 0; i < 2; ++i)
    blocks_.push_back({Conv2d(parameters_, fmt::format("blocks.{}.convolution", i), options.width, options.width, 3),
                       GroupNorm(parameters_, fmt::format("blocks.{}.norm", i), options.width, options.groups)});
  logit_.emplace(parameters_, "logit", options.width, 1, 1);
}

at::Tensor MaskDecoder::logits(const std::vector<at::Tensor>& features, std::int64_t height, std::int64_t width) const {
  if (features.size() != scales_.size())
    throw InputError(
        fmt::format("decoder: {} feature maps; it takes {}, one a scale", features.size(), scales_.size()));
  at::Tensor sum;
  for (std::size_t k = 0; k < features.size(); ++k) {
    const at::Tensor& maps = features[k];
    if (maps.dim() != 4 || maps.size(1) != channels_[k] || maps.size(0) != features[0].size(0))
      throw InputError(fmt::format("decoder: feature maps [{}] of scale {}; accepted: [{}, {}, height, width]",
                                   fmt::join(maps.sizes(), ", "), k, features[0].dim() > 0 ? features[0].size(0) : 1,
                                   channels_[k]));
    const at::Tensor scale = at_side(scales_[k].norm(scales_[k].convolution(maps)), options_.side);
    sum = sum.defined() ? sum + scale : scale;
  }
  for (const Block& block : blocks_) sum = at::silu(block.norm(block.convolution(sum)));
  return at::upsample_bilinear2d((*logit_)(sum), {height, width}, false).squeeze(1);
}

at::Device MaskDecoder::device() const { return parameters_.all().front().value.device(); }

void describe_mask_decoder(SafetensorsWriter& writer, const MaskDecoder& decoder) {
  nlohmann::json sizes = to_json(decoder.options());
  sizes["channels"] = decoder.channels();
  writer.add_metadata(description, sizes.dump());
}

void write_mask_decoder(const MaskDecoder& decoder, const std::filesystem::path& file, const std::string& identity) {
  SafetensorsWriter writer;
  decoder.parameters().save(writer, weights);
  describe_mask_decoder(writer, decoder);
  writer.add_metadata("identity", identity);
  writer.write(file);
}

std::unique_ptr<MaskDecoder> read_mask_decoder(const std::filesystem::path& file, const std::string& identity,
                                               at::Device device) {
  const SafetensorsFile stored(file);
  const std::string where = fmt::format("{}: {}", file.string(), description);
  const nlohmann::json sizes = parse_json(checkpoint_metadata(stored, description), where);
  check_checkpoint_identity(stored, identity);
  ConfigReader reader(sizes, where);
  const MaskDecoderOptions options = read_options(reader);
  const std::vector<std::int64_t> channels = reader.integers("channels", {}, 1, most_channels);
  reader.finish();
  auto decoder = std::make_unique<MaskDecoder>(channels, options);
  decoder->parameters().materialise(0, device);
  decoder->parameters().load_partly(stored, weights);
  return decoder;
}

}  // namespace assay::diffusion_seg
