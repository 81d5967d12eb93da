#include "reproductions/diffusion_seg/algorithm/object_prompt.h"

#include <fmt/format.h>

#include "core/error.h"
#include "reproductions/samples/prompt_template.h"

namespace assay::diffusion_seg {

ObjectPrompt object_prompt(const ClipTokenizer& tokenizer, const std::string& prompt_template,
                           const std::string& words) {
  ObjectPrompt prompt{filled_template(prompt_template, words), words, {}};
  const std::vector<std::int64_t> whole = tokenizer.pieces(prompt.text), own = tokenizer.pieces(words),
                                  before = tokenizer.pieces(prompt_template.substr(0, prompt_template.find("{}")));
  // Of `before` the end of the text is left out, of the words both ends; the last place of a prompt is its end.
  for (std::size_t i = 1; i + 1 < own.size(); ++i) {
    const std::size_t place = before.size() - 2 + i;
    if (place >= whole.size() || whole[place] != own[i])
      throw InputError(
          fmt::format("prompt '{}': the words '{}' are cut into other tokens here than alone; accepted: a "
                      "template with spaces around the braces",
                      prompt.text, words));
    if (static_cast<std::int64_t>(place) < tokenizer.length() - 1)
      prompt.places.push_back(static_cast<std::int64_t>(place));
  }
  if (prompt.places.empty())
    throw InputError(fmt::format("prompt '{}': no token of the words '{}' within the {} of a prompt", prompt.text,
                                 words, tokenizer.length()));
  return prompt;
}

}  // namespace assay::diffusion_seg
