// The free list that Scratch objects come from and go back to.
#pragma once

#include "threads/parallel.h"

namespace convkit::detail {

struct PooledScratch : Scratch {
  PooledScratch* next = nullptr;
};

// Borrows one Scratch for its lifetime, the one most recently given back first: its memory is warmest.
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
