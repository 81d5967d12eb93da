#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace assay {

/// What keeps `visible` from saying which of `patches` patches each of `batch` images shows, in one line; empty where
/// it does: [batch, V] int64 on `device`, numbers from 0 to patches - 1 in any order, each at most once in a row.
/// Numbers on a GPU are copied to the host to be looked at.
std::string visible_fault(const at::Tensor& visible, std::int64_t batch, std::int64_t patches, at::Device device);

/// Its inverse, [B, patches] int64: where patch n stands in row b of `visible` [B, V], -1 where it is hidden.
at::Tensor visible_slots(const at::Tensor& visible, std::int64_t patches);

}  // namespace assay
