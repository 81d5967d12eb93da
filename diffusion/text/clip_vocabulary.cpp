#include "diffusion/text/clip_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "diffusion/text/byte_symbols.h"

namespace assay {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::int64_t most_ids = 1 << 24;
/// Longer lengths stand for "no length", as transformers writes 1e30.
constexpr double most_tokens = 1 << 20;

std::optional<json> read_if_there(const fs::path& file) {
  if (!fs::is_regular_file(file)) return std::nullopt;
  json value = parse_json(read_file(file), file.string());
  if (!value.is_object()) throw InputError(file.string() + ": expected a JSON object");
  return value;
}

const std::string& text_of(const json& value, const std::string& what) {
  if (!value.is_string()) throw InputError(fmt::format("{}: expected a text, got {}", what, value.dump()));
  return value.get_ref<const std::string&>();
}

std::int64_t id_in(const json& value, const std::string& what) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() >= most_ids)
    throw InputError(fmt::format("{}: expected an id of a token, got {}", what, value.dump()));
  return value.get<std::int64_t>();
}

Vocabulary read_ids(const json& object, const std::string& where) {
  if (!object.is_object() || object.empty()) throw InputError(where + ": expected an object of pieces and their ids");
  Vocabulary ids;
  ids.reserve(object.size());
  std::vector<bool> used(object.size());
  for (const auto& [piece, value] : object.items()) {
    const std::int64_t id = id_in(value, fmt::format("{}: '{}'", where, piece));
    if (id >= static_cast<std::int64_t>(used.size()) || used[static_cast<std::size_t>(id)])
      throw InputError(
          fmt::format("{}: '{}' has id {}; accepted: each of 0 to {} once", where, piece, id, used.size() - 1));
    used[static_cast<std::size_t>(id)] = true;
    ids.emplace(piece, id);
  }
  return ids;
}

std::pair<std::string, std::string> merge_in(const std::string& line, const std::string& where, std::size_t number) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos || space == 0 || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string::npos)
    throw InputError(fmt::format("{}: line {}: expected two pieces with a space between them, got '{}'", where, number,
                                 line.substr(0, 40)));
  return {line.substr(0, space), line.substr(space + 1)};
}

Merges read_merges(const std::string& text, const std::string& where) {
  Merges merges;
  std::size_t begin = 0, number = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    begin = end + 1;
    ++number;
    if (!line.empty() && !line.starts_with("#version")) merges.push_back(merge_in(line, where, number));
  }
  return merges;
}

/// The model of a tokenizer.json.
void read_model(const json& file, const std::string& where, ClipVocabulary& out) {
  const json model = file.value("model", json::object());
  if (!model.is_object() || model.value("type", json("BPE")) != "BPE" ||
      model.value("end_of_word_suffix", json()) != json(end_of_word))
    throw InputError(where + ": not a tokenizer of CLIP, whose model is BPE with end_of_word_suffix \"</w>\"");
  out.ids = read_ids(model.value("vocab", json()), where + ": model.vocab");
  const json merges = model.value("merges", json());
  if (!merges.is_array()) throw InputError(where + ": model.merges: expected a list");
  out.merges.reserve(merges.size());
  for (const json& merge : merges) {
    const std::string what = fmt::format("{}: model.merges {}", where, out.merges.size() + 1);
    if (merge.is_array() && merge.size() == 2)
      out.merges.emplace_back(text_of(merge[0], what), text_of(merge[1], what));
    else
      out.merges.push_back(merge_in(text_of(merge, what), where + ": model.merges", out.merges.size() + 1));
  }
}

AddedToken token_of(const json& value, const std::string& what) {
  if (!value.is_object() || !value.contains("content"))
    throw InputError(fmt::format("{}: expected an object with the token's content", what));
  AddedToken token;
  token.content = text_of(value.at("content"), what + ".content");
  const auto flag = [&](const char* key, bool otherwise) {
    const json given = value.value(key, json(otherwise));
    if (!given.is_boolean()) throw InputError(fmt::format("{}.{}: expected true or false", what, key));
    return given.get<bool>();
  };
  token.special = flag("special", false);
  token.normalized = flag("normalized", !token.special);
  // White space beside a token is left out in any case, so that lstrip and rstrip change nothing.
  if (flag("single_word", false)) throw InputError(what + ".single_word is not built; accepted: false");
  return token;
}

/// The special tokens by their role, in the order in which transformers registers them.
constexpr const char* roles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                 "pad_token", "cls_token", "mask_token"};

/// Merges make every piece of a vocabulary that begins with all bytes. Where they do not, texts would silently be
/// divided into shorter pieces than the model has learned.
void require_all_merges(const ClipVocabulary& v) {
  std::unordered_set<std::string> made;
  made.reserve(v.merges.size() + v.added.size() + 2 * byte_symbols().size());
  for (const std::string& symbol : byte_symbols()) {
    made.insert(symbol);
    made.insert(symbol + std::string(end_of_word));
  }
  if (!std::all_of(made.begin(), made.end(), [&](const std::string& piece) { return v.ids.contains(piece); })) return;
  for (const auto& [left, right] : v.merges)
    if (!v.ids.contains(*made.insert(left + right).first)) return;  // PairMerger says which
  for (const AddedToken& token : v.added) made.insert(token.content);
  std::map<std::int64_t, std::string> unmade;
  for (const auto& [piece, id] : v.ids)
    if (!made.contains(piece)) unmade.emplace(id, piece);
  if (!unmade.empty())
    throw InputError(fmt::format(
        "{}: no merge makes {} of the vocabulary's {} pieces, the first '{}' (id {}): the merges of another "
        "model, or a file that was cut off?",
        v.where, unmade.size(), v.ids.size(), unmade.begin()->second, unmade.begin()->first));
}

class FolderReader {
 public:
  explicit FolderReader(const fs::path& folder) : folder_(folder) {}

  ClipVocabulary read() {
    if (!fs::is_directory(folder_)) throw InputError(folder_.string() + ": no such folder; expected a tokenizer's");
    out_.where = folder_.string();
    const std::optional<json> whole = read_if_there(folder_ / "tokenizer.json");
    if (whole)
      read_model(*whole, (folder_ / "tokenizer.json").string(), out_);
    else
      read_pair_of_files();
    const std::optional<json> config = read_if_there(folder_ / "tokenizer_config.json");
    if (config) read_config(*config);
    if (!config || !config->contains("added_tokens_decoder")) read_older_files(whole);
    register_tokens();
    require_all_merges(out_);
    return std::move(out_);
  }

 private:
  void read_pair_of_files() {
    const fs::path ids = folder_ / "vocab.json", merges = folder_ / "merges.txt";
    for (const fs::path& file : {ids, merges})
      if (!fs::is_regular_file(file))
        throw InputError(fmt::format("{}: no {}; a tokenizer is vocab.json and merges.txt, or tokenizer.json",
                                     folder_.string(), file.filename().string()));
    out_.ids = read_ids(parse_json(read_file(ids), ids.string()), ids.string());
    out_.merges = read_merges(read_file(merges), merges.string());
  }

  void read_config(const json& config) {
    const std::string where = (folder_ / "tokenizer_config.json").string();
    if (const json name = config.value("tokenizer_class", json("CLIPTokenizer"));
        name != "CLIPTokenizer" && name != "CLIPTokenizerFast" && !name.is_null())
      throw InputError(fmt::format("{}: tokenizer_class {}; accepted: \"CLIPTokenizer\"", where, name.dump()));
    if (const json length = config.value("model_max_length", json()); !length.is_null()) {
      if (!length.is_number())
        throw InputError(fmt::format("{}: model_max_length {}; accepted: a number", where, length.dump()));
      const auto tokens = length.get<double>();
      if (tokens < 2) throw InputError(fmt::format("{}: model_max_length {}; accepted: 2 and more", where, tokens));
      if (tokens <= most_tokens) out_.length = static_cast<std::int64_t>(tokens);
    }
    const json decoder = config.value("added_tokens_decoder", json::object());
    if (!decoder.is_object()) throw InputError(where + ": added_tokens_decoder: expected an object");
    for (const auto& [id, value] : decoder.items()) {
      const std::string what = fmt::format("{}: added_tokens_decoder.{}", where, id);
      if (id.empty() || id.size() > 9 ||
          !std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; }))
        throw InputError(what + ": the key is not an id");
      note(token_of(value, what), std::stoll(id));
    }
    read_roles(config, where);
  }

  /// What counts where tokenizer_config.json does not list the added tokens itself.
  void read_older_files(const std::optional<json>& whole) {
    const fs::path map = folder_ / "special_tokens_map.json", list = folder_ / "added_tokens.json";
    if (const auto special = read_if_there(map)) read_roles(*special, map.string());
    if (const auto tokens = read_if_there(list))
      for (const auto& [content, id] : tokens->items()) {
        const bool special = std::any_of(specials_.begin(), specials_.end(), [&content = content](const auto& row) {
          return row.second.token.content == content;
        });
        note({content, 0, special, !special}, id_in(id, fmt::format("{}: '{}'", list.string(), content)));
      }
    if (!whole || !whole->contains("added_tokens")) return;
    for (const json& token : whole->at("added_tokens")) {
      const std::string what = (folder_ / "tokenizer.json").string() + ": added_tokens";
      const AddedToken read = token_of(token, what);
      note(read, id_in(token.value("id", json()), what));
    }
  }

  void read_roles(const json& object, const std::string& where) {
    for (const char* role : roles) {
      const auto found = object.find(role);
      if (found == object.end() || found->is_null()) continue;
      const std::string what = fmt::format("{}: {}", where, role);
      specials_[role] = found->is_string() ? Special{{found->get<std::string>(), 0, true, false}, true}
                                           : Special{token_of(*found, what), false};
    }
  }

  void note(AddedToken token, std::int64_t id) {
    token.id = id;
    listed_[id] = std::move(token);
  }

  /// Gives each token its id, as transformers does: the listed ones in the order of their ids, then the special ones.
  void register_tokens() {
    for (const auto& [id, token] : listed_) {
      const auto known = out_.ids.find(token.content);
      const std::int64_t expected = known != out_.ids.end() ? known->second : out_.size();
      if (expected != id)
        throw InputError(
            fmt::format("{}: the added token '{}' is listed with id {}, which would be {}: the list of "
                        "another vocabulary?",
                        out_.where, token.content, id, expected));
      out_.added.push_back(token);
    }
    const std::vector<AddedToken> listed = out_.added;
    const std::pair<const char*, std::string*> kept[] = {
        {"bos_token", &out_.begin}, {"eos_token", &out_.end}, {"unk_token", &out_.unknown}, {"pad_token", &out_.pad}};
    for (const auto& [role, value] : kept)
      if (!specials_.contains(role)) specials_[role] = {{*value, 0, true, false}, true};
    std::map<std::string, bool> seen;  // whether a special token of that content was named by its text alone
    for (const char* role : roles) {
      const auto special = specials_.find(role);
      if (special == specials_.end()) continue;
      const auto& [token, by_text] = special->second;
      for (const auto& [own, value] : kept)
        if (std::string(own) == role) *value = token.content;
      if (std::any_of(listed.begin(), listed.end(),
                      [&content = token.content](const AddedToken& t) { return t.content == content; }))
        continue;
      const auto before = seen.find(token.content);
      if (before != seen.end() && before->second == by_text) continue;
      seen[token.content] = by_text;
      add(token);
    }
  }

  /// Of two with the same content the later one counts, as in the peer.
  void add(AddedToken token) {
    const auto same = std::find_if(out_.added.begin(), out_.added.end(),
                                   [&](const AddedToken& t) { return t.content == token.content; });
    if (same != out_.added.end()) {
      token.id = same->id;
      *same = std::move(token);
      return;
    }
    const auto known = out_.ids.find(token.content);
    token.id = known != out_.ids.end() ? known->second : out_.size();
    out_.added.push_back(std::move(token));
  }

  struct Special {
    AddedToken token;
    bool by_text = true;
  };

  fs::path folder_;
  ClipVocabulary out_;
  std::map<std::int64_t, AddedToken> listed_;
  std::map<std::string, Special> specials_;
};

json described(const AddedToken& token) {
  return {{"content", token.content}, {"lstrip", false},      {"normalized", token.normalized},
          {"rstrip", false},          {"single_word", false}, {"special", token.special}};
}

}  // namespace

std::int64_t ClipVocabulary::id_of(const std::string& token, const std::string& what) const {
  const auto found = ids.find(token);
  if (found != ids.end()) return found->second;
  const auto among = std::find_if(added.begin(), added.end(), [&](const AddedToken& t) { return t.content == token; });
  if (among == added.end()) throw InputError(fmt::format("{}: {} '{}' is not in the vocabulary", where, what, token));
  return among->id;
}

std::int64_t ClipVocabulary::size() const {
  const auto own = static_cast<std::int64_t>(ids.size());
  return own + std::count_if(added.begin(), added.end(), [own](const AddedToken& t) { return t.id >= own; });
}

ClipVocabulary read_clip_vocabulary(const fs::path& folder) { return FolderReader(folder).read(); }

void save_clip_vocabulary(const ClipVocabulary& v, const fs::path& folder) {
  ensure_folder(folder);
  std::vector<std::string> pieces(v.ids.size());
  for (const auto& [piece, id] : v.ids) pieces.at(static_cast<std::size_t>(id)) = piece;
  std::string ids;
  for (std::size_t i = 0; i < pieces.size(); ++i)
    ids += fmt::format("{}{}: {}", i == 0 ? "{" : ", ", json(pieces[i]).dump(), i);
  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : v.merges) merges += fmt::format("{} {}\n", left, right);
  json added = json::object();
  for (const AddedToken& token : v.added) added[std::to_string(token.id)] = described(token);
  const json special = {{"bos_token", v.begin}, {"eos_token", v.end}, {"unk_token", v.unknown}, {"pad_token", v.pad}};
  json config = special;
  config.update({{"added_tokens_decoder", added},
                 {"do_lower_case", true},
                 {"model_max_length", v.length},
                 {"tokenizer_class", "CLIPTokenizer"}});
  write_file_atomically(folder / "vocab.json", ids + "}\n");
  write_file_atomically(folder / "merges.txt", merges);
  write_file_atomically(folder / "tokenizer_config.json", config.dump(2) + "\n");
  write_file_atomically(folder / "special_tokens_map.json", special.dump(2) + "\n");
}

}  // namespace assay
