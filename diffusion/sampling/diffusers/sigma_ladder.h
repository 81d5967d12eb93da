#pragma once
#include <cstdint>
#include <vector>

#include "diffusion/process/noise_schedule.h"

namespace assay {

/// How sigmas are placed between the largest and the smallest.
enum class SigmaSpacing {
  table,        // those of the time steps
  karras,       // evenly in sigma^(1/7) (Karras et al., arXiv:2206.00364, eq. 5)
  exponential,  // evenly in log sigma
  lu,           // the same for DPM-Solver (arXiv:2211.01095), but with time steps rounded rather than cut
};

/// sqrt((1 - alpha_bar) / alpha_bar) for every training time step, rounded to float32 as diffusers holds it.
std::vector<double> sigma_table(const NoiseSchedule& schedule);

/// `count` sigmas from `largest` to `smallest`. `spacing` is not `table`.
std::vector<double> place_sigmas(SigmaSpacing spacing, double largest, double smallest, std::int64_t count);

/// The table's value at a time step, interpolated linearly between whole ones and held constant outside.
double sigma_at(const std::vector<double>& table, double timestep);

/// The time step of a sigma: linear in log sigma between the table's neighbours, in [0, T - 1].
double timestep_of_sigma(const std::vector<double>& table, double sigma);

}  // namespace assay
