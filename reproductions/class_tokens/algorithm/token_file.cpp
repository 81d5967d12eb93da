#include "reproductions/class_tokens/algorithm/token_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <span>

#include "core/error.h"
#include "core/safetensors.h"
#include "kernels/host_tensor.h"

namespace assay::class_tokens {
namespace {

std::string text_of(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end())
    throw InputError(fmt::format("{}: no token: metadata '{}' is absent", file.path(), key));
  return found->second;
}

template <class Number>
Number number_of(const SafetensorsFile& file, const std::string& key) {
  const std::string text = text_of(file, key);
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size())
    throw InputError(fmt::format("{}: metadata '{}' is '{}'; accepted: a number", file.path(), key, text));
  return number;
}

}  // namespace

void write_token(const std::filesystem::path& file, const TokenFile& token) {
  const at::Tensor row = token.row.detach().to(at::kCPU, at::kFloat).contiguous();
  SafetensorsWriter writer;
  writer.add("row", {row.numel()}, std::span(row.const_data_ptr<float>(), static_cast<std::size_t>(row.numel())));
  writer.add_metadata("token", token.token);
  writer.add_metadata("initial_word", token.initial_word);
  writer.add_metadata("encoder", token.encoder);
  writer.add_metadata("mode", token.mode);
  writer.add_metadata("seed", std::to_string(token.seed));
  writer.add_metadata("other_rows_scale", fmt::format("{}", token.other_rows_scale));
  writer.write(file);
}

TokenFile read_token(const std::filesystem::path& path, std::int64_t width, const std::string& encoder) {
  const SafetensorsFile file(path);
  const TensorView& view = file.at("row");
  if (view.type != DType::f32)
    throw InputError(fmt::format("{}: row is {}; accepted: F32", file.path(), view.type_name()));
  if (view.shape != std::vector<std::int64_t>{width})
    throw InputError(fmt::format("{}: row is [{}]; accepted: [{}], the width of the text encoder", file.path(),
                                 fmt::join(view.shape, ", "), width));
  TokenFile token;
  token.encoder = text_of(file, "encoder");
  if (!encoder.empty() && token.encoder != encoder)
    throw InputError(
        fmt::format("{}: learned for another text encoder ({}); accepted: {}", file.path(), token.encoder, encoder));
  token.row = tensor_of(file, "row");
  token.token = text_of(file, "token");
  token.initial_word = text_of(file, "initial_word");
  token.mode = text_of(file, "mode");
  token.seed = number_of<std::uint64_t>(file, "seed");
  token.other_rows_scale = number_of<double>(file, "other_rows_scale");
  return token;
}

}  // namespace assay::class_tokens
