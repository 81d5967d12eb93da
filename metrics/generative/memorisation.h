#pragma once
#include <cstdint>
#include <vector>

#include "metrics/feature_sets/feature_rows.h"

namespace assay {

/// How many generated rows are no near copy of a training row (Alaa, van Breugel, Saveliev, van der Schaar, ICML 2022,
/// as dgm-eval counts them): a row is authentic where the training row nearest to it is farther from it than from its
/// own nearest other training row. Distances in double, equal ones by smaller index.
struct Authenticity {
  std::int64_t authentic = 0, rows = 0;
};

/// The same for any number of threads; no n x m matrix. Throws InputError as check_pair() does, without generated rows,
/// and with fewer than two training rows.
Authenticity authenticity(const FeatureRows& generated, const FeatureRows& training);

/// The choices of the C_T test; the defaults are dgm-eval's, but for the seed.
struct DataCopyingOptions {
  std::int64_t cells = 3;
  std::int64_t dimensions = 64;  // wider rows are projected onto so many principal components of the training rows
  std::int64_t fits = 10;        // of k-means, of which the tightest is taken
  std::int64_t fewest = 20;      // a cell counts where more generated rows than these lie in it
  std::uint64_t seed = 0;        // of k-means and replicates
  std::int64_t replicates = 0;
};

/// The C_T test for data-copying (Meehan, Chaudhuri, Dasgupta, AISTATS 2020).
struct DataCopying {
  struct Cell {
    std::int64_t training = 0, held_out = 0, generated = 0;
    double z = 0;  // 0 where no generated row lies in the cell
  };
  /// Mean of z over the cells that count, weighed by held-out rows; NaN where none counts. Far below 0: generated rows
  /// lie closer to training rows than held-out ones do; far above: farther.
  double value = 0;
  std::vector<Cell> cells;
  /// Generated and held-out rows resampled, cells and distances to the training rows as they are: a repeated row is as
  /// far from them as it was. Replicates in which no cell counts are left out.
  std::vector<double> replicates;
};

/// Cells by k-means on the training rows. In each, z = (U - n m / 2 + 1 / 2) / sqrt(n m (n + m + 1) / 12) for n
/// held-out and m generated rows of the cell, U the Mann-Whitney statistic of generated over held-out distances to the
/// nearest training row of the cell, equal ones as halves.
///
/// The same for any number of threads. Throws InputError as check_pair() does for each of both sets with the training
/// rows, for fewer training rows than cells, and where a cell holds no held-out row.
DataCopying data_copying(const FeatureRows& generated, const FeatureRows& held_out, const FeatureRows& training,
                         const DataCopyingOptions& options = {});

}  // namespace assay
