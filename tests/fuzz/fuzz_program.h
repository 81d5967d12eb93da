#pragma once
#include <vector>

#include "tests/fuzz/fuzzed_reader.h"

namespace assay::fuzz {

/// The main function of a program that tries these readers: README.md has its options. Returns 0 where none fails, 1
/// where one does, 2 for wrong use.
int fuzz_program(int argc, char** argv, const std::vector<FuzzedReader>& readers);

}  // namespace assay::fuzz
