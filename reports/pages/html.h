#pragma once
#include <string>

#include "reports/pages/document.h"

namespace assay {

/// One self-contained page: no script, no request, pictures as data URIs, light and dark, phone to print.
std::string render_html(const Document& document);

}  // namespace assay
