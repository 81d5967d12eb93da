#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <tuple>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/summary.h"
#include "reports/wording.h"
#include "store/artifact_place.h"

namespace assay {
namespace {

/// Width and height from the header of a PNG; none when it is not one.
std::optional<std::pair<int, int>> png_size(const std::string& content) {
  if (content.size() < 24 || content.compare(0, 8, "\x89PNG\r\n\x1a\n") != 0 || content.compare(12, 4, "IHDR") != 0)
    return std::nullopt;
  const auto number_at = [&](std::size_t place) {
    int value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(content[place + i]);
    return value;
  };
  return std::pair{number_at(16), number_at(20)};
}

/// Where a picture shows samples beside their nearest training images: how far apart they are, against held-out images.
std::string distances_in(const nlohmann::json& meta) {
  if (!meta.is_object() || !meta.contains("distances") || !meta["distances"].is_array()) return "";
  std::vector<std::string> distances;
  for (const nlohmann::json& distance : meta["distances"])
    if (distance.is_number()) distances.push_back(format_significant(distance.get<double>(), 3));
  std::string words = fmt::format(" Distances, row by row: {}.", join(distances));
  const nlohmann::json held_out = meta.value("held_out", nlohmann::json::object());
  if (held_out.contains("median") && held_out.contains("p01"))
    words += fmt::format(" Held-out images lie {} from theirs (median), and one in a hundred nearer than {}.",
                         format_significant(held_out["median"].get<double>(), 3),
                         format_significant(held_out["p01"].get<double>(), 3));
  return words;
}

}  // namespace

std::string shown_in(const ArtifactRow& grid) {
  return grid.meta.is_object() && grid.meta.contains("shows") ? value_text(grid.meta["shows"]) : "";
}

Picture read_picture(const ReportData& data, const ArtifactRow& artifact) {
  Picture picture;
  picture.file = (data.folder / artifact.path).string();
  if (!lies_in_store_folder(artifact.path)) {
    picture.problem = "lies outside the folder of the store: " + artifact.path;
    return picture;
  }
  try {
    const std::string content = read_file(picture.file);
    const auto size = png_size(content);
    if (!size)
      picture.problem = "not a PNG file: " + artifact.path;
    else if (hash_text(content) != artifact.hash)
      picture.problem = "changed since it was recorded: " + artifact.path;
    else
      std::tie(picture.width, picture.height) = *size;
    if (picture.problem.empty()) picture.png = content;
    const auto count = [&](const char* key) {
      const auto found = artifact.meta.is_object() ? artifact.meta.find(key) : artifact.meta.end();
      const bool stated = found != artifact.meta.end() && found->is_number_integer() && *found > 0;
      return stated ? static_cast<int>(std::min<std::uint64_t>(found->get<std::uint64_t>(), 1 << 20)) : 1;
    };
    picture.columns = count("columns");
    picture.rows = count("rows");
  } catch (const InputError&) {
    picture.problem = "file is missing: " + artifact.path;
  }
  return picture;
}

Section images_section(const ReportData& data) {
  Section section{"Images", "images", {}};
  const Qualifier qualify(data.runs);
  bool first = true;
  for (const RunRow& run : data.runs) {
    std::vector<const ArtifactRow*> grids;
    for (const ArtifactRow& artifact : data.artifacts)
      if (artifact.run == run.id && artifact.kind == "image-grid") grids.push_back(&artifact);
    if (grids.empty()) continue;
    const auto arm_of = [](const ArtifactRow* artifact) {
      return artifact->meta.is_object() && artifact->meta.contains("arm") ? value_text(artifact->meta["arm"]) : "";
    };
    // Real images first: the others are held against them.
    std::stable_partition(grids.begin(), grids.end(), [&](const ArtifactRow* grid) { return arm_of(grid) == "real"; });
    Gallery gallery;
    for (const ArtifactRow* grid : grids) {
      Picture picture = read_picture(data, *grid);
      const std::string arm = arm_of(grid).empty() ? grid->name : arm_of(grid);
      const std::optional<double> w = guidance_weight(grid->meta);
      const std::string shows = shown_in(*grid);
      picture.alternative = fmt::format("Image grid: {}{}{}, seed {}", arm, shows.empty() ? "" : ": " + shows,
                                        w ? ", w = " + weight_text(*w) : std::string(), run.seed);
      picture.caption = {code(arm)};
      if (!shows.empty()) picture.caption.push_back(plain(": " + shows));
      if (w) picture.caption.push_back(muted(fmt::format(" w = {}", weight_text(*w))));
      if (const std::string distances = distances_in(grid->meta); !distances.empty())
        picture.caption.push_back(plain("." + distances));
      gallery.pictures.push_back(std::move(picture));
    }
    const std::string title =
        fmt::format("Seed {}, run {}{}", run.seed, run.id, qualify(run.method, run.tier, run.dataset));
    if (first) {
      Part part{title, "", {}};
      part.blocks.push_back(std::move(gallery));
      section.parts.push_back(std::move(part));
      first = false;
    } else {
      Details details{title, {}};
      details.blocks.push_back(std::move(gallery));
      section.parts.back().blocks.push_back(std::move(details));
    }
  }
  return section;
}

}  // namespace assay
