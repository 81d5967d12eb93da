#include "bench/harness/run_request.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "datasets/dataset.h"
#include "reproductions/configured_method.h"

namespace assay {
namespace {

std::int64_t parse_whole(const std::string& text, const std::string& all) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc() || end != text.data() + text.size() || value < 0)
    throw InputError(fmt::format(
        "--seeds '{}': '{}' is not a seed; accepted: a count (5) or a list (0,3,7; of one seed: 3,)", all, text));
  return value;
}

}  // namespace

std::vector<std::int64_t> parse_seeds(const std::string& text) {
  std::vector<std::int64_t> seeds;
  if (text.find(',') == std::string::npos) {
    const std::int64_t count = parse_whole(text, text);
    if (count < 1 || count > 10000)
      throw InputError(fmt::format("--seeds '{}': accepted: a count of 1 to 10000, or a list (0,3,7)", text));
    for (std::int64_t seed = 0; seed < count; ++seed) seeds.push_back(seed);
    return seeds;
  }
  std::size_t begin = 0;
  // A comma at the end makes a list of one seed: "3,".
  while (begin == 0 || begin < text.size()) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    seeds.push_back(parse_whole(text.substr(begin, comma - begin), text));
    begin = comma + 1;
  }
  std::vector<std::int64_t> sorted = seeds;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    throw InputError(fmt::format("--seeds '{}': a seed is given twice", text));
  return seeds;
}

std::vector<std::string> method_ids(const std::vector<std::string>& asked) {
  if (asked.empty()) throw InputError("run: no method given; `assay list methods` shows them");
  std::vector<std::string> ids;
  for (const std::string& id : asked) {
    if (id == "all") {
      for (const MethodEntry& entry : method_table()) ids.push_back(entry.id);
    } else {
      ids.push_back(method_entry(id).id);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

int thread_total(int asked) {
  if (asked < 0 || asked > 1024) throw InputError(fmt::format("--threads {}; accepted: 1 to 1024", asked));
  return asked > 0 ? asked : at::get_num_threads();
}

ConfiguredMethod configured_method(const std::string& id, const RunRequest& request) {
  const MethodEntry& method = method_entry(id);
  const Tier tier = method.tier(request.tier);
  nlohmann::json config = method.preset(tier, request.dataset);
  if (!request.dataset.empty() && !config.contains("dataset"))
    throw InputError(fmt::format("--dataset {}: {} --tier {} reads no data set of this program; leave it out",
                                 request.dataset, id, request.tier));
  if (!request.dataset.empty()) dataset_entry(request.dataset);
  for (const std::string& setting : request.settings) set_key(config, setting);
  return configured(method, tier, std::move(config));
}

}  // namespace assay
