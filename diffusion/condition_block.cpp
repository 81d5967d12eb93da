#include "diffusion/condition_block.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace assay {
namespace {

/// Channels, height and width of the layouts of `blocks`; channels 0 where there is none.
struct LayoutShape {
  std::int64_t channels = 0, height = 0, width = 0;
};

LayoutShape layout_shape(const std::vector<ConditionBlock>& blocks) {
  LayoutShape shape;
  for (const ConditionBlock& block : blocks) {
    if (!block.layout.defined()) continue;
    if (block.layout.dim() != 4)
      throw InputError(
          fmt::format("condition '{}': a layout of {} axes; accepted: [N, C, H, W]", block.name, block.layout.dim()));
    const std::int64_t height = block.layout.size(2), width = block.layout.size(3);
    if (shape.channels > 0 && (height != shape.height || width != shape.width))
      throw InputError(fmt::format("condition '{}': a layout of {} x {} beside one of {} x {}; accepted: one size",
                                   block.name, height, width, shape.height, shape.width));
    shape = {shape.channels + block.layout.size(1), height, width};
  }
  return shape;
}

/// Copies row `image` of `from` [N, ...] to `to`.
template <class Value>
void copy_row(const ConditionBlock& block, const at::Tensor& from, std::int64_t image, Value* to) {
  if (image < 0 || image >= from.size(0))
    throw InputError(fmt::format("condition '{}': image {} is out of range; accepted: 0 to {}", block.name, image,
                                 from.size(0) - 1));
  const std::int64_t values = from.numel() / from.size(0);
  std::copy_n(from.const_data_ptr<Value>() + image * values, values, to);
}

void show_vector(const ConditionBlock& block, std::int64_t image, float* to) {
  if (block.rows.defined()) {
    if (block.rows.dim() != 2 || block.rows.size(1) != block.classes)
      throw InputError(fmt::format("condition '{}': rows must be [N, {}]", block.name, block.classes));
    copy_row(block, block.rows, image, to);
    return;
  }
  if (image < 0 || image >= static_cast<std::int64_t>(block.ids.size()))
    throw InputError(fmt::format("condition '{}': image {} is out of range; accepted: 0 to {}", block.name, image,
                                 static_cast<std::int64_t>(block.ids.size()) - 1));
  const std::int64_t id = block.ids[static_cast<std::size_t>(image)];
  if (id < 0 || id >= block.classes)
    throw InputError(
        fmt::format("condition '{}': class {} is out of range; accepted: 0 to {}", block.name, id, block.classes - 1));
  to[id] = 1;
}

}  // namespace

std::int64_t vector_width(const std::vector<ConditionBlock>& blocks) {
  std::int64_t width = 0;
  for (const ConditionBlock& block : blocks) width += block.classes;
  return width;
}

std::int64_t layout_width(const std::vector<ConditionBlock>& blocks) { return layout_shape(blocks).channels; }

std::int64_t text_length(const std::vector<ConditionBlock>& blocks) {
  std::int64_t length = 0;
  for (const ConditionBlock& block : blocks) {
    if (block.text.defined() != blocks.front().text.defined())
      throw InputError(fmt::format("condition '{}': {}, '{}' {}; accepted: a text in all of them or in none",
                                   block.name, block.text.defined() ? "has a text" : "lacks a text",
                                   blocks.front().name, block.text.defined() ? "has none" : "has one"));
    if (!block.text.defined()) continue;
    if (block.text.dim() != 2 || block.text.scalar_type() != at::kLong)
      throw InputError(fmt::format("condition '{}': a text that is not [N, L] int64", block.name));
    if (length > 0 && block.text.size(1) != length)
      throw InputError(fmt::format("condition '{}': texts of {} tokens beside those of {}; accepted: one length",
                                   block.name, block.text.size(1), length));
    length = block.text.size(1);
  }
  return length;
}

Condition shown_condition(const std::vector<ConditionBlock>& blocks, std::size_t block,
                          const std::vector<std::int64_t>& images) {
  return shown_condition(blocks, std::vector<std::size_t>(images.size(), block), images);
}

Condition shown_condition(const std::vector<ConditionBlock>& blocks, const std::vector<std::size_t>& block,
                          const std::vector<std::int64_t>& images) {
  const auto count = static_cast<std::int64_t>(images.size());
  const std::int64_t width = vector_width(blocks);
  const LayoutShape shape = layout_shape(blocks);
  const std::int64_t pixels = shape.height * shape.width, tokens = text_length(blocks);
  std::vector<std::int64_t> first_class, first_channel;  // of each block's part
  std::int64_t classes = 0, channels = 0;
  for (const ConditionBlock& b : blocks) {
    first_class.push_back(classes);
    first_channel.push_back(channels);
    classes += b.classes;
    if (b.layout.defined()) channels += b.layout.size(1);
  }
  Condition shown;
  if (width > 0) shown.vector = at::zeros({count, width}, at::kFloat);
  if (shape.channels > 0) shown.layout = at::zeros({count, shape.channels, shape.height, shape.width}, at::kFloat);
  if (tokens > 0) shown.text = at::empty({count, tokens}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::size_t chosen = block[static_cast<std::size_t>(i)];
    const ConditionBlock& b = blocks[chosen];
    const std::int64_t image = images[static_cast<std::size_t>(i)];
    if (b.classes > 0) show_vector(b, image, shown.vector.mutable_data_ptr<float>() + i * width + first_class[chosen]);
    if (b.layout.defined())
      copy_row(b, b.layout, image,
               shown.layout.mutable_data_ptr<float>() + (i * shape.channels + first_channel[chosen]) * pixels);
    if (tokens > 0) copy_row(b, b.text, image, shown.text.mutable_data_ptr<std::int64_t>() + i * tokens);
  }
  return shown;
}

}  // namespace assay
