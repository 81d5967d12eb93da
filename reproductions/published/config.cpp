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

PublishedRun read_published_run(ConfigReader& reader) {
  PublishedRun run;
  {
    ConfigReader files(reader.object("files"), "files");
    run.folder = files.text("folder", "weights");
    run.inception.what = "FID's Inception";
    run.inception.path = run.folder / files.text("inception", "inception.safetensors");
    run.inception.official = "weights-inception-2015-12-05-6726825d.pth";
    run.inception.source =
        "toshas/torch-fidelity; pytorch-fid's pt_inception-2015-12-05-6726825d.pth is the same network";
    run.inception.sha256 = "6726825d";
    run.inception.converted = true;
    files.finish();
  }
  for (const auto& [name, reference] : reader.object("references").items())
    run.references.emplace(name, read_reference(reference, "references." + name, run.folder));
  std::vector<std::string> known;
  for (const auto& [name, row] : reader.object("published").items()) known.push_back(name);
  const std::string one = reader.text("row", "");
  run.rows = reader.texts("rows", known);
  if (!one.empty()) run.rows = {one};
  if (run.rows.empty()) throw InputError("rows: empty; accepted: names of published rows");
  for (const std::string& name : run.rows) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw InputError(fmt::format("{}: {}", one.empty() ? "rows" : "row", unknown_name_message("row", name, known)));
    if (std::count(run.rows.begin(), run.rows.end(), name) > 1)
      throw InputError(fmt::format("rows: '{}' is given twice", name));
  }
  run.protocols = reader.texts("protocols", {});
  if (run.protocols.empty()) throw InputError("protocols: empty; accepted: ids of `assay list protocols`");
  for (const std::string& id : run.protocols) {
    find_generative_protocol(id);
    if (find_image_protocol(id).network != FeatureNetworkId::inception)
      throw InputError(fmt::format("protocols: {} does not take Inception's features", id));
  }
  run.bootstrap = reader.integer("bootstrap", run.bootstrap, 2, 1000000);
  run.unknown = reader.texts("unknown", {});
  return run;
}

void read_networks(ConfigReader& reader, PublishedRun& run) {
  for (const auto& [name, network] : reader.object("networks").items())
    run.networks.emplace(name, read_published_network(network, "networks." + name, run.folder));
}

void read_amounts(ConfigReader& sampling, PublishedRun& run) {
  run.images = sampling.integer("samples", run.images, 2, 100000000);
  run.shard = sampling.integer("shard", run.shard, 1, 1000000);
  run.batch = sampling.integer("batch", run.batch, 1, 1 << 16);
}

std::vector<std::string> free_keys(const PublishedRun& run, const std::set<std::string>& used) {
  std::vector<std::string> free = {
      "/files",          "/row",       "/rows",      "/sampling/samples", "/sampling/batch",
      "/sampling/shard", "/protocols", "/bootstrap", "/unknown"};
  for (const auto& [name, network] : run.networks) {
    const std::string pointer = "/networks/" + name;
    if (!used.contains(name)) free.push_back(pointer);
    for (const char* key : {"/file", "/from", "/sha256", "/prefix"}) free.push_back(pointer + key);
  }
  return free;
}

void check_files(const PublishedRun& run, const std::set<std::string>& networks) {
  for (const std::string& name : networks) check_checkpoint(run.networks.at(name));
  check_source(run.inception);
}

std::string summary_of(const PublishedRun& run, const std::string& what) {
  return fmt::format("{} {}, {} images each in shards of {}; files in {}", run.rows.size(), what, run.images, run.shard,
                     std::filesystem::absolute(run.folder).lexically_normal().string());
}

}  // namespace assay
