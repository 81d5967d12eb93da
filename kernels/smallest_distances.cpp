#include "kernels/smallest_distances.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "kernels/nearest_candidates.h"
#include "kernels/parallel_for.h"
#include "kernels/smallest_distances_math.h"
#include "kernels/squared_norms.h"

namespace assay {
namespace {

constexpr std::int64_t query_block = 128;
constexpr std::int64_t reference_block = 512;

std::vector<double> checked_norms(const at::Tensor& rows, const char* name) {
  std::vector<double> norms = squared_norms(rows);
  for (size_t i = 0; i < norms.size(); ++i) {
    // float32 products of such rows would overflow; NaN fails the comparison too.
    TORCH_CHECK(norms[i] < 1e37, "smallest_distances: ", name, " row ", i,
                " holds a value that is not finite or too large (its squared norm is ", norms[i], ")");
  }
  return norms;
}

std::tuple<at::Tensor, at::Tensor> smallest_distances_cpu(const at::Tensor& queries, const at::Tensor& references,
                                                          std::int64_t k) {
  const std::int64_t count = queries.size(0), reference_count = references.size(0), width = queries.size(1);
  const std::vector<double> query_norms = checked_norms(queries, "query");
  const std::vector<double> reference_norms = checked_norms(references, "reference");
  const double largest = std::sqrt(*std::max_element(reference_norms.begin(), reference_norms.end()));
  const std::vector<float> norms(reference_norms.begin(), reference_norms.end());

  at::Tensor distances = at::empty({count, k}, queries.options().dtype(at::kDouble));
  at::Tensor indices = at::empty({count, k}, queries.options().dtype(at::kLong));
  const float *q = queries.const_data_ptr<float>(), *r = references.const_data_ptr<float>();
  double* out_distance = distances.mutable_data_ptr<double>();
  std::int64_t* out_index = indices.mutable_data_ptr<std::int64_t>();
  const at::Tensor transposed = references.t();

  const std::int64_t blocks = (count + query_block - 1) / query_block;
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    at::Tensor products = at::empty({query_block, std::min(reference_block, reference_count)}, queries.options());
    // Scores are squared distances less |q|^2, in float32.
    std::vector<NearestCandidates> candidates(static_cast<size_t>(query_block), NearestCandidates(k));
    std::vector<std::pair<double, std::int64_t>> exact;
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first_query = block * query_block, rows = std::min(query_block, count - first_query);
      for (std::int64_t i = 0; i < rows; ++i) {
        const double norm = std::sqrt(query_norms[static_cast<size_t>(first_query + i)]);
        // Twice the error: of the k-th score and of the candidate's.
        candidates[static_cast<size_t>(i)].restart(static_cast<float>(2.02 * score_error(norm, largest, width)));
      }
      for (std::int64_t first = 0; first < reference_count; first += reference_block) {
        const std::int64_t columns = std::min(reference_block, reference_count - first);
        at::Tensor view = products.narrow(0, 0, rows).narrow(1, 0, columns);
        at::mm_out(view, queries.narrow(0, first_query, rows), transposed.narrow(1, first, columns));
        const std::int64_t stride = view.stride(0);
        float* scores = view.mutable_data_ptr<float>();
        for (std::int64_t i = 0; i < rows; ++i, scores += stride) {
          for (std::int64_t j = 0; j < columns; ++j)
            scores[j] = norms[static_cast<size_t>(first + j)] - 2.0f * scores[j];
          candidates[static_cast<size_t>(i)].add(scores, first, columns);
        }
      }
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t query = first_query + i;
        exact.clear();
        for (const auto& [score, index] : candidates[static_cast<size_t>(i)].finish())
          exact.emplace_back(squared_distance(q + query * width, r + index * width, width), index);
        std::partial_sort(exact.begin(), exact.begin() + k, exact.end());
        for (std::int64_t j = 0; j < k; ++j)
          std::tie(out_distance[query * k + j], out_index[query * k + j]) = exact[static_cast<size_t>(j)];
      }
    }
  });
  return {distances, indices};
}

}  // namespace

SmallestDistances smallest_distances(const at::Tensor& queries, const at::Tensor& references, std::int64_t k) {
  TORCH_CHECK(queries.dim() == 2 && references.dim() == 2 && queries.size(1) == references.size(1),
              "smallest_distances: needs queries [N, D] and references [M, D], got ", queries.sizes(), " and ",
              references.sizes());
  TORCH_CHECK(queries.scalar_type() == at::kFloat && references.scalar_type() == at::kFloat,
              "smallest_distances: needs float32, got ", queries.scalar_type(), " and ", references.scalar_type());
  TORCH_CHECK(queries.device() == references.device(), "smallest_distances: queries are on ", queries.device(),
              ", references on ", references.device());
  TORCH_CHECK(k >= 1 && k <= references.size(0), "smallest_distances: k must lie in [1, ", references.size(0),
              "], the number of references, got ", k);
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("assay::smallest_distances", "")
          .typed<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&, std::int64_t)>();
  // Detached: the indices have no derivative, and the threads inside would not know that recording is off.
  auto [distances, indices] = op.call(queries.detach().contiguous(), references.detach().contiguous(), k);
  return {distances, indices};
}

TORCH_LIBRARY_FRAGMENT(assay, m) {
  m.def("smallest_distances(Tensor queries, Tensor references, int k) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(assay, CPU, m) { m.impl("smallest_distances", smallest_distances_cpu); }
TORCH_LIBRARY_IMPL(assay, Autograd, m) {
  m.impl("smallest_distances", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace assay
