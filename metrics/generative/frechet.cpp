#include "metrics/generative/frechet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"
#include "metrics/generative/frechet_reduction.h"
#include "metrics/linear_algebra/dense.h"
#include "metrics/linear_algebra/two_stage_eigenvalues.h"

namespace assay {
namespace {

using dense::Matrix;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr int two_stages = 384;  // dimensions from which on they are faster than one

/// F with S = F F^T, and by how much F may be off: `doubt` [d, k], of which each column is a change of F along an axis
/// of its own. For any G the nuclear norm of F^T G, which is the root's trace, is then off by at most the sum of the
/// norms of the rows of doubt^T G.
struct Factor {
  Matrix factor, doubt;
};

/// From the eigenvectors of the eigenvalues that are not rounding of zero. Of rounding of size r in S, which lies
/// between -r and r times the identity, the factor sqrt(v) of an axis with eigenvalue v is off by sqrt(v + r) - sqrt v
/// at most, and by all of sqrt(v + r) where v is left out. An S that should have no negative eigenvalue shows its
/// rounding by the one it has.
Factor eigen_factor(const Matrix& symmetric) {
  Matrix vectors(symmetric);
  const std::vector<double> values = dense::eigenvectors(vectors);
  const double largest = std::max(values.back(), 0.0), floor = static_cast<double>(values.size()) * epsilon * largest;
  const double rounding = 4.0 * epsilon * largest + 2.0 * std::max(-values.front(), 0.0);
  const auto kept = static_cast<int>(std::count_if(values.begin(), values.end(), [&](double v) { return v > floor; }));
  Factor out{Matrix(vectors.rows(), kept), Matrix(vectors.rows(), vectors.cols())};
  for (int j = 0; j < vectors.cols(); ++j) {
    const double value = values[static_cast<std::size_t>(j)], least = std::max(value - rounding, 0.0);
    const int to = j - (vectors.cols() - kept);  // values rise
    const double root = std::sqrt(std::max(value, 0.0));
    const double off =
        to < 0 ? std::sqrt(std::max(value, 0.0) + rounding) : std::sqrt(least + rounding) - std::sqrt(least);
    for (int i = 0; i < vectors.rows(); ++i) {
      if (to >= 0) out.factor.column(to)[i] = root * vectors(i, j);
      out.doubt.column(j)[i] = off * vectors(i, j);
    }
  }
  return out;
}

/// L of S = L L^T. Rounding changes element (i, j) of S by some epsilon of sqrt(S_ii S_jj), and all of S by no more
/// than r D^2, where D^2 is its diagonal: then L by r D^2 L^-T / 2.
Factor lower_factor(Matrix lower, const Matrix& symmetric) {
  const int n = lower.rows();
  const double rounding = 4.0 * epsilon * std::sqrt(n);
  Matrix doubt(n, n);  // D^2 L^-T as the transpose of L^-1 D^2
  for (int j = 0; j < n; ++j) {
    std::fill_n(doubt.column(j), n, 0.0);
    doubt.column(j)[j] = 0.5 * rounding * symmetric(j, j);
  }
  dense::solve_lower_transposed(lower, doubt);
  return {std::move(lower), std::move(doubt)};
}

struct Root {
  double trace;
  double error;
  std::string route;
  double largest = 0.0;  // of the roots that `trace` sums
};

/// Estimate of the error of a trace of `count` singular values.
double error_of_singular_values(int count, double largest) { return 4.0 * epsilon * count * largest; }

std::vector<double> fastest_eigenvalues(Matrix& symmetric) {
  return symmetric.rows() < two_stages ? dense::eigenvalues(symmetric) : two_stage_eigenvalues(symmetric);
}

/// Trace of the square root from the lower triangle of a symmetric matrix whose eigenvalues are those of S1 S2.
/// Rounding moves each eigenvalue v by some epsilon of the largest, u, in either direction: its root by u / (2 sqrt v)
/// with a random sign, and by -u^2 / (8 v^1.5) always; a root of what is noise itself is off by sqrt u always.
Root root_of(Matrix squared, std::string route) {
  const std::vector<double> values = fastest_eigenvalues(squared);
  Root out{0.0, 0.0, std::move(route)};
  if (values.empty()) return out;
  const double u = 4.0 * epsilon * std::max(std::abs(values.front()), std::abs(values.back()));
  double variance = 0.0;
  for (const double value : values) {
    const double root = std::sqrt(std::max(value, 0.0));
    out.trace += root;
    if (value > u) {
      variance += u * u / (4.0 * value);
      out.error += u * u / (8.0 * value * root);
    } else {
      out.error += std::sqrt(u);
    }
  }
  out.error += std::sqrt(variance);
  return out;
}

double log_determinant(const Matrix& lower) {
  double out = 0.0;
  for (int i = 0; i < lower.rows(); ++i) out += 2.0 * std::log(lower(i, i));
  return out;
}

/// Trace of the square root from the eigenvalues v of M = L^T S2 L, of which the logarithm of the determinant is known.
/// Where M is graded, from large to small as the pivots of L fall, rounding moves all roots by about as much, a few
/// epsilon of the largest, small ones too. Five estimates of the error of the trace, of which the largest counts:
/// - 8 epsilon of the largest root for each, independent;
/// - the share by which the sum of v misses the trace of M, for roots that are all off to one side, as in a cluster;
/// - the determinant measures it: errors of the roots of standard deviation s, independent, put the sum of log v off by
///   2 s sqrt(sum 1 / v), and too large an s is found where they grow towards small roots (Cauchy and Schwarz). One
///   measurement may be small by chance: it is taken four times. It says little where one root is far below all others;
/// - grading itself: rounding an element of M by epsilon sqrt(M_ii M_jj) moves the root of v by about
///   epsilon M_ii / sqrt v, with both in rising order; 128 times that was enough on spectra of all kinds;
/// - the factor: rounding of the largest variance moves a pivot p of L, squared, by some epsilon of it, and the root
///   of v by the share sqrt v / p, with both in rising order. This is what counts where S1 is steeper than S2.
/// `kept` gets band and eigenvalues from `two_stages` dimensions on, where it is given.
Root root_of_graded(Matrix squared, double log_of_determinant, const Matrix& lower, double largest_variance,
                    std::optional<FrechetReduction>* kept) {
  const int n = squared.rows();
  std::vector<double> diagonal, pivots;
  for (int i = 0; i < n; ++i) {
    diagonal.push_back(squared(i, i));
    pivots.push_back(lower(i, i) * lower(i, i));
  }
  const double trace = std::accumulate(diagonal.begin(), diagonal.end(), 0.0);
  std::sort(diagonal.begin(), diagonal.end());
  std::sort(pivots.begin(), pivots.end());
  std::vector<double> values;
  if (kept != nullptr && n >= two_stages) {
    BandReduction reduction = reduce_to_band(std::move(squared));
    BandMatrix band = reduction.band;
    values = band_eigenvalues(band);
    kept->emplace(FrechetReduction{{}, Matrix(0, 0), std::move(reduction), values});
  } else {
    values = fastest_eigenvalues(squared);
  }
  Root out{0.0, std::numeric_limits<double>::infinity(), "cholesky", std::sqrt(std::max(values.back(), 0.0))};
  double sum = 0.0, logarithms = 0.0, inverses = 0.0, graded = 0.0, factored = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] <= 0.0) return out;
    out.trace += std::sqrt(values[i]);
    sum += values[i];
    logarithms += std::log(values[i]);
    inverses += 1.0 / values[i];
    graded += diagonal[i] * diagonal[i] / values[i];
    factored += values[i] / (pivots[i] * pivots[i]);
  }
  const double measured = std::abs(logarithms - log_of_determinant) / (2.0 * std::sqrt(inverses));
  out.error = std::max({8.0 * epsilon * std::sqrt(n * values.back()), std::abs(sum - trace) / trace * out.trace,
                        4.0 * std::sqrt(n) * measured, 512.0 * epsilon * std::sqrt(graded),
                        8.0 * epsilon * largest_variance * std::sqrt(factored)});
  return out;
}

/// Trace of the square root as the sum of singular values of F1^T F2: nothing is squared.
Root root_of_singular_values(Matrix factor_product, std::string route) {
  const std::vector<double> values = dense::singular_values(factor_product);
  Root out{0.0, 0.0, std::move(route)};
  if (values.empty()) return out;
  for (const double value : values) out.trace += value;
  out.largest = values.front();
  out.error = error_of_singular_values(static_cast<int>(values.size()), out.largest);
  return out;
}

Factor any_factor(const Matrix& symmetric) {
  Matrix lower(symmetric);
  if (dense::cholesky(lower) && dense::well_conditioned(lower)) return lower_factor(std::move(lower), symmetric);
  return eigen_factor(symmetric);
}

/// In strips of columns, so that the bits do not depend on the number of threads.
Matrix product(bool transpose_a, dense::Block a, bool transpose_b, dense::Block b) {
  constexpr int strip = 64;
  constexpr double nanoseconds = 1.0 / 16.0;  // an operation
  Matrix out(transpose_a ? a.cols : a.rows, transpose_b ? b.rows : b.cols);
  const int inner = transpose_a ? a.rows : a.cols;
  const double operations = 2.0 * out.rows() * out.cols() * inner;
  parallel_for((out.cols() + strip - 1) / strip, threads_worth(nanoseconds * operations, 0),
               [&](std::int64_t index, int) {
                 const dense::OneThread own;
                 const int first = static_cast<int>(index) * strip, columns = std::min(strip, out.cols() - first);
                 dense::multiply(transpose_a, a, transpose_b,
                                 transpose_b ? b.at(first, 0, columns, b.cols) : b.at(0, first, b.rows, columns),
                                 out.all().at(0, first, out.rows(), columns));
               });
  return out;
}

/// By how much the trace may be off for what is not known of one factor.
double error_of_doubt(dense::Block doubt, dense::Block other) {
  Matrix rows = product(true, doubt, false, other);
  std::vector<double> squares(static_cast<std::size_t>(rows.rows()), 0.0);
  for (int j = 0; j < rows.cols(); ++j)
    for (int i = 0; i < rows.rows(); ++i) squares[static_cast<std::size_t>(i)] += rows(i, j) * rows(i, j);
  return std::accumulate(squares.begin(), squares.end(), 0.0, [](double sum, double v) { return sum + std::sqrt(v); });
}

/// What the distance is made of beside the root.
struct Terms {
  double mean, traces;

  double covariances(const Root& root) const { return std::max(traces - 2.0 * root.trace, 0.0); }
  double value(const Root& root) const { return mean + covariances(root); }
  double residual(const Root& root) const { return 2.0 * root.error + 4.0 * epsilon * (traces + mean); }
  /// As good as asked for, in the value or, where the sets are nearly one, in what cancels.
  bool settled_by(const Root& root) const {
    return 2.0 * root.error <= std::max(2.5e-10 * value(root), 1e-13 * traces);
  }
};

/// Dimensions that vary in both sets. One that is constant in either adds nothing to the root.
std::vector<Eigen::Index> varying(const MatrixXd& a, const MatrixXd& b) {
  const auto constant = [](const MatrixXd& covariance, Eigen::Index i) {
    return covariance(i, i) == 0.0 && covariance.col(i).isZero(0.0);
  };
  std::vector<Eigen::Index> out;
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    if (!constant(a, i) && !constant(b, i)) out.push_back(i);
  return out;
}

Matrix reordered(const MatrixXd& symmetric, const std::vector<Eigen::Index>& order) {
  const auto n = static_cast<int>(order.size());
  Matrix out(n, n);
  for (int j = 0; j < n; ++j) {
    const double* from = symmetric.col(order[static_cast<std::size_t>(j)]).data();
    for (int i = 0; i < n; ++i) out.column(j)[i] = from[order[static_cast<std::size_t>(i)]];
  }
  return out;
}

/// By how much the logarithms of the eigenvalues of L L^T lie below that of their mean, on average.
double steepness(const Matrix& lower) {
  double trace = 0.0;
  for (int j = 0; j < lower.cols(); ++j)
    for (int i = j; i < lower.rows(); ++i) trace += lower(i, j) * lower(i, j);
  return std::log(trace / lower.rows()) - log_determinant(lower) / lower.rows();
}

/// L with S = L L^T in the order of falling variance, so that its pivots fall as well.
struct Graded {
  std::vector<Eigen::Index> order;
  Matrix lower;
};

/// Nothing where the covariance is not positive definite.
std::optional<Graded> graded_factor(const MatrixXd& covariance, std::vector<Eigen::Index> order) {
  std::stable_sort(order.begin(), order.end(),
                   [&](Eigen::Index i, Eigen::Index j) { return covariance(i, i) > covariance(j, j); });
  Matrix lower = reordered(covariance, order);
  if (!dense::cholesky(lower)) return std::nullopt;
  return Graded{std::move(order), std::move(lower)};
}

/// `kept` gets what frechet() says of the reduction, where it is given.
Root full_rank_root(const MatrixXd& a, const MatrixXd& b, const Terms& terms, std::optional<FrechetReduction>* kept) {
  const auto dimensions = varying(a, b);
  if (dimensions.empty()) return {0.0, 0.0, "cholesky"};
  std::optional<Graded> of_a = graded_factor(a, dimensions), of_b = graded_factor(b, dimensions);
  if (of_a && of_b) {
    // L^T S2 L is graded where L falls as fast as the roots of S2 do, or faster.
    constexpr double clearly = 0.5;
    const bool b_is_steeper = steepness(of_b->lower) > steepness(of_a->lower) + clearly;
    const double determinant = log_determinant(of_a->lower) + log_determinant(of_b->lower);
    auto& [order, lower] = b_is_steeper ? *of_b : *of_a;
    Matrix other = reordered(b_is_steeper ? a : b, order);
    const double largest_variance = (b_is_steeper ? b : a)(order[0], order[0]);
    std::optional<FrechetReduction> reduced;
    Root fast = root_of_graded(dense::lower_congruence(lower.all(), other.all()), determinant, lower, largest_variance,
                               kept != nullptr && !b_is_steeper ? &reduced : nullptr);
    if (terms.settled_by(fast) || fast.error <= error_of_singular_values(lower.rows(), fast.largest)) {
      if (reduced) {
        reduced->order = std::move(order);
        reduced->lower = std::move(lower);
        *kept = std::move(reduced);
      }
      return fast;
    }
  }
  Factor f1 = any_factor(reordered(a, dimensions)), f2 = any_factor(reordered(b, dimensions));
  Root out = root_of_singular_values(product(true, f1.factor.all(), false, f2.factor.all()), "singular-values");
  out.error += error_of_doubt(f1.doubt.all(), f2.factor.all()) + error_of_doubt(f2.doubt.all(), f1.factor.all());
  return out;
}

Root root_trace(const Gaussian& a, const Gaussian& b, const Terms& terms, std::optional<FrechetReduction>* of_a) {
  if (a.low_rank() && b.low_rank()) {
    if (a.rows.rows() > b.rows.rows()) return root_trace(b, a, terms, nullptr);
    Matrix cross = product(false, dense::view(a.rows), true, dense::view(b.rows));
    Root fast = root_of(product(false, cross.all(), true, cross.all()), "low-rank");
    if (terms.settled_by(fast)) return fast;
    return root_of_singular_values(std::move(cross), "low-rank-singular-values");
  }
  if (b.low_rank()) return root_trace(b, a, terms, nullptr);
  if (a.low_rank()) {
    Root fast = root_of(dense::row_congruence(dense::view(a.rows), dense::view(b.covariance)), "low-rank");
    if (terms.settled_by(fast)) return fast;
    Factor of_b = any_factor(Matrix(b.covariance));
    Root out = root_of_singular_values(product(false, dense::view(a.rows), false, of_b.factor.all()),
                                       "low-rank-singular-values");
    out.error += error_of_doubt(of_b.doubt.all(), dense::view(MatrixXd(a.rows.transpose())));
    return out;
  }
  return full_rank_root(a.covariance, b.covariance, terms, of_a);
}

bool same(const MatrixXd& a, const MatrixXd& b) { return a.rows() == b.rows() && a.cols() == b.cols() && a == b; }

double trace(const Gaussian& g) { return g.low_rank() ? g.rows.squaredNorm() : g.covariance.trace(); }

void check(const Gaussian& g, const char* which) {
  if (g.width() == 0) throw InputError(fmt::format("Fréchet distance: the {} Gaussian is empty", which));
  const MatrixXd& second = g.low_rank() ? g.rows : g.covariance;
  if (second.cols() != g.width() || (!g.low_rank() && second.rows() != g.width())) {
    throw InputError(fmt::format("Fréchet distance: the {} Gaussian has a mean of {} and a {} of {} x {}", which,
                                 g.width(), g.low_rank() ? "factor" : "covariance", second.rows(), second.cols()));
  }
  if (!g.mean.allFinite() || !second.allFinite()) {
    throw InputError(fmt::format("Fréchet distance: the {} Gaussian holds a value that is not finite", which));
  }
}

FrechetDistance distance(const Gaussian& a, const Gaussian& b, std::optional<FrechetReduction>* of_a) {
  check(a, "first");
  check(b, "second");
  if (a.width() != b.width()) {
    throw InputError(fmt::format("Fréchet distance: the feature widths differ ({} and {})", a.width(), b.width()));
  }
  if (a.mean == b.mean && same(a.covariance, b.covariance) && same(a.rows, b.rows))
    return {0.0, 0.0, 0.0, "equal", 0.0};
  const Terms terms{(a.mean - b.mean).squaredNorm(), trace(a) + trace(b)};
  const Root root = root_trace(a, b, terms, of_a);
  return {terms.value(root), terms.mean, terms.covariances(root), root.route, terms.residual(root)};
}

}  // namespace

FrechetDistance frechet(const Gaussian& a, const Gaussian& b) { return distance(a, b, nullptr); }

FrechetDistance frechet(const Gaussian& a, const Gaussian& b, std::optional<FrechetReduction>& of_a) {
  of_a.reset();
  return distance(a, b, &of_a);
}

}  // namespace assay
