#pragma once
#include <string>
#include <string_view>

namespace assay {

/// For HTML and XML text and attributes. Bytes that are not UTF-8, and control characters that XML forbids, become
/// the replacement character.
std::string escape_html(std::string_view text);

/// For Markdown text and table cells: on one line, with what Markdown or HTML would read as markup escaped.
std::string escape_markdown(std::string_view text);

/// For LaTeX text, in a paper that is compiled by pdflatex with no package but booktabs: on one line, its special
/// characters escaped (also those that `\\` before a row of a table would take for an argument), signs such as ± as
/// mathematics. Letters of Latin-1 stay; any other character that is not ASCII becomes a question mark.
std::string escape_latex(std::string_view text);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace assay
