#pragma once

namespace assay {

/// Opens libassay_torch.so and runs the command line in it; returns the exit code. Throws Error, in one line, where it
/// or a library that it needs is missing or is another one than it was built with.
int run_in_torch_library(int argc, char** argv);

}  // namespace assay
