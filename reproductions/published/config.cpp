#include "reproductions/published/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/config.h"
#include "core/error.h"
#include "metrics/features/image_protocol.h"
#include "metrics/generative/generative_protocols.h"

namespace assay {
namespace {

/// Reads a reference: {"file", "official", "from"}, relative to `folder`.
NeededFile read_reference(const nlohmann::json& object, const std::string& where, const std::filesystem::path& folder) {
  ConfigReader reader(object, where);
  NeededFile file;
  const std::string name = reader.text("file", "");
  if (name.empty())
    throw InputError(where + ".file: missing; expected a batch of images (.npz, .npy), or a feature file");
  file.what = fmt::format("reference `{}`", where.substr(where.rfind('.') + 1));
  file.path = folder / name;
  file.official = reader.text("official", "");
  file.source = reader.text("from", "");
  file.sha256 = reader.text("sha256", "");
  reader.finish();
  return file;
}

}  // namespace

PublishedConfig read_published_config(ConfigReader& reader) {
  PublishedConfig config;
  {
    ConfigReader files(reader.object("files"), "files");
    config.folder = files.text("folder", "weights");
    config.inception.what = "FID's Inception";
    config.inception.path = config.folder / files.text("inception", "inception.safetensors");
    config.inception.official = "weights-inception-2015-12-05-6726825d.pth";
    config.inception.source =
        "toshas/torch-fidelity; pytorch-fid's pt_inception-2015-12-05-6726825d.pth is the same network";
    config.inception.sha256 = "6726825d";
    config.inception.converted = true;
    files.finish();
  }
  for (const auto& [name, reference] : reader.object("references").items())
    config.references.emplace(name, read_reference(reference, "references." + name, config.folder));
  std::vector<std::string> known;
  for (const auto& [name, row] : reader.object("published").items()) known.push_back(name);
  const std::string one = reader.text("row", "");
  config.rows = reader.texts("rows", known);
  if (!one.empty()) config.rows = {one};
  if (config.rows.empty()) throw InputError("rows: empty; accepted: names of published rows");
  for (const std::string& name : config.rows) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw InputError(fmt::format("{}: {}", one.empty() ? "rows" : "row", unknown_name_message("row", name, known)));
    if (std::count(config.rows.begin(), config.rows.end(), name) > 1)
      throw InputError(fmt::format("rows: '{}' is given twice", name));
  }
  config.protocols = reader.texts("protocols", {});
  if (config.protocols.empty()) throw InputError("protocols: empty; accepted: ids of `assay list protocols`");
  for (const std::string& id : config.protocols) {
    find_generative_protocol(id);
    if (find_image_protocol(id).network != FeatureNetworkId::inception)
      throw InputError(fmt::format("protocols: {} does not take Inception's features", id));
  }
  config.bootstrap = reader.integer("bootstrap", config.bootstrap, 2, 1000000);
  config.unknown = reader.texts("unknown", {});
  return config;
}

void read_networks(ConfigReader& reader, PublishedConfig& config) {
  for (const auto& [name, network] : reader.object("networks").items())
    config.networks.emplace(name, read_published_network(network, "networks." + name, config.folder));
}

void read_amounts(ConfigReader& sampling, PublishedConfig& config) {
  config.images = sampling.integer("samples", config.images, 2, 100000000);
  config.shard = sampling.integer("shard", config.shard, 1, 1000000);
  config.batch = sampling.integer("batch", config.batch, 1, 1 << 16);
}

std::vector<std::string> free_keys(const PublishedConfig& config, const std::set<std::string>& used) {
  std::vector<std::string> free = {
      "/files",          "/row",       "/rows",      "/sampling/samples", "/sampling/batch",
      "/sampling/shard", "/protocols", "/bootstrap", "/unknown"};
  for (const auto& [name, network] : config.networks) {
    const std::string pointer = "/networks/" + name;
    if (!used.contains(name)) free.push_back(pointer);
    for (const char* key : {"/file", "/from", "/sha256", "/prefix"}) free.push_back(pointer + key);
  }
  return free;
}

void check_files(const PublishedConfig& config, const std::set<std::string>& networks) {
  for (const std::string& name : networks) check_checkpoint(config.networks.at(name));
  check_source(config.inception);
}

std::string summary_of(const PublishedConfig& config, const std::string& what) {
  return fmt::format("{} {}, {} images each in shards of {}; files in {}", config.rows.size(), what, config.images,
                     config.shard, std::filesystem::absolute(config.folder).lexically_normal().string());
}

}  // namespace assay
