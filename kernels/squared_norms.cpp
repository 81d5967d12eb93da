#include "kernels/squared_norms.h"

#include <cstdint>

#include "kernels/parallel_for.h"
#include "kernels/smallest_distances_math.h"

namespace assay {

std::vector<double> squared_norms(const at::Tensor& rows) {
  const std::int64_t width = rows.size(1);
  const float* data = rows.const_data_ptr<float>();
  const std::vector<float> origin(static_cast<std::size_t>(width), 0.0F);
  std::vector<double> norms(static_cast<std::size_t>(rows.size(0)));
  at::parallel_for(0, rows.size(0), 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      norms[static_cast<std::size_t>(i)] = squared_distance(data + i * width, origin.data(), width);
  });
  return norms;
}

}  // namespace assay
