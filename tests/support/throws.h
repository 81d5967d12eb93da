#pragma once
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace assay::test {

/// The message of the exception of type E that `action` throws; a failed expectation and "" when it throws none.
template <class E, class Action>
std::string message_of(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

}  // namespace assay::test
