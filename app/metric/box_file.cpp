#include "app/metric/box_file.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"

namespace assay {

nlohmann::json read_box_file(const std::filesystem::path& file) {
  std::set<std::string> images;
  const auto check_token = [&](int depth, nlohmann::json::parse_event_t event, const nlohmann::json& value) {
    if (depth >= deepest_json)
      throw InputError(fmt::format("{}: its JSON lies more than {} levels deep", file.string(), deepest_json));
    if (event == nlohmann::json::parse_event_t::key && depth == 1 && !images.insert(value.get<std::string>()).second)
      throw InputError(fmt::format("{}: '{}' stands there twice; expected one key for each image", file.string(),
                                   value.get<std::string>()));
    return true;
  };
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(read_file(file), check_token);
  } catch (const nlohmann::json::exception& error) {
    const auto* parse = dynamic_cast<const nlohmann::json::parse_error*>(&error);
    throw InputError(fmt::format("{}: not valid JSON{}", file.string(),
                                 parse != nullptr ? fmt::format(" at byte {}", parse->byte) : std::string()));
  }
  if (!object.is_object())
    throw InputError(fmt::format("{}: expected one JSON object, a key for each image", file.string()));
  return object;
}

std::string shown(const nlohmann::json& value) {
  return (value.is_string() ? value.get<std::string>() : value.dump()).substr(0, 80);
}

BoxCorners parse_box(const nlohmann::json& value, const std::string& where) {
  BoxCorners box{};
  bool good = value.is_array() && value.size() == 4;
  for (std::size_t i = 0; good && i < 4; ++i) {
    good = value[i].is_number() && std::isfinite(value[i].get<double>());
    if (good) box[i] = value[i].get<double>();
  }
  if (!good || box[2] < box[0] || box[3] < box[1])
    throw InputError(
        fmt::format("{}: '{}' is no box; expected [xmin, ymin, xmax, ymax] with xmin <= xmax and "
                    "ymin <= ymax",
                    where, shown(value)));
  return box;
}

}  // namespace assay
