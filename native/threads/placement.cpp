#include "threads/placement.h"

#if defined(__linux__)
#  include <pthread.h>
#endif

namespace convkit::detail {

#if defined(__linux__)

int processorHere() { return sched_getcpu(); }

KeptAway::KeptAway(MovableThread& thread, int processor)
    : thread_(thread), turn_(!thread.moving.exchange(true, std::memory_order_acquire)) {
  if (!turn_ || processor < 0 || processor >= CPU_SETSIZE) return;
  const auto handle = thread.thread.native_handle();
  if (pthread_getaffinity_np(handle, sizeof allowed_, &allowed_) != 0) return;
  cpu_set_t others = allowed_;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0) return;
  kept_ = pthread_setaffinity_np(handle, sizeof others, &others) == 0;
}

KeptAway::~KeptAway() {
  if (kept_) pthread_setaffinity_np(thread_.thread.native_handle(), sizeof allowed_, &allowed_);
  if (turn_) thread_.moving.store(false, std::memory_order_release);
}

#else

int processorHere() { return -1; }

KeptAway::KeptAway(MovableThread&, int) {}

KeptAway::~KeptAway() = default;

#endif

}  // namespace convkit::detail
