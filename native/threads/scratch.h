// The free list that Scratch objects come from and go back to.
#pragma once

#include "threads/parallel.h"

namespace convkit::detail {

struct PooledScratch : Scratch {
  PooledScratch* next = nullptr;
  const void* user = nullptr;  // the thread that gave it back
};

// Borrows one Scratch for its lifetime: the last that this thread gave back, since its memory may still lie
// in the cache beside it; where there is none, the smallest, so that a loop inside a lease takes no other
// thread's. Without the threads' own ones two of them swapped memory from call to call, and half of what they
// wrote lay in the other's cache: 128 channels of 3x3 at 28x28 took a process 160 us or 194, whichever order
// it had fallen into.
class ScratchLease {
 public:
  ScratchLease();  // throws std::bad_alloc
  ~ScratchLease();
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;
  Scratch& scratch() { return *borrowed_; }

 private:
  PooledScratch* const borrowed_;
};

}  // namespace convkit::detail
