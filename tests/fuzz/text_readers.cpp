#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/file.h"
#include "datasets/captions.h"
#include "datasets/emoji_list.h"
#include "diffusion/text/clip_tokenizer.h"
#include "tests/diffusion/text/clip_files.h"
#include "tests/fuzz/fuzzed_reader.h"

namespace assay::fuzz {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> merges = {"c a", "ca t</w>", "d o", "do g</w>"};

std::vector<Files> config_seeds() {
  return {{{"config.json", R"({"steps": 100, "rate": 1e-3, "name": "a\u00e9\n", // a comment
"sizes": [1, 2, 3], "weights": [0.5, -Infinity], /* another */ "train": {"on": true, "kind": "fast"}})"},
           {"settings.txt", "train.steps=3\nname=[1, {\"a\": 2}]\nrate=-1e9\n"}}};
}

/// As tiers and published configurations are read, and then changed from the command line.
void read_config(const fs::path& folder) {
  const std::string text = read_file(folder / "config.json");
  nlohmann::json config = parse_python_json(text, "config.json");
  ConfigReader reader(config, "config");
  static_cast<void>(reader.integer("steps", 1, 0));
  static_cast<void>(reader.real("rate", 0.1, 0, 1));
  static_cast<void>(reader.text("name", ""));
  static_cast<void>(reader.integers("sizes", {1}, 0, 100));
  static_cast<void>(reader.reals("weights", {1}, -std::numeric_limits<double>::infinity(), 1));
  ConfigReader inner(reader.object("train"), "config.train");
  static_cast<void>(inner.boolean("on", false));
  static_cast<void>(inner.one_of("kind", "fast", {"fast", "slow"}));
  inner.finish();
  reader.finish();
  const std::string settings = read_file(folder / "settings.txt");
  for (std::size_t begin = 0; begin < settings.size();) {
    const std::size_t end = std::min(settings.find('\n', begin), settings.size());
    set_key(config, settings.substr(begin, end - begin));
    begin = end + 1;
  }
  static_cast<void>(config.dump());
}

std::vector<Files> tokenizer_seeds() {
  const test::TemporaryFolder pair;
  test::write_clip_folder(pair, merges);
  Files two = files_below(pair.path());
  two["added_tokens.json"] = R"({"newclas": 518, "<cat-toy>": 519})";
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& merge : merges) list.push_back(merge);
  const nlohmann::json whole = {
      {"added_tokens", {{{"id", 517}, {"content", "<|endoftext|>"}, {"special", true}, {"normalized", false}}}},
      {"model",
       {{"type", "BPE"}, {"end_of_word_suffix", "</w>"}, {"vocab", test::clip_pieces(merges)}, {"merges", list}}}};
  Files one = {{"tokenizer.json", whole.dump()},
               {"tokenizer_config.json",
                R"({"tokenizer_class": "CLIPTokenizer", "model_max_length": 16, "added_tokens_decoder":
{"516": {"content": "<|startoftext|>", "special": true}, "517": {"content": "<|endoftext|>", "special": true}}})"}};
  return {two, one};
}

void read_tokenizer(const fs::path& folder) {
  ClipTokenizer tokenizer = ClipTokenizer::from_folder(folder);
  static_cast<void>(tokenizer.encode("A cat's dogs, \xC3\xA9\xF0\x9F\x90\x88 <cat-toy>"));
  static_cast<void>(tokenizer.add_token("zzq"));
  tokenizer.save(folder / "saved");
  static_cast<void>(ClipTokenizer::from_folder(folder / "saved"));
}

std::vector<Files> emoji_seeds() {
  return {{{"emoji-test.txt",
            "# group: Smileys\n# subgroup: face\n"
            "1F600                 ; fully-qualified     # \xF0\x9F\x98\x80 E1.0 grinning face\n"
            "263A FE0F             ; fully-qualified     # x E0.6 smiling face\n"
            "263A                  ; unqualified         # x E0.6 smiling face\n"}}};
}

std::vector<Files> caption_seeds() {
  return {{{"caption.txt", "A crowned crane.\n"}},
          {{"caption.txt", "Tom &amp; Jerry&lt;3 \xC3\xA9t\xC3\xA9"}},
          {{"caption.txt", "guitar2_red-left_35mm"}}};
}

void read_caption(const fs::path& folder) {
  const std::string text = read_file(folder / "caption.txt");
  static_cast<void>(clean_caption(text) + decode_title(text) + variant_key(words_of_name(text)));
}

}  // namespace

std::vector<FuzzedReader> text_readers() {
  return {{"config", "config.json", config_seeds, read_config},
          {"tokenizer", "tokenizer.json", tokenizer_seeds, read_tokenizer},
          {"caption", "caption.txt", caption_seeds, read_caption},
          {"emoji-list", "emoji-test.txt", emoji_seeds, [](const fs::path& folder) {
             const std::string text = read_file(folder / "emoji-test.txt");
             for (const EmojiEntry& entry : parse_emoji_list(text, "emoji-test.txt").entries)
               static_cast<void>(hex_name(entry.code_points) + emoji_split_key(entry.code_points));
           }}};
}

}  // namespace assay::fuzz
