#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace assay {

/// One line on a LibTorch that could not be opened for the reason `fault`, given what is installed
/// (libtorch_installation()): that there is none, or another version than the program was built with, says more than
/// the library or the symbol that was not found, and comes before it.
std::string why_no_torch(const nlohmann::json& installation, const std::string& fault);

/// Opens libassay_torch.so and runs the command line in it; returns the exit code. Throws Error, in one line, where it
/// or a library that it needs is missing or is another one than it was built with.
int run_in_torch_library(int argc, char** argv);

}  // namespace assay
