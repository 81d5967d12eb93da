#pragma once
#include <string>
#include <vector>

#include "reports/published_beside.h"

namespace assay {

// Paper tables as text that goes elsewhere: a line a published cell, with ours beside it, the tier it was run in, its
// interval, its seeds and the verdict. What is unknown or was not run stays blank. Ours has as many digits as its
// interval supports. Each function takes the tables of any methods; none of them gives no text but CSV's line of names.

/// A heading and a table each. Cells that have neither a published number nor ours are left in, blank.
std::string paper_tables_markdown(const std::vector<PublishedTable>& tables);

/// RFC 4180: all cells in one table, a line of column names first.
std::string paper_tables_csv(const std::vector<PublishedTable>& tables);

/// A `table` environment each, with booktabs' rules; the reasons for verdicts are footnotes below. Needs
/// \usepackage{booktabs} and no other package.
std::string paper_tables_latex(const std::vector<PublishedTable>& tables);

}  // namespace assay
