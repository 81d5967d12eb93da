#include "reproductions/self_guided/shipped_network.h"

#include <c10/util/Half.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "core/safetensors.h"

namespace assay::self_guided {
namespace {

constexpr const char* what_it_is = "self_guided shipped denoiser";
constexpr const char* weights_prefix = "ema.";
constexpr const char* ids_prefix = "ids.";

std::string damaged(const std::string& name, const std::string& what) {
  return fmt::format("pretrained: {} is damaged: {}; leave out `pretrained` to train", name, what);
}

/// Two settings that differ: "train.steps", of the network and of the configuration.
struct Difference {
  std::string key;
  nlohmann::json network, configured;
};

std::optional<Difference> first_difference(const nlohmann::json& network, const nlohmann::json& configured,
                                           const std::string& key) {
  if (network == configured) return std::nullopt;
  if (!network.is_object() || !configured.is_object()) return Difference{key, network, configured};
  nlohmann::json keys = network;
  keys.update(configured);
  for (const auto& [name, value] : keys.items()) {
    const nlohmann::json of_network = network.contains(name) ? network.at(name) : nlohmann::json();
    const nlohmann::json of_config = configured.contains(name) ? configured.at(name) : nlohmann::json();
    if (auto found = first_difference(of_network, of_config, key.empty() ? name : key + "." + name)) return found;
  }
  return std::nullopt;
}

std::string in_json(const nlohmann::json& value) { return value.is_null() ? "nothing" : value.dump(); }

/// The numbers of a half-precision tensor, which single precision holds exactly.
std::vector<float> from_half(std::string_view half) {
  std::vector<float> values;
  values.reserve(half.size() / sizeof(std::uint16_t));
  for (std::size_t i = 0; i < half.size(); i += sizeof(std::uint16_t)) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &half[i], sizeof bits);
    values.push_back(static_cast<float>(c10::Half(bits, c10::Half::from_bits())));
  }
  return values;
}

}  // namespace

ShippedNetwork::ShippedNetwork(const PretrainedFile& file)
    : name_(file.name),
      place_(fmt::format("reproductions/{}/pretrained/{}.safetensors", file.method, file.name)),
      hash_(hash_text(file.bytes)),
      bytes_(file.bytes),
      header_(parse_safetensors_header(file.bytes, file.bytes.size(), place_)) {
  if (fact("what") != what_it_is)
    throw InputError(fmt::format("{}: is '{}', expected '{}'", place_, fact("what"), what_it_is));
  const std::string_view data = bytes_.substr(header_.data_begin);
  if (fact("checksum") != fmt::format("{:08x}", crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size())))
    throw InputError(damaged(name_, "its numbers do not have the checksum that it names"));
  for (const auto& [key, entry] : header_.tensors) {
    const bool weights = key.starts_with(weights_prefix) && entry.type == DType::f16;
    if (!weights && !(key.starts_with(ids_prefix) && entry.type == DType::i64))
      throw InputError(damaged(name_, fmt::format("'{}' has no place in it, or not as {}", key, name_of(entry.type))));
  }
  try {
    identity_ = nlohmann::json::parse(fact("identity"));
    config_ = nlohmann::json::parse(fact("config"));
    identity_.at("seed").get<std::uint64_t>();
    identity_.at("device").get<std::string>();
    identity_.at("dataset").get<std::string>();
  } catch (const nlohmann::json::exception&) {
    throw InputError(damaged(name_, "what it says of its training is unreadable"));
  }
  for (const char* key : {"command", "hours", "threads", "machine", "code_version", "dataset", "learned_from", "loss"})
    fact(key);
}

std::string_view ShippedNetwork::tensor(const std::string& key) const {
  const auto found = header_.tensors.find(key);
  if (found == header_.tensors.end()) throw InputError(damaged(name_, fmt::format("it has no '{}'", key)));
  return bytes_.substr(header_.data_begin + found->second.begin, found->second.bytes);
}

const std::string& ShippedNetwork::fact(const std::string& key) const {
  const auto found = header_.metadata.find(key);
  if (found == header_.metadata.end())
    throw InputError(fmt::format("{}: does not say its {}; tools/ship_network.py writes what is needed", place_, key));
  return found->second;
}

std::uint64_t ShippedNetwork::seed() const { return identity_.at("seed").get<std::uint64_t>(); }

void ShippedNetwork::require_settings(const Config& config) const {
  const nlohmann::json own = settings_of_networks(read_config(config_));
  if (const auto found = first_difference(own, settings_of_networks(config), ""))
    throw InputError(
        fmt::format("pretrained: {} was made with {} = {}, not {}; accepted: that, or no `pretrained`, "
                    "which trains a network",
                    name_, found->key, in_json(found->network), in_json(found->configured)));
  if (config.sample.weights != CheckpointWeights::ema)
    throw InputError(
        fmt::format("pretrained: {} holds the average of the weights alone; accepted: sample.weights = "
                    "\"ema\", or no `pretrained`, which trains a network",
                    name_));
}

std::string ShippedNetwork::misfit(const Dataset& dataset) const {
  const auto learned = identity_.at("dataset").get<std::string>();
  if (dataset.hash() == learned) return "";
  return fmt::format(
      "pretrained: {} learned the data set {} of content {}, here it has content {} (another version of "
      "its files); leave out `pretrained` to train on this one",
      name_, fact("dataset"), learned, dataset.hash());
}

std::vector<std::int64_t> ShippedNetwork::ids(const std::string& arm, Split split) const {
  const std::string_view bytes =
      tensor(fmt::format("{}{}{}", ids_prefix, arm, split == Split::train ? "" : "/validation"));
  std::vector<std::int64_t> ids(bytes.size() / sizeof(std::int64_t));
  std::memcpy(ids.data(), bytes.data(), bytes.size());
  return ids;
}

void ShippedNetwork::write_checkpoint(const std::filesystem::path& file) const {
  SafetensorsWriter writer;
  for (const auto& [key, entry] : header_.tensors)
    if (key.starts_with(weights_prefix)) writer.add(key, entry.shape, std::span<const float>(from_half(tensor(key))));
  writer.add_metadata("identity", identity_.dump());
  writer.add_metadata("loss", fact("loss"));
  writer.write(file);
}

std::string ShippedNetwork::in_words() const {
  return fmt::format(
      "network {} was shipped with this program, not trained here: `{}` made it with seed {} in {} hours ({} thread(s) "
      "of {}, assay {}). Seeds vary the samples, not the network: an interval over seeds says nothing of another "
      "training. It learned from {}",
      name_, fact("command"), seed(), fact("hours"), fact("threads"), fact("machine"), fact("code_version"),
      fact("learned_from"));
}

nlohmann::json ShippedNetwork::description() const {
  nlohmann::json facts = {{"name", name_}, {"hash", hash_}, {"seed", seed()}};
  for (const char* key : {"command", "hours", "threads", "machine", "code_version", "learned_from"})
    facts[key] = fact(key);
  return facts;
}

std::shared_ptr<const ShippedNetwork> shipped_network(const Config& config, const std::vector<PretrainedFile>& files) {
  if (config.pretrained.empty()) return nullptr;
  std::vector<std::string> known;
  for (const PretrainedFile& file : files) {
    if (file.method != "self_guided") continue;
    if (file.name == config.pretrained) {
      auto network = std::make_shared<const ShippedNetwork>(file);
      network->require_settings(config);
      return network;
    }
    known.emplace_back(file.name);
  }
  throw InputError("pretrained: " + unknown_name_message("network", config.pretrained, known));
}

}  // namespace assay::self_guided
