#include "reproductions/samples/prompt_template.h"

#include <fmt/format.h>

#include <string_view>

#include "core/error.h"

namespace assay {

std::string filled_template(const std::string& prompt_template, const std::string& words) {
  constexpr std::string_view place = "{}";
  const std::size_t begin = prompt_template.find(place);
  const bool several =
      begin != std::string::npos && prompt_template.find(place, begin + place.size()) != std::string::npos;
  if (begin == std::string::npos || several)
    throw InputError(fmt::format("template '{}': {} for the words; accepted: a text with one {{}}", prompt_template,
                                 several ? "more than one place" : "no place"));
  std::string prompt = prompt_template;
  return prompt.replace(begin, place.size(), words);
}

std::vector<std::string> read_templates(ConfigReader& reader, const std::string& key,
                                        const std::vector<std::string>& otherwise) {
  std::vector<std::string> templates = reader.texts(key, otherwise);
  for (const std::string& text : templates) filled_template(text, "words");
  return templates;
}

}  // namespace assay
