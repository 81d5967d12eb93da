#include "kernels/thread_count.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace assay {
namespace {

TEST(ThreadCount, HoldsWhileItLives) {
  const int before = at::get_num_threads();
  {
    const ThreadCount seven(7);
    EXPECT_EQ(at::get_num_threads(), 7);
    {
      const ThreadCount two(2);
      EXPECT_EQ(at::get_num_threads(), 2);
    }
    EXPECT_EQ(at::get_num_threads(), 7);
  }
  EXPECT_EQ(at::get_num_threads(), before);
}

TEST(ThreadCount, OfAFreshThreadIsNotLostToWhatAnotherThreadSetsBeforeItComputes) {
  std::promise<void> first_set, second_set, first_read;
  int first_has = 0, second_has = 0;
  std::thread first([&] {
    const ThreadCount seven(7);
    first_set.set_value();
    second_set.get_future().wait();
    static_cast<void>(at::ones({4}) + 1);
    first_has = at::get_num_threads();
    first_read.set_value();
  });
  std::thread second([&] {
    first_set.get_future().wait();
    const ThreadCount two(2);
    second_set.set_value();
    first_read.get_future().wait();
    second_has = at::get_num_threads();
  });
  first.join();
  second.join();
  EXPECT_EQ(first_has, 7);
  EXPECT_EQ(second_has, 2);
}

}  // namespace
}  // namespace assay
