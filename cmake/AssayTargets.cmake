# assay_library(NAME [TORCH] [KIND kind] MODULES stem ... [OPENMP stem ...] [SOURCES file ...]
#               [DEPENDS layer ...] [LINKS target ...])
#   Defines assay_NAME from modules of the current folder: STEM.h and STEM.cpp, whichever there are. TORCH links LibTorch.
#   OPENMP are modules that call at::parallel_for (kernels/parallel_for.h). SOURCES are files that the build writes.
#   KIND compiles all with the options of that kind (AssayPrecompiled.cmake). DEPENDS names other layers; LINKS names
#   outside libraries.
function(assay_library name)
  cmake_parse_arguments(ARG "TORCH" "KIND" "MODULES;SOURCES;OPENMP;DEPENDS;LINKS" ${ARGN})
  set(sources ${ARG_SOURCES})
  foreach(module ${ARG_MODULES} ${ARG_OPENMP})
    set(found)
    foreach(file "${module}.h" "${module}.cpp")
      if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
        list(APPEND found "${file}")
      endif()
    endforeach()
    if(NOT found)
      message(FATAL_ERROR "assay_${name}: neither ${module}.h nor ${module}.cpp is in ${CMAKE_CURRENT_SOURCE_DIR}")
    endif()
    list(APPEND sources ${found})
  endforeach()
  foreach(module ${ARG_OPENMP})
    set_property(SOURCE "${module}.cpp" APPEND PROPERTY COMPILE_OPTIONS ${assay_openmp_options})
  endforeach()
  add_library(assay_${name} STATIC ${sources})
  set_target_properties(assay_${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(assay_${name} PUBLIC assay_options ${ARG_LINKS})
  foreach(layer ${ARG_DEPENDS})
    target_link_libraries(assay_${name} PUBLIC assay_${layer})
  endforeach()
  if(ARG_TORCH)
    target_link_libraries(assay_${name} PUBLIC LibTorch::torch)
    if(ARG_OPENMP OR ARG_KIND)
      target_link_libraries(assay_${name} PUBLIC $<LINK_ONLY:OpenMP::OpenMP_CXX>)
    endif()
  endif()
  if(ARG_KIND)
    target_compile_options(assay_${name} PRIVATE ${assay_${ARG_KIND}_options})
  endif()
  assay_precompile(assay_${name} KIND "${ARG_KIND}")
endfunction()

# assay_no_arithmetic(TARGET): compiles TARGET quickly. Not for what computes numbers that are recorded: another level of
# optimisation inlines other functions, and g++ joins a product with a sum of the same function, which rounds once.
function(assay_no_arithmetic target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# assay_links(TARGET [KIND kind] layer ...): links the layers, and reads precompiled headers as a library does, or of
# the kind.
function(assay_links target)
  cmake_parse_arguments(ARG "" "KIND" "" ${ARGN})
  foreach(layer ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${target} PRIVATE assay_${layer})
  endforeach()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE" AND NOT ARG_KIND)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIC})
  endif()
  assay_precompile(${target} KIND "${ARG_KIND}")
endfunction()

# assay_tests(NAME FILES file ... LINKS layer ... [LABELS label ...] [TIMEOUT seconds])
#   One test program, NAME_tests, of several files, which may lie in folders below, and for each file an entry of CTest,
#   named after the folder of tests and the file, that runs its cases (tests/support/test_main.cpp). Files that need
#   LibTorch and files that do not are better in two programs: its start takes 0.2 s. The label is `smoke` unless given.
function(assay_tests name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "FILES;LINKS;LABELS" ${ARGN})
  set(program ${name}_tests)
  add_executable(${program} ${ARG_FILES})
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  target_link_libraries(${program} PRIVATE assay_options test_main GTest::gmock)
  assay_links(${program} KIND tests ${ARG_LINKS})
  assay_no_arithmetic(${program})
  target_compile_definitions(${program} PRIVATE ASSAY_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
    ASSAY_SOURCE_DIR="${PROJECT_SOURCE_DIR}" ASSAY_BINARY="$<TARGET_FILE_DIR:${program}>/../bin/assay")
  if(NOT ARG_LABELS)
    set(ARG_LABELS smoke)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  get_filename_component(layer "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
  file(RELATIVE_PATH folder "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  foreach(file ${ARG_FILES})
    string(REGEX REPLACE "\\.cpp$" "" test "${layer}_${file}")
    string(REPLACE "/" "_" test "${test}")
    add_test(NAME ${test} COMMAND ${program} "--file=${folder}/${file}")
    # Tests run side by side: threads that spin while they wait would take each other's cores.
    set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
      ENVIRONMENT OMP_WAIT_POLICY=PASSIVE)
  endforeach()
endfunction()

# assay_bench(FILE LINKS layer ...): one Google Benchmark program, found by `assay bench` in build/bench.
function(assay_bench file)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  get_filename_component(name "${file}" NAME_WE)
  add_executable(${name} "${file}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  target_link_libraries(${name} PRIVATE assay_options benchmark::benchmark_main)
  assay_links(${name} ${ARG_LINKS})
endfunction()
