# assay_precompile(TARGET [KIND kind]): compiles the files of TARGET with the big headers that they include parsed
# beforehand, once for all targets. A file still includes what it uses: with -DASSAY_PRECOMPILE=OFF nothing is included
# beforehand.
#
# g++ instantiates what the functions of a precompiled header use in every file that reads it, used there or not, which
# takes 2 s for LibTorch's operators and 0.8 s for its tensor alone. So there are several sets, some of them with Eigen
# too, and a file reads the smallest that holds what its includes need, or none.
#
# Parsed headers serve files with the options that they were parsed with. A kind is a set of such options:
#   libraries  those of every library; programs that are no tests take it by being compiled as a library is
#   openmp     these and OpenMP
#   kernels    these, OpenMP and what kernels/ is compiled with
#   tests      those of the test programs, with GoogleTest among the headers
option(ASSAY_PRECOMPILE "Parse the headers of nlohmann/json and LibTorch once for all files" ON)

set(assay_headers_plain
  <filesystem> <functional> <map> <string> <vector> <fmt/format.h>)
set(assay_headers_json ${assay_headers_plain}
  <nlohmann/json.hpp>)
set(assay_headers_tensor ${assay_headers_json}
  <ATen/core/Tensor.h>)
set(assay_headers_operators ${assay_headers_tensor}
  <ATen/TensorOperators.h> <ATen/ops/cat.h> <ATen/ops/empty.h>)
set(assay_headers_registration
  <fmt/format.h> <ATen/core/Tensor.h> <ATen/ops/empty.h> <torch/library.h>)
foreach(set plain json tensor)
  set(assay_headers_${set}_eigen ${assay_headers_${set}} <Eigen/Core>)
endforeach()

set(assay_openmp_options ${OpenMP_CXX_FLAGS})
# Neither of the two changes a value: without them sqrt sets errno and comparisons may trap, and the loops stay scalar.
set(assay_kernels_options ${OpenMP_CXX_FLAGS} -fno-math-errno -fno-trapping-math)

function(assay_precompiled_headers kind)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cpp" CONTENT "")
  foreach(set ${ARGN})
    set(target assay_precompiled_${set}_${kind})
    add_library(${target} OBJECT EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/precompiled.cpp")
    # The same for all of a kind, so that every file may read any of them.
    target_link_libraries(${target} PRIVATE assay_options fmt::fmt nlohmann_json::nlohmann_json LibTorch::torch)
    target_compile_options(${target} PRIVATE ${assay_${kind}_options})
    set(headers ${assay_headers_${set}})
    if(kind STREQUAL "tests")
      # Programs are another kind of position-independent code than libraries.
      set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${target} PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE})
      assay_no_arithmetic(${target})
      target_link_libraries(${target} PRIVATE GTest::gmock)
      list(APPEND headers <gmock/gmock.h> <gtest/gtest.h>)
    endif()
    if(set MATCHES "_eigen$")
      target_link_libraries(${target} PRIVATE Eigen3::Eigen)
    endif()
    target_precompile_headers(${target} PRIVATE ${headers})
  endforeach()
endfunction()

if(ASSAY_PRECOMPILE)
  assay_precompiled_headers(libraries plain_eigen json json_eigen tensor tensor_eigen operators)
  assay_precompiled_headers(openmp operators)
  assay_precompiled_headers(kernels registration)
  if(ASSAY_BUILD_TESTS)
    assay_precompiled_headers(tests json operators)
  endif()
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
  cmake_parse_arguments(ARG "" "KIND" "" ${ARGN})
  if(NOT ASSAY_PRECOMPILE)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    get_filename_component(path "${source}" ABSOLUTE)
    file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}" "${path}")
    get_source_file_property(options "${source}" COMPILE_OPTIONS)
    set(kind libraries)
    if(ARG_KIND)
      set(kind ${ARG_KIND})
    elseif(options STREQUAL assay_openmp_options)
      set(kind openmp)
    elseif(options)
      continue()
    endif()
    get_property(files SOURCE "${source}" PROPERTY ASSAY_HOLDS)
    if(NOT files)
      set(files "${path}")
      if(NOT source MATCHES "\\.cpp$" OR NOT EXISTS "${PROJECT_SOURCE_DIR}/${path}")
        continue()
      endif()
    endif()
    set(includes)
    foreach(file ${files})
      assay_outside_includes("${file}" further)
      list(APPEND includes ${further})
    endforeach()
    string(REGEX MATCH "(^|;)(ATen|torch|c10)/" torch "${includes}")
    # Tests, joined as they are, need something of everything: a set between would be parsed for a handful of files.
    set(joined FALSE)
    if(kind STREQUAL "tests")
      set(joined TRUE)
    endif()
    if(kind STREQUAL "kernels" AND torch)
      set(set registration)
    elseif("ATen/TensorOperators.h" IN_LIST includes OR kind STREQUAL "openmp" OR (joined AND torch))
      set(set operators)
    elseif(torch)
      set(set tensor)
    elseif("nlohmann/json.hpp" IN_LIST includes OR joined)
      set(set json)
    else()
      set(set plain)
    endif()
    if("Eigen/Core" IN_LIST includes AND TARGET assay_precompiled_${set}_eigen_${kind})
      string(APPEND set _eigen)
    endif()
    if(NOT TARGET assay_precompiled_${set}_${kind})
      continue()
    endif()
    set(headers "${PROJECT_BINARY_DIR}/CMakeFiles/assay_precompiled_${set}_${kind}.dir/cmake_pch.hxx")
    set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_OPTIONS "-Winvalid-pch;-include;${headers}")
    set_property(SOURCE "${source}" APPEND PROPERTY OBJECT_DEPENDS "${headers}.gch")
  endforeach()
  # What these headers read of their surroundings must be the same everywhere.
  target_link_libraries(${target} PRIVATE fmt::fmt nlohmann_json::nlohmann_json)
endfunction()
