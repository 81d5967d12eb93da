#include "metrics/linear_algebra/tridiagonal_eigenvalues.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace assay {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double tiny = std::numeric_limits<double>::min();
constexpr int most_steps = 60;  // for one eigenvalue; two or three are usual

/// The eigenvalue of [[a, b], [b, c]], b^2 = square, that is nearer to a (Wilkinson's shift).
double shift(double a, double square, double c) {
  if (square == 0.0) return a;
  const double half = 0.5 * (c - a);
  return a - square / (half + std::copysign(std::sqrt(half * half + square), half));
}

/// Splits where a square is rounding of its neighbours: rotating it away moves eigenvalues by less than rounding does.
bool negligible(double square, double a, double c) {
  return square <= epsilon * epsilon * std::abs(a) * std::abs(c) || square < tiny;
}

/// QL steps on d[first, last] with squared couplings e2 until d[first] stands alone.
void separate_first(std::vector<double>& d, std::vector<double>& e2, std::size_t first, std::size_t end) {
  for (int step = 0;; ++step) {
    std::size_t last = first;
    while (last + 1 < end && !negligible(e2[last], d[last], d[last + 1])) ++last;
    if (last + 1 < end) e2[last] = 0.0;
    if (last == first) return;
    if (step == most_steps) throw Error("the eigenvalues of a tridiagonal matrix did not converge");
    const double sigma = shift(d[first], e2[first], d[first + 1]);
    double s = 0.0, c = 1.0, gamma = d[last] - sigma, p = gamma * gamma;
    for (std::size_t i = last; i-- > first;) {
      const double square = e2[i], r = p + square;
      if (i + 1 != last) e2[i + 1] = s * r;
      const double before = c;
      c = p / r;
      s = square / r;
      const double old = gamma;
      gamma = c * (d[i] - sigma) - s * old;
      d[i + 1] = old + (d[i] - gamma);
      p = c != 0.0 ? gamma * gamma / c : before * square;
    }
    e2[first] = s * p;
    d[first] = sigma + gamma;
  }
}

}  // namespace

std::vector<double> tridiagonal_eigenvalues(Tridiagonal matrix) {
  std::vector<double>& d = matrix.diagonal;
  const std::size_t n = d.size();
  if (n < 2) return d;
  std::vector<double> e2(n - 1);
  double largest = 0.0;
  for (const double value : d) largest = std::max(largest, std::abs(value));
  for (const double value : matrix.off) largest = std::max(largest, std::abs(value));
  if (largest == 0.0) return d;
  // By a power of two, so that squares stay in range and no digit is lost.
  const int exponent = std::ilogb(largest);
  for (double& value : d) value = std::scalbn(value, -exponent);
  for (std::size_t i = 0; i + 1 < n; ++i) e2[i] = std::pow(std::scalbn(matrix.off[i], -exponent), 2);
  if (std::abs(d.front()) > std::abs(d.back())) {  // QL finds what stands first, best when it is small
    std::reverse(d.begin(), d.end());
    std::reverse(e2.begin(), e2.end());
  }
  for (std::size_t first = 0; first < n; ++first) separate_first(d, e2, first, n);
  for (double& value : d) value = std::scalbn(value, exponent);
  std::sort(d.begin(), d.end());
  return std::move(d);
}

}  // namespace assay
