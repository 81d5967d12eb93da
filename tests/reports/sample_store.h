#pragma once
#include <filesystem>

#include "store/rows.h"

namespace assay::test {

/// A store with one batch as a mini run leaves it: three finished seeds, one failed, one interrupted; guidance sweeps
/// of five arms, cluster scores, comparisons, claims, image grids, timings, kernel timings, notes. All values made up.
/// Times are fixed. Returns the batch.
RowId fill_full_store(const std::filesystem::path& file);

/// A store small enough to work out every printed number by hand: two seeds, two arms, one comparison, one claim.
RowId fill_small_store(const std::filesystem::path& file);

}  // namespace assay::test
