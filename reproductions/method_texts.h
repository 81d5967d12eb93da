#pragma once
#include <string>

namespace assay {

/// The JSON files of a method's folder. They are built into the program (reproductions/CMakeLists.txt), so that nothing
/// is looked up at run time.
struct MethodTexts {
  const char* method;
  const char* presets;
  const char* claims;
  const char* paper_table;  // "{}" where the folder has none
};

/// Throws Error where reproductions/CMakeLists.txt does not name the method.
const MethodTexts& method_texts(const std::string& method);

}  // namespace assay
