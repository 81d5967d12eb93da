#pragma once
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.h"
#include "diffusion/text/byte_symbols.h"
#include "tests/support/temporary_folder.h"

namespace assay::test {

/// tests/data/clip/expected.json: texts and their ids by the peer that `made_by` names, on the vocabulary of the first
/// 2,000 merges of CLIP (merges.txt beside it) and on all of them.
inline const nlohmann::json& clip_expectations() {
  static const nlohmann::json expected = nlohmann::json::parse(read_file(ASSAY_TEST_DATA "/clip/expected.json"));
  return expected;
}

/// Pieces in the order of their ids for these lines of merges: CLIP's layout.
inline nlohmann::json clip_pieces(const std::vector<std::string>& merges) {
  nlohmann::json ids = nlohmann::json::object();
  const auto add = [&](const std::string& piece) { ids[piece] = ids.size(); };
  for (const std::string_view end : {std::string_view(), end_of_word})
    for (const std::string& symbol : ordered_byte_symbols()) add(symbol + std::string(end));
  for (const std::string& merge : merges) add(std::string(merge).erase(merge.find(' '), 1));
  add("<|startoftext|>");
  add("<|endoftext|>");
  return ids;
}

/// A tokenizer's folder with these merges, the pad token and the length of prompts.
inline void write_clip_folder(const TemporaryFolder& folder, const std::vector<std::string>& merges,
                              const std::string& pad = "<|endoftext|>", int length = 16) {
  std::string text = "#version: 0.2\n";
  for (const std::string& merge : merges) text += merge + "\n";
  folder.file("merges.txt", text);
  folder.file("vocab.json", clip_pieces(merges).dump());
  nlohmann::json config = {{"bos_token", "<|startoftext|>"},
                           {"eos_token", "<|endoftext|>"},
                           {"unk_token", "<|endoftext|>"},
                           {"pad_token", pad}};
  folder.file("special_tokens_map.json", config.dump());
  config["model_max_length"] = length;
  config["tokenizer_class"] = "CLIPTokenizer";
  folder.file("tokenizer_config.json", config.dump());
}

inline std::vector<std::string> lines_of_merges(std::istream& in, std::size_t most) {
  std::vector<std::string> merges;
  std::string line;
  while (merges.size() < most && std::getline(in, line))
    if (!line.empty() && line.find("#version") == std::string::npos) merges.push_back(line);
  return merges;
}

inline std::vector<std::string> first_clip_merges() {
  std::ifstream in(ASSAY_TEST_DATA "/clip/merges.txt");
  return lines_of_merges(in, 2000);
}

using Ids = std::vector<std::int64_t>;

}  // namespace assay::test
