#include "kernels/chosen_rows.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace assay {

at::Tensor chosen_rows(const at::Tensor& rows, std::span<const std::int64_t> numbers) {
  const std::int64_t width = rows.size(1);
  at::Tensor out = at::empty({static_cast<std::int64_t>(numbers.size()), width}, rows.options());
  const float* from = rows.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  for (const std::int64_t number : numbers) to = std::copy_n(from + number * width, width, to);
  return out;
}

}  // namespace assay
