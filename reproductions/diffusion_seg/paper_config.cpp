#include "reproductions/diffusion_seg/paper_config.h"

#include <fmt/format.h>

#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "reproductions/published/config.h"
#include "reproductions/samples/prompt_template.h"

namespace assay::diffusion_seg::paper {
namespace {

/// Reads {"file", "official", "from"}.
NeededFile read_file_entry(ConfigReader& reader, const std::string& what, const std::filesystem::path& root) {
  NeededFile file;
  file.what = what;
  file.path = root / reader.text("file", "");
  file.official = reader.text("official", "");
  file.source = reader.text("from", "");
  return file;
}

template <class Value>
const Value& chosen(const std::map<std::string, Value>& table, const std::string& kind, const std::string& name,
                    const std::string& where) {
  require_entry(table, kind, name, where);
  return table.at(name);
}

Synthesis read_synthesis(const nlohmann::json& object) {
  ConfigReader reader(object, "synthesis");
  Synthesis s;
  s.words = reader.text("words", "");
  s.prompt_template = reader.text("template", s.prompt_template);
  filled_template(s.prompt_template, "");
  s.scheduler = reader.text("scheduler", "");
  s.steps = reader.integer("steps", s.steps, 1, 1000);
  s.guidance = reader.real("guidance", s.guidance, 0.0, 1000.0);
  if (s.guidance == 0)
    throw InputError(
        "synthesis.guidance: 0 draws the empty prompt, in which no object is named; accepted: more than 0");
  s.batch = reader.integer("batch", s.batch, 1, 1 << 12);
  s.pairs = reader.integer("pairs", s.pairs, 1, 10'000'000);
  reader.finish();
  return s;
}

std::map<std::string, HubModel> read_models(const nlohmann::json& object, const std::filesystem::path& root) {
  std::map<std::string, HubModel> models;
  for (const auto& [name, model] : object.items()) models.emplace(name, read_hub_model(model, name, root));
  return models;
}

std::map<std::string, NeededFile> read_words(const nlohmann::json& object, const std::filesystem::path& root) {
  std::map<std::string, NeededFile> words;
  for (const auto& [name, list] : object.items()) {
    ConfigReader reader(list, "words." + name);
    words.emplace(name, read_file_entry(reader, fmt::format("class words `{}`", name), root));
    reader.finish();
  }
  return words;
}

std::map<std::string, Transformer> read_transformers(const nlohmann::json& object, const std::filesystem::path& root) {
  std::map<std::string, Transformer> transformers;
  for (const auto& [name, entry] : object.items()) {
    const std::string where = "transformers." + name;
    ConfigReader reader(entry, where);
    Transformer t;
    t.file = read_file_entry(reader, fmt::format("transformer `{}`", name), root);
    t.file.converted = true;
    t.config = read_vision_transformer_config(reader.object("config"), where + ".config");
    reader.finish();
    transformers.emplace(name, std::move(t));
  }
  return transformers;
}

std::vector<Row> read_rows(ConfigReader& reader, const std::map<std::string, PhotographSet>& sets) {
  std::map<std::string, Row> known;
  std::vector<std::string> all;
  for (const auto& [name, object] : reader.object("published").items()) {
    const std::string where = "published." + name;
    ConfigReader of_row(object, where);
    const Row row{name, of_row.text("set", name)};
    of_row.finish();
    require_entry(sets, "set", row.set, where + ".set");
    known.emplace(name, row);
    all.push_back(name);
  }
  const std::string one = reader.text("row", "");
  std::vector<std::string> names = reader.texts("rows", all);
  if (!one.empty()) names = {one};
  std::vector<Row> rows;
  rows.reserve(names.size());
  for (const std::string& name : names) rows.push_back(chosen(known, "row", name, one.empty() ? "rows" : "row"));
  return rows;
}

}  // namespace

PaperConfig read_paper_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  PaperConfig c;
  std::filesystem::path root;
  {
    ConfigReader files(reader.object("files"), "files");
    root = files.text("folder", "weights");
    files.finish();
  }
  c.model = chosen(read_models(reader.object("models"), root), "model", reader.text("model", ""), "model");
  c.synthesis = read_synthesis(reader.object("synthesis"));
  c.words = chosen(read_words(reader.object("words"), root), "list of words", c.synthesis.words, "synthesis.words");
  c.attention = read_attention_options(reader.object("attention"), c.synthesis.steps);
  c.cut = read_cut_options(reader.object("cut"));
  c.arm = read_synthesis_arm(reader);
  {
    ConfigReader inversion(reader.object("inversion"), "inversion");
    c.inversion = read_feature_options(inversion);
    inversion.finish();
  }
  c.decoder = read_decoder_config(reader.object("decoder"));
  if (!c.decoder.fewer_pairs.empty())
    throw InputError("decoder.fewer_pairs: not in tier paper, which trains one decoder");
  c.features = reader.choice("features", c.features, feature_place_names);
  c.transformer = chosen(read_transformers(reader.object("transformers"), root), "transformer",
                         reader.text("transformer", ""), "transformer");
  c.tokencut = read_tokencut_options(reader.object("tokencut"), "tokencut");
  {
    ConfigReader lost(reader.object("lost"), "lost");
    c.candidates = lost.integer("candidates", c.candidates, 1, 1 << 20);
    lost.finish();
  }
  for (const auto& [name, set] : reader.object("sets").items()) c.sets.emplace(name, read_photograph_set(set, name));
  c.rows = read_rows(reader, c.sets);
  c.images = reader.integer("images", c.images, 0);
  c.shard = reader.integer("shard", c.shard, 1, 1 << 20);
  c.bootstrap = reader.integer("bootstrap", c.bootstrap, 20, 1'000'000);
  c.unknown = reader.texts("unknown", {});
  reader.finish();
  if (c.decoder.pairs > c.synthesis.pairs)
    throw InputError(fmt::format("decoder.pairs: {}; accepted: at most synthesis.pairs, the {} that are drawn",
                                 c.decoder.pairs, c.synthesis.pairs));
  return c;
}

}  // namespace assay::diffusion_seg::paper
