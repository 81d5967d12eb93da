# Finds a LibTorch by its files and defines LibTorch::torch. Why not by its own package: docs/decisions/0001.
#
# Searched in this order, each a LibTorch folder (it holds lib/libtorch_cpu.so) or torch.utils.cmake_prefix_path:
#   CMAKE_PREFIX_PATH    variable, then environment
#   LIBTORCH_WHEEL       the torch folder inside some site-packages
#   the wheel that tools/setup.sh installs
# Sets LibTorch_FOUND, LibTorch_VERSION, LibTorch_ROOT and LibTorch_HAS_CUDA. AssayCuda adds the CUDA back end.
set(_torch_pin "${CMAKE_CURRENT_LIST_DIR}/../tools/libtorch-version")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_torch_pin}")
file(STRINGS "${_torch_pin}" _torch_pinned LIMIT_COUNT 1)
include("${CMAKE_CURRENT_LIST_DIR}/AssayCache.cmake")
file(GLOB _torch_pinned_wheel "${ASSAY_CACHE_FOLDER}/libtorch-${_torch_pinned}/lib/python3*/site-packages/torch")

# Looked up again at every configuration, so that a moved or newly given LibTorch is noticed.
string(REPLACE ":" ";" _torch_environment "$ENV{CMAKE_PREFIX_PATH}")
set(LibTorch_ROOT "")
foreach(_torch_prefix ${CMAKE_PREFIX_PATH} ${_torch_environment} ${LIBTORCH_WHEEL} ${_torch_pinned_wheel})
  foreach(_torch_up "." "../..")
    if(NOT LibTorch_ROOT AND EXISTS "${_torch_prefix}/${_torch_up}/lib/libtorch_cpu.so")
      file(REAL_PATH "${_torch_prefix}/${_torch_up}" LibTorch_ROOT)
    endif()
  endforeach()
endforeach()

# 2.10 moved the numbers into torch/headeronly.
set(LibTorch_VERSION "")
foreach(_torch_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(NOT LibTorch_VERSION AND EXISTS "${LibTorch_ROOT}/include/${_torch_header}")
    file(STRINGS "${LibTorch_ROOT}/include/${_torch_header}" _torch_lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    list(TRANSFORM _torch_lines REPLACE "[^0-9]+" "")
    list(JOIN _torch_lines "." LibTorch_VERSION)
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
set(_torch_reason "")
if(NOT LibTorch_ROOT)
  set(_torch_reason REASON_FAILURE_MESSAGE
    "no LibTorch in CMAKE_PREFIX_PATH, LIBTORCH_WHEEL or ${ASSAY_CACHE_FOLDER}/libtorch-${_torch_pinned}. Run `make setup`, which installs the pinned wheel, or pass -DCMAKE_PREFIX_PATH=/path/to/libtorch")
endif()
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_ROOT LibTorch_VERSION VERSION_VAR LibTorch_VERSION ${_torch_reason})

if(LibTorch_FOUND AND NOT TARGET LibTorch::torch)
  set(LibTorch_HAS_CUDA OFF)
  if(EXISTS "${LibTorch_ROOT}/lib/libtorch_cuda.so")
    set(LibTorch_HAS_CUDA ON)
  endif()
  add_library(LibTorch::torch INTERFACE IMPORTED)
  target_include_directories(LibTorch::torch SYSTEM INTERFACE
    "${LibTorch_ROOT}/include" "${LibTorch_ROOT}/include/torch/csrc/api/include")
  # Not libtorch.so: it only pulls in the others, and with them the CUDA libraries where nobody uses CUDA.
  target_link_libraries(LibTorch::torch INTERFACE
    "${LibTorch_ROOT}/lib/libtorch_cpu.so" "${LibTorch_ROOT}/lib/libc10.so" Threads::Threads)
  # The wheel's libraries find the nvidia ones by their own run path, which the linker does not follow.
  target_link_options(LibTorch::torch INTERFACE "-Wl,-rpath,${LibTorch_ROOT}/lib" "-Wl,--allow-shlib-undefined")
endif()
