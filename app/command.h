#pragma once
#include <functional>
#include <string>

namespace assay {

struct TorchActions;

/// What every command is given. The one that was chosen sets one of the two functions, which return the exit code.
struct CommandContext {
  std::string command_line;                            // as typed, quoted for a shell
  std::function<int()> selected;                       // of a command that needs no LibTorch
  std::function<int(const TorchActions&)> with_torch;  // of one that does
};

/// What is wrong with the text of a seed, empty where nothing is: accepted are whole numbers of 64 bits without a sign.
/// The parser of options takes a negative number for its complement and cuts one that is too large.
std::string fault_of_seed(const std::string& text);

}  // namespace assay
