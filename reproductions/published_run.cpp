#include "reproductions/published_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "metrics/features/image_protocol.h"
#include "metrics/generative/generative_protocols.h"

namespace assay {

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

NeededFile read_reference(const nlohmann::json& object, const std::string& where, const std::filesystem::path& folder) {
  ConfigReader reader(object, where);
  NeededFile file;
  const std::string name = reader.text("file", "");
  if (name.empty()) throw InputError(where + ".file: missing; expected an .npz batch of images, or a feature file");
  file.what = fmt::format("reference `{}`", where.substr(where.rfind('.') + 1));
  file.path = folder / name;
  file.official = reader.text("official", "");
  file.source = reader.text("from", "");
  file.sha256 = reader.text("sha256", "");
  reader.finish();
  return file;
}

std::vector<std::string> free_keys() {
  return {"/files",          "/row",       "/rows",      "/sampling/samples", "/sampling/batch",
          "/sampling/shard", "/protocols", "/bootstrap", "/unknown"};
}

}  // namespace assay
