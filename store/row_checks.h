#pragma once
#include <optional>
#include <string>
#include <vector>

#include "store/rows.h"

/// What is recorded is checked before it is written. Everything here throws Error with a sentence that names `what`.
namespace assay::rows {

void require(bool condition, const std::string& message);
void require_finite(double value, const std::string& what);
void require_finite(const std::optional<double>& value, const std::string& what);
void require_finite_all(const std::vector<double>& values, const std::string& what);
/// Not empty.
void require_name(const std::string& name, const std::string& what);
/// Finite bounds, low first, and a level between 0 and 1; no interval passes.
void require_interval(const std::optional<ScoreInterval>& interval, const std::string& what);

/// Names that are there, numbers that are finite and counts that are not negative.
void check(const TimingRow& timing);
/// As many differences as seeds, at least one; all numbers finite.
void check(const ComparisonRow& row);
/// Both bounds, low first, or neither; all numbers finite.
void check(const ClaimRow& row);
/// A name and a batch.
void check(const BaselineRow& row);
/// The number, how it is printed and its trust tag, or none of the first two.
void check(const PublishedRow& row);

}  // namespace assay::rows
