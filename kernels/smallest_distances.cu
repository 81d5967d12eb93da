#include <algorithm>
#include <cfloat>

#include "kernels/smallest_distances_cuda.h"
#include "kernels/smallest_distances_math.h"

namespace assay {
namespace {

constexpr int threads = 128;  // one query each
constexpr int tile = 16;      // references whose sums a thread holds in registers
constexpr int chunk = 32;     // coordinates in shared memory at a time

struct Tiles {
  float queries[threads][chunk + 1];  // one column more: threads of a warp read different banks
  float references[tile][chunk];
};

/// Float32 sums of squared differences between this thread's query and references [first, first + tile).
/// Padding beyond the last query, reference or coordinate is zero and adds nothing, or is never read.
__device__ void tile_sums(Tiles& shared, const float* __restrict__ queries, std::int64_t first_query,
                          std::int64_t count, const float* __restrict__ references, std::int64_t first,
                          std::int64_t reference_count, std::int64_t width, float (&sums)[tile]) {
  for (int r = 0; r < tile; ++r) sums[r] = 0.0f;
  for (std::int64_t d = 0; d < width; d += chunk) {
    __syncthreads();
    for (int i = threadIdx.x; i < threads * chunk; i += threads) {
      const std::int64_t row = first_query + i / chunk, column = d + i % chunk;
      shared.queries[i / chunk][i % chunk] = row < count && column < width ? queries[row * width + column] : 0.0f;
    }
    for (int i = threadIdx.x; i < tile * chunk; i += threads) {
      const std::int64_t row = first + i / chunk, column = d + i % chunk;
      shared.references[i / chunk][i % chunk] =
          row < reference_count && column < width ? references[row * width + column] : 0.0f;
    }
    __syncthreads();
    for (int c = 0; c < chunk; ++c) {
      const float value = shared.queries[threadIdx.x][c];
#pragma unroll
      for (int r = 0; r < tile; ++r) {
        const float difference = value - shared.references[r][c];
        sums[r] = fmaf(difference, difference, sums[r]);
      }
    }
  }
}

/// Two sweeps over the references: the first finds the k-th smallest float32 sum, the second works out in double
/// every reference whose float32 sum lies within the margin of it. The sums of both sweeps have the same bits.
template <int capacity>
__global__ void smallest_distances_kernel(const float* __restrict__ queries, std::int64_t count,
                                          const float* __restrict__ references, std::int64_t reference_count,
                                          std::int64_t width, int k, double* __restrict__ distances,
                                          std::int64_t* __restrict__ indices) {
  __shared__ Tiles shared;
  const std::int64_t blocks = (count + threads - 1) / threads;
  for (std::int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    const std::int64_t first_query = block * threads, query = first_query + threadIdx.x;
    float sums[tile];

    float smallest[capacity];
    for (int i = 0; i < capacity; ++i) smallest[i] = FLT_MAX;
    for (std::int64_t first = 0; first < reference_count; first += tile) {
      tile_sums(shared, queries, first_query, count, references, first, reference_count, width, sums);
      for (int r = 0; r < tile && first + r < reference_count; ++r) {
        if (!(sums[r] < smallest[k - 1])) continue;
        int at = k - 1;
        for (; at > 0 && sums[r] < smallest[at - 1]; --at) smallest[at] = smallest[at - 1];
        smallest[at] = sums[r];
      }
    }
    const float limit = sum_of_squares_margin(smallest[k - 1], width);

    double best[capacity];
    std::int64_t best_index[capacity];
    int found = 0;
    for (std::int64_t first = 0; first < reference_count; first += tile) {
      tile_sums(shared, queries, first_query, count, references, first, reference_count, width, sums);
      if (query >= count) continue;
      for (int r = 0; r < tile && first + r < reference_count; ++r) {
        if (!(sums[r] <= limit)) continue;
        const std::int64_t index = first + r;
        const double distance = squared_distance(queries + query * width, references + index * width, width);
        if (found == k && !nearer(distance, index, best[k - 1], best_index[k - 1])) continue;
        int at = found < k ? found++ : k - 1;
        for (; at > 0 && nearer(distance, index, best[at - 1], best_index[at - 1]); --at) {
          best[at] = best[at - 1];
          best_index[at] = best_index[at - 1];
        }
        best[at] = distance;
        best_index[at] = index;
      }
    }
    if (query >= count) continue;
    for (int i = 0; i < k; ++i) {
      distances[query * k + i] = best[i];
      indices[query * k + i] = best_index[i];
    }
  }
}

}  // namespace

void launch_smallest_distances(const float* queries, std::int64_t count, const float* references,
                               std::int64_t reference_count, std::int64_t width, int k, double* distances,
                               std::int64_t* indices, cudaStream_t stream) {
  if (count == 0) return;  // a grid of no blocks is a launch error
  const int blocks = static_cast<int>(std::min<std::int64_t>((count + threads - 1) / threads, 65535));
  const auto kernel = k == 1   ? smallest_distances_kernel<1>
                      : k <= 8 ? smallest_distances_kernel<8>
                               : smallest_distances_kernel<max_k_on_device>;
  kernel<<<blocks, threads, 0, stream>>>(queries, count, references, reference_count, width, k, distances, indices);
}

}  // namespace assay
