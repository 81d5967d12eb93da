#include "reproductions/class_tokens/algorithm/prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/error.h"

namespace assay::class_tokens {

std::string class_words(const std::string& label) {
  std::string words = label.substr(0, label.find(','));
  std::transform(words.begin(), words.end(), words.begin(),
                 [](unsigned char c) { return c == '_' ? ' ' : static_cast<char>(std::tolower(c)); });
  return words;
}

std::string prompt_of(const std::string& prompt_template, const std::string& token, const std::string& words) {
  const std::size_t braces = prompt_template.find("{}");
  if (braces == std::string::npos)
    throw InputError(fmt::format("template '{}': no place for the token; accepted: a text with {{}}", prompt_template));
  std::string prompt = prompt_template;
  if (token.empty()) return prompt.replace(braces, 2, words);
  return prompt.replace(braces, 2, token) + " " + words;
}

}  // namespace assay::class_tokens
