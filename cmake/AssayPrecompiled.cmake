# assay_precompile(TARGET): compiles the files of TARGET with the big headers that they include parsed beforehand, once
# for all targets. A file still includes what it uses: with -DASSAY_PRECOMPILE=OFF nothing is included beforehand.
#
# g++ instantiates what the functions of a precompiled header use in every file that reads it, used there or not, which
# takes 2 s for LibTorch's operators and 0.8 s for its tensor alone. So there are three sets, each within the next, and a
# file reads the smallest that holds what its includes need, or none.
option(ASSAY_PRECOMPILE "Parse the headers of nlohmann/json and LibTorch once for all files" ON)

set(assay_headers_json
  <filesystem> <functional> <map> <string> <vector> <fmt/format.h> <nlohmann/json.hpp>)
set(assay_headers_tensor ${assay_headers_json}
  <ATen/core/Tensor.h>)
set(assay_headers_operators ${assay_headers_tensor}
  <ATen/TensorOperators.h> <ATen/ops/cat.h> <ATen/ops/empty.h>)

# Libraries and programs are compiled as different kinds of position-independent code, which share no parsed headers.
if(ASSAY_PRECOMPILE)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cpp" CONTENT "")
  foreach(set json tensor operators)
    foreach(kind libraries programs)
      set(target assay_precompiled_${set}_${kind})
      add_library(${target} OBJECT EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/precompiled.cpp")
      # The same for all three, so that every file may read any of them.
      target_link_libraries(${target} PRIVATE assay_options fmt::fmt nlohmann_json::nlohmann_json LibTorch::torch)
      target_precompile_headers(${target} PRIVATE ${assay_headers_${set}})
      if(kind STREQUAL "programs")
        set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
        target_compile_options(${target} PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE})
      endif()
    endforeach()
  endforeach()
endif()

# Sets `out` to the names of the headers from outside that a file includes, itself or by our own. Read when CMake runs: an
# answer that has grown old costs time alone.
function(assay_outside_includes file out)
  get_property(known GLOBAL PROPERTY "assay_includes_${file}" SET)
  if(NOT known)
    set_property(GLOBAL PROPERTY "assay_includes_${file}" "")  # ends a circle
    file(STRINGS "${PROJECT_SOURCE_DIR}/${file}" lines REGEX "^#include ")
    set(outside)
    foreach(line ${lines})
      string(REGEX REPLACE "^#include [<\"]([^>\"]+).*" "\\1" header "${line}")
      if(EXISTS "${PROJECT_SOURCE_DIR}/${header}")
        assay_outside_includes("${header}" further)
        list(APPEND outside ${further})
      else()
        list(APPEND outside "${header}")
      endif()
    endforeach()
    list(REMOVE_DUPLICATES outside)
    set_property(GLOBAL PROPERTY "assay_includes_${file}" "${outside}")
  endif()
  get_property(answer GLOBAL PROPERTY "assay_includes_${file}")
  set(${out} "${answer}" PARENT_SCOPE)
endfunction()

function(assay_precompile target)
  if(NOT ASSAY_PRECOMPILE)
    return()
  endif()
  get_target_property(type ${target} TYPE)
  set(kind libraries)
  if(type STREQUAL "EXECUTABLE")
    set(kind programs)
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    get_filename_component(path "${source}" ABSOLUTE)
    file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}" "${path}")
    # A file with options of its own differs from the precompiled headers in what they were compiled with.
    get_source_file_property(options "${source}" COMPILE_OPTIONS)
    if(NOT source MATCHES "\\.cpp$" OR options OR NOT EXISTS "${PROJECT_SOURCE_DIR}/${path}")
      continue()
    endif()
    assay_outside_includes("${path}" includes)
    if("ATen/TensorOperators.h" IN_LIST includes)
      set(set operators)
    elseif(includes MATCHES "(^|;)(ATen|torch|c10)/")
      set(set tensor)
    elseif("nlohmann/json.hpp" IN_LIST includes)
      set(set json)
    else()
      continue()
    endif()
    set(headers "${PROJECT_BINARY_DIR}/CMakeFiles/assay_precompiled_${set}_${kind}.dir/cmake_pch.hxx")
    set_source_files_properties("${source}" PROPERTIES
      COMPILE_OPTIONS "-Winvalid-pch;-include;${headers}" OBJECT_DEPENDS "${headers}.gch")
  endforeach()
  # What these headers read of their surroundings must be the same everywhere.
  target_link_libraries(${target} PRIVATE fmt::fmt nlohmann_json::nlohmann_json)
endfunction()
