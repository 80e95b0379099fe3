// Where threads run: Linux may wake a thread on the processor of the one that wakes it, while others are
// idle.
#pragma once

#include <atomic>
#include <thread>

#if defined(__linux__)
#  include <sched.h>
#endif

namespace convkit::detail {

int processorHere();  // the processor that this thread runs on; -1 where that is unknown

// A thread that may be moved, by one at a time.
struct MovableThread {
  std::thread thread;
  std::atomic<bool> moving{false};
};

// While it lives, a thread may run on every processor that it may use but one. Whether it is woken meanwhile
// or waits there for its turn, it is given another, where the system leaves it when this ends.
class KeptAway {
 public:
  KeptAway(MovableThread& thread, int processor);  // does nothing where the processor is -1
  ~KeptAway();
  KeptAway(const KeptAway&) = delete;
  KeptAway& operator=(const KeptAway&) = delete;

#if defined(__linux__)
 private:
  MovableThread& thread_;
  const bool turn_;
  bool kept_ = false;
  cpu_set_t allowed_;
#endif
};

}  // namespace convkit::detail
