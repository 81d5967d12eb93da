# assay_precompile(TARGET): compiles TARGET with the headers below parsed once for all targets.
# They are LibTorch's and nlohmann/json's most used, which take a third of the time of a build otherwise. A file still
# includes what it uses: with -DASSAY_PRECOMPILE=OFF nothing is included beforehand.
option(ASSAY_PRECOMPILE "Parse LibTorch's most used headers once for all files" ON)

if(ASSAY_PRECOMPILE)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cpp" CONTENT "")
  add_library(assay_precompiled OBJECT "${PROJECT_BINARY_DIR}/precompiled.cpp")
  target_link_libraries(assay_precompiled PRIVATE
    assay_options fmt::fmt-header-only nlohmann_json::nlohmann_json LibTorch::torch)
  target_precompile_headers(assay_precompiled PRIVATE
    <filesystem> <functional> <map> <string> <vector>
    <fmt/format.h> <nlohmann/json.hpp>
    <ATen/TensorOperators.h> <ATen/core/Tensor.h> <ATen/ops/cat.h> <ATen/ops/empty.h>)
endif()

function(assay_precompile target)
  if(ASSAY_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM assay_precompiled)
    # Read again by the tests and benches that link this target.
    set_target_properties(${target} PROPERTIES ASSAY_PRECOMPILED TRUE)
  endif()
endfunction()
