# Compiler settings shared by every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set_property(GLOBAL PROPERTY GLOBAL_DEPENDS_NO_CYCLES ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
# The libraries that a program opens lie in lib/ beside its own folder.
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_BUILD_RPATH "$ORIGIN/../lib")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(ASSAY_CCACHE ccache)
if(ASSAY_CCACHE)
  # What it must overlook to keep files compiled with precompiled headers; we use no __TIME__.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros "${ASSAY_CCACHE}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${ASSAY_CCACHE}")
endif()
# Not mold, which is no faster here: Debian's 1.10 makes one program in some hundred that cannot start (a read-only part
# that begins at a thread-local byte) and, told to leave that part out, links another one for ever.
find_program(ASSAY_LLD ld.lld)
if(ASSAY_LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_library(assay_options INTERFACE)
target_include_directories(assay_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(assay_options INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor;-Wvla;-Werror>")
# g++ frees memory while it compiles, at first for what LibTorch's headers hold, which is all still needed: let it begin
# at 1 GiB. Some files take 0.2 GB more.
target_compile_options(assay_options INTERFACE "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=ggc-min-heapsize=1048576>")
if(ASSAY_CPU_BASELINE AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(assay_options INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-march=${ASSAY_CPU_BASELINE}>")
endif()
if(ASSAY_SANITIZE)
  # g++ takes its own instrumentation of std::function and std::regex for reads of uninitialised memory.
  target_compile_options(assay_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${ASSAY_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all;-Wno-maybe-uninitialized>")
  target_link_options(assay_options INTERFACE "-fsanitize=${ASSAY_SANITIZE}")
endif()

# assay_prefer_headers(TARGET FOLDER): <FOLDER/...> is TARGET's, also where an include folder before it has another: LibTorch's
# wheel brings a fmt of its own, whose functions are in no library.
function(assay_prefer_headers target folder)
  get_target_property(places ${target} INTERFACE_INCLUDE_DIRECTORIES)
  list(GET places 0 place)
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/preferred_headers")
  file(CREATE_LINK "${place}/${folder}" "${PROJECT_BINARY_DIR}/preferred_headers/${folder}" SYMBOLIC)
  target_include_directories(assay_options SYSTEM INTERFACE "${PROJECT_BINARY_DIR}/preferred_headers")
endfunction()
