#pragma once
#include <string>
#include <string_view>

namespace assay {

/// For HTML and XML text and attributes. Bytes that are not UTF-8, and control characters that XML forbids, become
/// the replacement character.
std::string escape_html(std::string_view text);

/// For Markdown text and table cells: on one line, with what Markdown or HTML would read as markup escaped.
std::string escape_markdown(std::string_view text);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace assay
