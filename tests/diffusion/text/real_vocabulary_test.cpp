#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <sstream>

#include "diffusion/text/clip_tokenizer.h"
#include "tests/diffusion/text/clip_files.h"

// CLIP's own vocabulary, 1.3 MB, is not kept here. The file is that of ASSAY_CLIP_VOCABULARY, or one fetched from the
// Python package open-clip-torch and kept in the cache; where neither can be had the tests are skipped.
namespace assay {
namespace {

namespace fs = std::filesystem;

fs::path cached_file() {
  const auto variable = [](const char* name) { return std::string(std::getenv(name) ? std::getenv(name) : ""); };
  if (const std::string given = variable("ASSAY_CLIP_VOCABULARY"); !given.empty()) return given;
  std::string cache = variable("ASSAY_CACHE");
  if (cache.empty() && !variable("XDG_CACHE_HOME").empty()) cache = variable("XDG_CACHE_HOME") + "/assay";
  if (cache.empty()) cache = variable("HOME") + "/.cache/assay";
  const fs::path folder = fs::path(cache) / "open-clip-torch-3.3.0";
  fs::path file = folder / "bpe_simple_vocab_16e6.txt.gz";
  if (!fs::exists(file)) {
    const test::TemporaryFolder wheel;
    const std::string fetch = "timeout 30 python3 -m pip download --quiet --no-deps --no-input --retries 0 --dest '" +
                              wheel.path().string() + "' open-clip-torch==3.3.0 >/dev/null 2>&1 && cd '" +
                              wheel.path().string() + "' && python3 -m zipfile -e *.whl . && mkdir -p '" +
                              folder.string() + "' && mv open_clip/bpe_simple_vocab_16e6.txt.gz '" + folder.string() +
                              "/' 2>/dev/null";
    if (std::system(fetch.c_str()) != 0) return {};
  }
  return file;
}

std::vector<std::string> all_merges(const fs::path& file) {
  std::string text;
  const gzFile in = ::gzopen(file.c_str(), "rb");
  std::array<char, 1 << 16> part{};
  for (int n = 0; in && (n = ::gzread(in, part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(n));
  if (in) ::gzclose(in);
  std::istringstream lines(text);
  return test::lines_of_merges(lines, 49152 - 256 - 2);
}

TEST(RealVocabulary, GivesTheIdsOfThePeer) {
  const fs::path file = cached_file();
  if (file.empty() || !fs::exists(file))
    GTEST_SKIP() << "CLIP's vocabulary (of the Python package open-clip-torch) is not here and cannot be fetched";
  const std::vector<std::string> merges = all_merges(file);
  for (const auto& [pad, key] : {std::pair("<|endoftext|>", "real_ids"), std::pair("!", "real_ids_of_sd2")}) {
    const test::TemporaryFolder folder;
    test::write_clip_folder(folder, merges, pad, 77);
    const ClipTokenizer tokenizer = ClipTokenizer::from_folder(folder.path());
    ASSERT_EQ(tokenizer.vocabulary_size(), 49408);
    const auto& expected = test::clip_expectations();
    for (std::size_t i = 0; i < expected.at("texts").size(); ++i)
      EXPECT_EQ(tokenizer.pieces(expected.at("texts")[i]), expected.at(key)[i].get<test::Ids>())
          << expected.at("texts")[i].dump();
  }
}

}  // namespace
}  // namespace assay
