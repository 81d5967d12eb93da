#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace assay::test {

/// `count` values in [-1, 1) named by `key`: the same as tests/data/features/random_weights.py makes.
std::vector<double> uniform(const std::string& key, std::int64_t count);

/// Writes random weights of these keys and shapes, as random_weights.py does.
void write_random_weights(const std::filesystem::path& file,
                          const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& shapes);

/// The RGB bytes, interleaved, of make_fixtures.py's image of this size.
std::vector<std::uint8_t> fixture_image(int width, int height);

}  // namespace assay::test
