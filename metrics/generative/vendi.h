#pragma once
#include <cstdint>
#include <optional>

#include "core/score_interval.h"
#include "metrics/feature_sets/feature_rows.h"

namespace assay {

struct VendiOptions {
  bool interval = true;
  double level = 0.95;
  std::uint64_t seed = 0;  // of the groups behind the interval
};

struct Vendi {
  double value = 0;  // from 1, all rows alike, to the number of rows
  std::optional<ScoreInterval> interval;
};

/// The Vendi score (Friedman and Dieng, TMLR 2023): exp of the entropy of the eigenvalues of K / n, for the cosine
/// similarities K of n rows; how many different rows there are, in effect. Rows are scaled to unit length, zero rows
/// stay. Eigenvalues of the smaller of the two Gram matrices, which are not zero in both. In double.
///
/// The interval is Student's over the delete-a-group jackknife of 20 random groups of rows (as many as there are rows
/// where these are fewer): a bootstrap's repeated rows are alike and would lower the score. It is for this n: fewer
/// rows score lower.
///
/// Neither depends on the number of threads. Memory: the rows in double, and one Gram matrix. Throws InputError as
/// check_rows() does, and with fewer than two rows.
Vendi vendi(const FeatureRows& rows, const VendiOptions& options = {});

}  // namespace assay
