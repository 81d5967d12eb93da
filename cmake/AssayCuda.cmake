# CUDA where nvcc is and LibTorch has its CUDA back end: sets ASSAY_WITH_CUDA and ASSAY_CUDA_VERSION, and defines
# assay_cuda_libraries, which only the CUDA side of the kernels links. Comes after find_package(LibTorch).
# C++17 for .cu, as nvcc 13.0 with CMake 3.25 knows no more.
set(ASSAY_WITH_CUDA OFF)
set(ASSAY_CUDA_VERSION "")
if(NOT ASSAY_CUDA)
  message(STATUS "CUDA: switched off, building the CPU parts only")
elseif(NOT LibTorch_HAS_CUDA)
  message(STATUS "CUDA: ${LibTorch_ROOT} has no CUDA back end, building the CPU parts only")
else()
  # NVIDIA's packages leave nvcc outside PATH.
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(ASSAY_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda /opt/cuda PATH_SUFFIXES bin)
    if(ASSAY_NVCC)
      set(ENV{CUDACXX} "${ASSAY_NVCC}")
    endif()
  endif()
  include(CheckLanguage)
  set(CMAKE_CUDA_ARCHITECTURES "${ASSAY_CUDA_ARCHITECTURES}")
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    set(CMAKE_CUDA_STANDARD 17)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
    set(ASSAY_WITH_CUDA ON)
    message(STATUS "CUDA: nvcc ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${ASSAY_CUDA_ARCHITECTURES}")

    set(ASSAY_CUDA_VERSION "${CUDAToolkit_VERSION_MAJOR}.${CUDAToolkit_VERSION_MINOR}")
    add_library(assay_cuda_libraries INTERFACE)
    target_include_directories(assay_cuda_libraries SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
    # --no-as-needed: the CUDA back end registers itself when loaded, no symbol of it is named.
    target_link_libraries(assay_cuda_libraries INTERFACE
      -Wl,--push-state,--no-as-needed "${LibTorch_ROOT}/lib/libtorch_cuda.so" -Wl,--pop-state
      "${LibTorch_ROOT}/lib/libc10_cuda.so" CUDA::cudart)
  else()
    message(STATUS "CUDA: no nvcc found, building the CPU parts only")
  endif()
endif()
