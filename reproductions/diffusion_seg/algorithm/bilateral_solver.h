#pragma once
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "images/image.h"

/// The fast bilateral solver (Barron & Poole, "The Fast Bilateral Solver", ECCV 2016, arXiv:1511.03296), which snaps a
/// rough soft mask to the edges of its image. TokenCut refines its masks with it; without LibTorch.
namespace assay::diffusion_seg {

/// The defaults are TokenCut's, whose command line has the three widths and whose code has the rest.
struct BilateralOptions {
  double sigma_spatial = 16;          // pixels
  double sigma_luma = 16;             // of 0 to 255
  double sigma_chroma = 8;            // of 0 to 255
  double lambda = 256;                // of smoothness against fidelity
  double confidence = 0.999;          // of every pixel of the target, where no map of it is given
  std::int64_t balancing_steps = 10;  // of the bistochastisation
  std::int64_t iterations = 25;       // of conjugate gradients, at most
  double tolerance = 1e-5;            // of the residual's norm, as a share of the right side's: then they stop
  double threshold = 0.5;             // above which a pixel of the map is foreground, for the caller
};

BilateralOptions read_bilateral_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const BilateralOptions& options);

/// The pixels of an image as points (x, y, luma, two chromas) on a grid of five dimensions, of which it keeps the
/// vertices that hold a pixel, in ascending order of (chroma, chroma, luma, y, x), the first counting most: the
/// paper's simplified bilateral grid. A pixel belongs to one vertex: each coordinate divided by its sigma, rounded
/// down. Luma and chroma are those of JPEG (full-range BT.601), worked out exactly.
class BilateralGrid {
 public:
  /// Of an image of 3 channels. Throws InputError where it has no pixel or other channels, or a sigma is too small for
  /// its coordinate to have at most 4095 places.
  BilateralGrid(const Image& image, double sigma_spatial, double sigma_luma, double sigma_chroma);

  std::int64_t pixels() const { return static_cast<std::int64_t>(vertex_of_.size()); }
  std::int64_t vertices() const { return vertices_; }

  /// The sum over the pixels of each vertex (S of the paper).
  std::vector<double> splat(std::span<const double> of_pixels) const;
  /// Every pixel gets its vertex's value (the transpose of S).
  std::vector<double> slice(std::span<const double> of_vertices) const;
  /// B of the paper: 1, 2, 1 along each of the five dimensions, added up: ten times a vertex's own value and once that
  /// of each of its ten neighbours that is there. Symmetric.
  std::vector<double> blur(std::span<const double> of_vertices) const;

 private:
  static constexpr std::int64_t none = -1;

  std::int64_t vertices_ = 0;
  std::vector<std::int64_t> vertex_of_;                   // of each pixel
  std::vector<std::array<std::int64_t, 10>> neighbours_;  // of each vertex; `none` where there is none
};

/// The diagonals that make N B N nearly M, that is, of row sums m (the paper's bistochastisation).
struct Balance {
  std::vector<double> n, m;
};

/// `steps` times n <- sqrt(n m / B n), from n = 1, where m counts the pixels of each vertex. In the end m is taken to
/// be n (B n), whatever the number of steps: then no constant is changed by smoothing, up to rounding.
Balance balance(const BilateralGrid& grid, std::int64_t steps);

/// A refined map, and how it was found.
struct BilateralSolution {
  std::vector<float> map;       // row-major, of the target's range
  std::int64_t vertices = 0;    // unknowns
  std::int64_t iterations = 0;  // of conjugate gradients
  double residual = 0.0;        // norm at the end, as a share of the right side's
};

/// The map x = slice(y), where y minimises
///     lambda / 2 sum_ij w_ij (x_i - x_j)^2 + sum_i c_i (x_i - t_i)^2
/// over pixels i of target t and confidence c, w the bilateral weights made bistochastic: the system
/// (lambda (M - N B N) + diag(S c)) y = S (c t) of the paper, by conjugate gradients, preconditioned by
/// its diagonal, from y = S (c t) / S c. In double on one thread.
///
/// The solution lies between the least and the largest t, so what the iterations leave outside is set to the nearer of
/// them; TokenCut leaves it. No hole is filled and no piece dropped: of TokenCut's public code (get_saliency.py and
/// bilateral_solver.py) that is done for the pictures it saves alone, while its scores are of this map. The paper's
/// hierarchical preconditioner and start are not used, as TokenCut does not. `target` and, where given,
/// `confidence` have the image's pixels, row-major, the latter from 0 on. Where a vertex has no confidence at all, it
/// starts from the mean target of all pixels, weighted by theirs. Throws InputError for another number of pixels,
/// values that are not finite, a negative confidence, and where no pixel has any.
BilateralSolution solve_bilateral(const Image& image, std::span<const float> target, const BilateralOptions& options,
                                  std::span<const float> confidence = {});

}  // namespace assay::diffusion_seg
