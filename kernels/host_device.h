#pragma once

/// Marks a formula that both the host compiler and nvcc see. Such headers are C++17.
#ifdef __CUDACC__
#define ASSAY_HOST_DEVICE __host__ __device__
#else
#define ASSAY_HOST_DEVICE
#endif
