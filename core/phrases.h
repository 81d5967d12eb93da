#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

/// "1 image", "2 images"; where the plural is no "s" more, it is given.
std::string counted(std::int64_t count, std::string_view singular, std::string_view plural = {});

/// "a, b, c and 7 more".
std::string first_few(const std::vector<std::string>& names);

/// What of a message goes on one line of a terminal: a question mark for each byte that would end the line or steer the
/// terminal, as names in files of others may hold, and the first 2,000 bytes of a longer one.
std::string one_line(std::string_view message);

/// A word of a command as a POSIX shell takes it for one: in single quotes where it holds more than letters, digits and
/// -_=+./:,@%.
std::string shell_quoted(const std::string& word);

}  // namespace assay
