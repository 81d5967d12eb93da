#pragma once
#include <string>
#include <vector>

#include "core/config.h"

namespace assay {

/// A template of prompts, such as "a photo of a {}", with the words in the place of its braces. Throws InputError for a
/// template without that place, and for one with several.
std::string filled_template(const std::string& prompt_template, const std::string& words);

/// The templates under `key`, each of which filled_template() takes. Throws InputError.
std::vector<std::string> read_templates(ConfigReader& reader, const std::string& key,
                                        const std::vector<std::string>& otherwise);

}  // namespace assay
