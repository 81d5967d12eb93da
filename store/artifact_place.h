#pragma once
#include <string>

namespace assay {

/// Whether the path of an artifact lies in the folder of its store: relative, without "..". Recorders write no other; a
/// file that somebody else made may hold any, and such a path is neither read, written nor removed.
bool lies_in_store_folder(const std::string& path);

}  // namespace assay
