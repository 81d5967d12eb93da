#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/condition.h"

namespace assay {

/// One kind of condition (labels, clusters of one K, boxes, ...) of every image of a set.
struct ConditionBlock {
  std::string name;
  std::int64_t classes = 0;       // K: its part of the condition vector
  std::vector<std::int64_t> ids;  // [N], in [0, classes): a one-hot part
  at::Tensor rows = {};           // [N, classes] float on the CPU, in the place of ids: a multi-hot part
  at::Tensor layout = {};         // [N, C, H, W] float on the CPU: its part of the layout
  at::Tensor text = {};  // [N, L] int64 on the CPU: token ids, as a network that owns a text encoder takes them
};

/// Widths of the vector and of the layout of a network that knows all blocks: each has a part of its own, in order.
std::int64_t vector_width(const std::vector<ConditionBlock>& blocks);
std::int64_t layout_width(const std::vector<ConditionBlock>& blocks);

/// Token ids of a text; 0 where no block has one. Unlike vectors and layouts, texts of several blocks are ways to say
/// the same (captions under several templates): there is one text, whichever block is shown. Throws InputError where
/// some blocks have a text and others none, or texts of another length.
std::int64_t text_length(const std::vector<ConditionBlock>& blocks);

/// What images `images` show of one block inside a network that knows all of them: the vector [B, vector_width()] and
/// the layout [B, layout_width(), H, W], zero outside the block's parts, undefined where the width is 0, and the text
/// [B, text_length()] int64, undefined where there is none. On the CPU. Throws InputError for an image without a
/// condition, an id out of range, or a part of another width.
Condition shown_condition(const std::vector<ConditionBlock>& blocks, std::size_t block,
                          const std::vector<std::int64_t>& images);

/// The same where every image may show another block: `block[i]` of `images[i]`.
Condition shown_condition(const std::vector<ConditionBlock>& blocks, const std::vector<std::size_t>& block,
                          const std::vector<std::int64_t>& images);

}  // namespace assay
