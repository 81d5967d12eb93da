#pragma once
#include <filesystem>
#include <string>

#include "reports/pages/document.h"

namespace assay {

/// The same content as the page. Charts are linked as charts/NAME.svg, pictures by their path relative to `folder`,
/// where the Markdown file will lie.
std::string render_markdown(const Document& document, const std::filesystem::path& folder);

}  // namespace assay
