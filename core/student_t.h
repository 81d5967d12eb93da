#pragma once

namespace assay {

/// Student's t distribution with `degrees` > 0 degrees of freedom, else InputError.
double student_t_cdf(double t, double degrees);
/// The value with P(T <= value) = probability, for a probability in (0, 1), else InputError.
double student_t_quantile(double probability, double degrees);
/// P(T > t) for t >= 0, without the cancellation of 1 - P(T <= t).
double student_t_upper_tail(double t, double degrees);

}  // namespace assay
