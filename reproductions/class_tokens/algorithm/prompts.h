#pragma once
#include <string>

namespace assay::class_tokens {

/// The name of a class as prompts have it: the first of the names that commas part, in lower case, with spaces for
/// underscores ("tiger_cat, Felis" gives "tiger cat").
std::string class_words(const std::string& label);

/// "A photo of {}" with the token in the braces, then a space and the words: "A photo of newclas tiger cat". Without a
/// token the words alone stand there. Throws InputError for a template without "{}".
std::string prompt_of(const std::string& prompt_template, const std::string& token, const std::string& words);

}  // namespace assay::class_tokens
