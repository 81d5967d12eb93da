#pragma once
#include <string>

namespace assay {

/// Opens libassay_cuda.so, which holds the CUDA side of the kernels and brings LibTorch's, unless it is open already.
/// Returns why CUDA cannot be used, in one line: no CUDA in this build, no device, or what the library lacks; empty
/// where it can. Nothing of CUDA is loaded where the driver serves no device.
std::string open_cuda_library();

}  // namespace assay
