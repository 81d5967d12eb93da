#pragma once
#include <string>

namespace assay {

/// A word of a command as a POSIX shell takes it for one: in single quotes where it holds more than letters, digits and
/// -_=+./:,@%.
std::string shell_quoted(const std::string& word);

}  // namespace assay
