#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace assay {

/// An image that cannot be read.
struct DamagedImage {
  std::int64_t index = 0;
  std::string name;  // below the folder that was asked for
  std::string why;   // the message of reading it, which names the file
};

/// What reading a damaged image threw, with the option that would have left it out.
InputError with_skip_option(const InputError& error);

/// Calls decode(i) once for each of `count` images, on up to `threads` threads (0: all cores), with a progress line
/// about `what`, and gathers those for which it throws InputError, in ascending order; it leaves their names empty.
/// Passes FormatNotBuilt on.
std::vector<DamagedImage> find_damaged(const std::string& what, std::int64_t count, int threads,
                                       const std::function<void(std::int64_t)>& decode);

/// "p: 2 of 12 images left out as damaged (a.png, b.png); the first: p/a.png: truncated", of `count` images or pairs as
/// `what` says. Throws InputError where none is left.
std::string damaged_note(const std::string& where, const std::vector<DamagedImage>& damaged, std::int64_t count,
                         std::string_view what = "image");

}  // namespace assay
