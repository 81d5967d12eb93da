#pragma once
#include <stdexcept>
#include <string>

namespace assay {

/// Something failed while running. `main` prints the message on one line and exits with 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Wrong use or bad input: the message says what, where, and what would be accepted. `main` exits with 2.
class InputError : public Error {
 public:
  using Error::Error;
};

}  // namespace assay
