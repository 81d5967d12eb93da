#include "reproductions/samples/sample_noise.h"

#include <ATen/ops/empty.h>

#include "core/philox.h"

namespace assay {

at::Tensor sample_noise(std::int64_t first, std::int64_t count, const std::vector<std::int64_t>& shape,
                        std::uint64_t seed, std::int64_t step) {
  std::vector<std::int64_t> sizes = {count};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  at::Tensor x = at::empty(sizes, at::kFloat);
  const std::int64_t values = x[0].numel();
  for (std::int64_t i = 0; i < count; ++i) {
    RandomStream random(seed, Purpose::noise, static_cast<std::uint64_t>(step * (std::int64_t{1} << 32) + first + i));
    random.fill_normal({x.mutable_data_ptr<float>() + i * values, static_cast<std::size_t>(values)});
  }
  return x;
}

}  // namespace assay
