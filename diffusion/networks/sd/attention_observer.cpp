#include "diffusion/networks/sd/attention_observer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/promote_types.h>
#include <ATen/ops/softmax.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace assay {

at::Tensor ObservedAttention::map(std::int64_t begin, std::int64_t count) const {
  return part(begin, count, 0, queries());
}

at::Tensor ObservedAttention::part(std::int64_t row, std::int64_t rows, std::int64_t first_query,
                                   std::int64_t queries) const {
  const at::Tensor query = query_.narrow(0, row, rows).narrow(2, first_query, queries);
  const at::Tensor key = key_.narrow(0, row, rows);
  const auto type = at::promote_types(query.scalar_type(), at::kFloat);
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(3)));
  return at::softmax(at::matmul(query.to(type) * scale, key.to(type).transpose(2, 3)), 3);
}

at::Tensor ObservedAttention::mean_of_heads(std::int64_t begin, std::int64_t count, std::int64_t most) const {
  const std::int64_t of_a_query = heads() * keys(), of_an_image = of_a_query * queries();
  const std::int64_t rows = std::clamp<std::int64_t>(most / of_an_image, 1, count);
  const std::int64_t some = std::clamp<std::int64_t>(most / of_a_query, 1, queries());
  at::Tensor mean = at::empty({count, queries(), keys()},
                              query_.options().dtype(at::promote_types(query_.scalar_type(), at::kFloat)));
  // A row of a map depends on its own query alone, so that parts give what the whole would.
  for (std::int64_t row = 0; row < count; row += rows) {
    const std::int64_t of_rows = std::min(rows, count - row);
    for (std::int64_t query = 0; query < queries(); query += some) {
      const std::int64_t of_queries = std::min(some, queries() - query);
      mean.narrow(0, row, of_rows)
          .narrow(1, query, of_queries)
          .copy_(part(begin + row, of_rows, query, of_queries).mean(1));
    }
  }
  return mean;
}

std::int64_t first_row_of_prompts(std::int64_t batch, std::int64_t images) {
  if (batch != images && batch != 2 * images)
    throw Error(fmt::format("observer: a batch of {} for {} images; accepted: one row or two an image", batch, images));
  return batch - images;
}

}  // namespace assay
