#include "diffusion/checkpoint.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <cstring>

#include "core/error.h"

namespace assay {

std::string checkpoint_metadata(const SafetensorsFile& file, const std::string& key) {
  const auto it = file.metadata().find(key);
  if (it == file.metadata().end())
    throw InputError(fmt::format("{}: not a checkpoint of ours: no '{}'", file.path(), key));
  return it->second;
}

void check_checkpoint_identity(const SafetensorsFile& file, const std::string& identity) {
  if (!identity.empty() && checkpoint_metadata(file, "identity") != identity)
    throw InputError(
        fmt::format("{}: was trained with another configuration; remove it or choose another place", file.path()));
}

at::Tensor checkpoint_vector(const SafetensorsFile& file, const std::string& name, const at::Tensor& like) {
  const auto values = file.at(name).f32(name);
  if (static_cast<std::int64_t>(values.size()) != like.numel())
    throw InputError(
        fmt::format("{}: '{}' has {} values, expected {}", file.path(), name, values.size(), like.numel()));
  at::Tensor host = at::empty({like.numel()}, at::kFloat);
  std::memcpy(host.mutable_data_ptr<float>(), values.data(), values.size_bytes());
  return host.to(like.device());
}

void add_checkpoint_vector(SafetensorsWriter& writer, const std::string& name, const at::Tensor& vector) {
  const at::Tensor host = vector.to(at::kCPU);
  writer.add(name, {host.numel()}, std::span(host.const_data_ptr<float>(), static_cast<std::size_t>(host.numel())));
}

}  // namespace assay
