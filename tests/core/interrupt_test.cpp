#include "core/interrupt.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include "core/parallel.h"

namespace assay {
namespace {

// Each in a process of its own: the flag stays up.

TEST(InterruptDeathTest, FirstSignalRaisesAFlagAndTheSecondEndsTheProcess) {
  for (const auto& [first, second] :
       {std::pair(SIGINT, SIGINT), {SIGTERM, SIGTERM}, {SIGINT, SIGTERM}, {SIGTERM, SIGINT}})
    EXPECT_EXIT(
        {
          catch_interrupts();
          if (interrupt_requested()) std::exit(2);
          stop_if_interrupted();
          std::raise(first);
          if (!interrupt_requested()) std::exit(3);
          std::raise(second);
          std::exit(4);
        },
        ::testing::KilledBySignal(second), "")
        << first << " " << second;
}

TEST(InterruptDeathTest, AParallelLoopStopsBeforeItsNextItem) {
  for (const int threads : {1, 3})
    EXPECT_EXIT(
        {
          catch_interrupts();
          std::atomic<int> begun = 0;
          try {
            parallel_for(1000, threads, [&](std::int64_t i, int) {
              ++begun;
              if (i == 10) std::raise(SIGINT);
              // The others are still at an item of theirs when the signal comes.
              while (i > 10 && !interrupt_requested()) std::this_thread::yield();
            });
          } catch (const Interrupted&) {
            // Those up to item 10, and one for each other thread at most.
            std::exit(begun <= 10 + threads ? 0 : 3);
          }
          std::exit(4);
        },
        ::testing::ExitedWithCode(0), "")
        << threads;
}

}  // namespace
}  // namespace assay
