# assay_precompile(TARGET): compiles TARGET with the headers below parsed once for all targets.
# They are LibTorch's and nlohmann/json's most used, which take a third of the time of a build otherwise. A file still
# includes what it uses: with -DASSAY_PRECOMPILE=OFF nothing is included beforehand.
option(ASSAY_PRECOMPILE "Parse LibTorch's most used headers once for all files" ON)

# Libraries and programs are compiled as different kinds of position-independent code, which share no parsed headers.
if(ASSAY_PRECOMPILE)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cpp" CONTENT "")
  foreach(kind libraries programs)
    add_library(assay_precompiled_${kind} OBJECT "${PROJECT_BINARY_DIR}/precompiled.cpp")
    target_link_libraries(assay_precompiled_${kind} PRIVATE
      assay_options fmt::fmt nlohmann_json::nlohmann_json LibTorch::torch)
    target_precompile_headers(assay_precompiled_${kind} PRIVATE
      <filesystem> <functional> <map> <string> <vector>
      <fmt/format.h> <nlohmann/json.hpp>
      <ATen/TensorOperators.h> <ATen/core/Tensor.h> <ATen/ops/cat.h> <ATen/ops/empty.h>)
  endforeach()
  set_target_properties(assay_precompiled_programs PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(assay_precompiled_programs PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE})
endif()

function(assay_precompile target)
  if(ASSAY_PRECOMPILE)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      target_precompile_headers(${target} REUSE_FROM assay_precompiled_programs)
    else()
      target_precompile_headers(${target} REUSE_FROM assay_precompiled_libraries)
    endif()
    # What these headers read of their surroundings must be the same everywhere.
    target_link_libraries(${target} PRIVATE fmt::fmt nlohmann_json::nlohmann_json)
    # Read again by the tests and benches that link this target.
    set_target_properties(${target} PROPERTIES ASSAY_PRECOMPILED TRUE)
  endif()
endfunction()
