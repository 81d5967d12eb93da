#include "tests/fuzz/fuzz_program.h"

int main(int argc, char** argv) { return assay::fuzz::fuzz_program(argc, argv, assay::fuzz::fuzzed_readers()); }
