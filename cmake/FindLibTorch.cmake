# Finds a LibTorch by its files and defines LibTorch::torch.
# Torch's own CMake package asks for a CUDA compiler whenever the library was built with CUDA, and turns on its own
# architecture detection, which needs a GPU; so only its headers and libraries are looked up here.
# Searched: CMAKE_PREFIX_PATH (a LibTorch folder, or torch.utils.cmake_prefix_path), then LIBTORCH_WHEEL, the wheel
# that tools/setup installs.
find_path(LIBTORCH_ROOT lib/libtorch_cpu.so
  PATHS ${LIBTORCH_WHEEL} PATH_SUFFIXES . ../.. ../../..)
set(_torch_components "${LIBTORCH_ROOT}/lib/libtorch.so" "${LIBTORCH_ROOT}/lib/libtorch_cpu.so" "${LIBTORCH_ROOT}/lib/libc10.so")
if(LIBTORCH_ROOT AND EXISTS "${LIBTORCH_ROOT}/include/torch/version.h")
  file(STRINGS "${LIBTORCH_ROOT}/include/torch/version.h" _torch_version REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX MATCHALL "[0-9]+" _torch_version "${_torch_version}")
  list(JOIN _torch_version "." LibTorch_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LIBTORCH_ROOT VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run `make` (it installs the pinned wheel), or pass -DCMAKE_PREFIX_PATH=/path/to/libtorch")

if(LibTorch_FOUND AND NOT TARGET LibTorch::torch)
  add_library(LibTorch::torch INTERFACE IMPORTED)
  target_include_directories(LibTorch::torch SYSTEM INTERFACE
    "${LIBTORCH_ROOT}/include" "${LIBTORCH_ROOT}/include/torch/csrc/api/include")
  # --no-as-needed: the CUDA back end registers itself when loaded, no symbol of it is named.
  if(ASSAY_WITH_CUDA AND EXISTS "${LIBTORCH_ROOT}/lib/libtorch_cuda.so")
    list(APPEND _torch_components "${LIBTORCH_ROOT}/lib/libtorch_cuda.so" "${LIBTORCH_ROOT}/lib/libc10_cuda.so")
    target_include_directories(LibTorch::torch SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
  endif()
  target_link_libraries(LibTorch::torch INTERFACE
    -Wl,--no-as-needed ${_torch_components} -Wl,--as-needed Threads::Threads)
  target_link_options(LibTorch::torch INTERFACE "-Wl,-rpath,${LIBTORCH_ROOT}/lib" "-Wl,--allow-shlib-undefined")
endif()
