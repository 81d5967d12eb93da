#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

// Sums of the kernel (x.y / d + 1)^3, d being the width of a row, or of a Gaussian one, over pairs of rows of float32
// matrices.
// Products in float32, kernel values in double. All count k(x, y) - 1: an estimate of the distance does not change when
// a constant is taken from every kernel value, and less is lost to rounding of what is left.

/// Weights of rows: what is summed in double, and what only makes replicates and is summed in float32.
struct RowWeights {
  at::Tensor exact;  // float64 [n, b]
  at::Tensor draws;  // float32 [n, replicates]
};

/// K times the weights, for the kernel matrix K [n, m] of x and y.
struct KernelSums {
  at::Tensor exact;    // float64 [n, b]
  at::Tensor draws;    // float32 [n, replicates]
  at::Tensor columns;  // float64 [m], the sums of the columns, where asked for
};

/// The sums of K for x [n, d] and y [m, d]. Memory O(m), no n x m matrix. The bits do not depend on the number of
/// threads. With `itself` (y is x) the diagonal counts as zero. Throws Interrupted after Ctrl-C.
KernelSums kernel_sums(const at::Tensor& x, const at::Tensor& y, bool itself, const RowWeights& weights,
                       bool with_columns = false);

/// The same of the kernel exp(-gamma |x - y|^2), whose value of a row with itself is 1 and counts, less 1, as zero too.
KernelSums gaussian_kernel_sums(const at::Tensor& x, const at::Tensor& y, bool itself, double gamma,
                                const RowWeights& weights);

/// The sum of K over all pairs, or over all ordered pairs of different rows with `itself` (y is x). By one thread, for
/// callers that work out several side by side. Throws Interrupted after Ctrl-C.
double kernel_total(const at::Tensor& x, const at::Tensor& y, bool itself);

}  // namespace assay
