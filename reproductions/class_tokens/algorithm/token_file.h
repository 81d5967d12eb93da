#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace assay::class_tokens {

/// A learned word: one row of a text encoder's table of embeddings, in the place of the whole pipeline that the
/// published code saves.
struct TokenFile {
  at::Tensor row;            // [width] float32
  std::string token;         // the word that stands for it in prompts
  std::string initial_word;  // whose row it began as
  std::string encoder;       // identity of the text encoder, which alone reads the row
  std::string mode;          // how it was learned: faithful, fixed
  std::uint64_t seed = 0;
  double other_rows_scale = 1.0;  // what weight decay has multiplied the rows of all other words by
};

/// Safetensors with the tensor `row` and the rest as metadata. Throws InputError where the folder cannot be written.
void write_token(const std::filesystem::path& file, const TokenFile& token);

/// Throws InputError for a file that is broken, holds no float32 `row` of `width` numbers, or was learned for another
/// text encoder than `encoder` (empty: not checked).
TokenFile read_token(const std::filesystem::path& file, std::int64_t width, const std::string& encoder = "");

}  // namespace assay::class_tokens
