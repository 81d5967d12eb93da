#pragma once

namespace assay {

struct TorchActions;

/// The whole command: reads the arguments, runs what was chosen and returns the exit code. Errors are one line on
/// standard error. Without `torch` a command that needs LibTorch runs in libassay_torch.so, which is opened for it and
/// reads the same arguments again.
int program(int argc, char** argv, const TorchActions* torch);

}  // namespace assay
