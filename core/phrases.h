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

}  // namespace assay
