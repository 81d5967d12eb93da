#pragma once
/// at::parallel_for. LibTorch's headers make it a plain loop where the compiler does not know OpenMP, without a word,
/// so whoever calls it includes this header instead of theirs and stands under OPENMP in its CMakeLists.txt.
#if !defined(_OPENMP) && !defined(__clang_analyzer__)
#error "at::parallel_for would be a serial loop: list this file under OPENMP in its CMakeLists.txt"
#endif
#include <ATen/Parallel.h>  // IWYU pragma: export
