#pragma once

namespace assay {

// Student's t distribution with `degrees` degrees of freedom.

/// The value with P(T <= value) = probability. Throws InputError for a probability outside (0, 1) and degrees of 0 or
/// below.
double student_t_quantile(double probability, double degrees);
/// P(T > t) for t >= 0 and degrees above 0, without the cancellation of 1 - P(T <= t).
double student_t_upper_tail(double t, double degrees);

}  // namespace assay
