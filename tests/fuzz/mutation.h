#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzz/fuzzed_reader.h"

namespace assay::fuzz {

/// One of the seeds with one to four changes to one or two of its files: bits and bytes turned, parts cut off, taken
/// out, doubled or put in from another seed, lengths and numbers, binary or written out, made extreme, brackets put in
/// each other some hundred deep. The same seeds, seed and number give the same files on every machine. Throws Error
/// without seeds.
Files mutated(const std::vector<Files>& seeds, std::uint64_t seed, std::uint64_t number);

}  // namespace assay::fuzz
