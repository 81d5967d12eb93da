#pragma once
#include <cstdint>
#include <span>
#include <vector>

/// Training sets of growing imbalance, and the conditions that samples of them take.
namespace assay::self_guided {

/// The images of each group that occurs in `groups` [N], in an order drawn from `seed`.
std::vector<std::vector<std::int64_t>> shuffled_groups(std::span<const std::int64_t> groups, std::uint64_t seed);

/// The images that stay at imbalance `rho`, ascending: of group c = 0 .. C-1 the first n rho^(-c / (C - 1)), rounded, n
/// the size of the smallest one. So 1 is balanced, and a longer tail is part of a shorter one.
std::vector<std::int64_t> thinned(const std::vector<std::vector<std::int64_t>>& groups, double rho);

/// How the samples' conditions are drawn: like that of any image, or first a class that occurs and then one of its
/// images.
enum class ConditionDraw { marginal, uniform };

/// The images whose condition `count` samples take, `ids` [N] being their classes; sample i draws from a stream of its
/// own under `seed`.
std::vector<std::int64_t> drawn_sources(std::span<const std::int64_t> ids, ConditionDraw draw, std::int64_t count,
                                        std::uint64_t seed);

/// The least-squares slope of `gains` over ln rho. Throws InputError as least_squares_slope().
double gain_over_log_imbalance(std::span<const double> rhos, std::span<const double> gains);

}  // namespace assay::self_guided
