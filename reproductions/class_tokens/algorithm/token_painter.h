#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/networks/sd/text_to_image.h"
#include "diffusion/sampling/last_steps.h"
#include "reproductions/class_tokens/algorithm/prompts.h"
#include "reproductions/class_tokens/algorithm/token_learning.h"

namespace assay::class_tokens {

/// How a chain runs from noise to an image.
struct Drawn {
  std::string scheduler = {};       // a name of scheduler_names(); empty: the model's own
  std::int64_t steps = 30;          // 31 calls of the network with PNDM
  double guidance = 7.0;            // w in the convention `imagen`; 1: the prompt alone
  std::int64_t differentiated = 2;  // the last calls, through which gradients pass
};

/// The chain by the scheduler of a model's configuration, which `where` names in messages. Throws InputError for a
/// scheduler that draws noise at its steps, since an image here is a function of its first noise and of the prompt
/// alone, and as scheduler_of_config() and LastStepsChain.
LastStepsChain painting_chain(const nlohmann::json& scheduler, const std::string& where, const Drawn& drawn);

/// Draws prompts of which one word is a token that the model does not have: its row, and what the rows of all other
/// words have been multiplied by, are told with every prompt, so that the model itself never changes and several tokens
/// are learned side by side. Differentiable in the row.
class TokenPainter {
 public:
  /// `model` must outlive this and record no gradients of its own. Throws InputError for a token that the vocabulary
  /// has, and as painting_chain().
  TokenPainter(const TextToImage& model, const std::string& token, const Drawn& drawn);

  /// Images [B, 3, H, W] in [-1, 1] of B prompts from standard normal noise [B, C, h, w]. Padded prompts have the
  /// length of the text encoder; others all the same number of tokens, to which the empty prompt is padded. Throws
  /// InputError for a prompt of more tokens than the text encoder has places, and for prompts of several lengths that
  /// are not padded.
  at::Tensor images(const std::vector<std::string>& prompts, const TokenRows& rows, bool padded,
                    const at::Tensor& noise) const;

  /// The row of a word that is one piece of the vocabulary. Throws InputError for any other word.
  at::Tensor row_of(const std::string& word) const;
  /// A row of normal numbers with the mean and the deviation of the vocabulary's.
  at::Tensor random_row(std::uint64_t seed, std::uint64_t item) const;

  const LastStepsChain& chain() const { return chain_; }

 private:
  at::Tensor states(const std::vector<std::string>& prompts, const TokenRows& rows, bool padded) const;

  const TextToImage& model_;
  TokenPrompts prompts_;
  double guidance_;
  LastStepsChain chain_;
};

}  // namespace assay::class_tokens
