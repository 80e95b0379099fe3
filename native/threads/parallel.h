// One pool of threads for the whole process, and loops that share it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace convkit {

// Working memory of one thread of one loop; it goes back to a free list when the loop ends.
class Scratch {
 public:
  static constexpr int kSlots = 4;
  // At least n bytes, 64-byte aligned, contents undefined, valid until the same slot is asked for again.
  // Throws std::bad_alloc.
  void* bytes(int slot, std::size_t n);
  float* floats(int slot, std::size_t n) { return static_cast<float*>(bytes(slot, n * sizeof(float))); }
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  std::size_t capacity() const;

 private:
  void* memory_[kSlots] = {};
  std::size_t size_[kSlots] = {};
};
void releaseScratch();  // frees what lies in the free list, and blocks that are kept

int threadCount();               // the caller included
void setThreadCount(int count);  // 1 <= count <= 1024
int defaultThreadCount();        // affinity and container quota

// Ends the pool's threads and waits for them. A later loop starts new ones.
void joinWorkers();

using CancelFlag = std::atomic<bool>;

namespace detail {
using LoopBody = void (*)(void* context, int64_t chunk, Scratch& scratch);
void runLoop(int64_t chunks, const CancelFlag* cancelled, LoopBody body, void* context);
}  // namespace detail

// Calls body(chunk, scratch) once for every chunk in [0, chunks), each on some thread, the caller's among
// them; returns when all are done. Chunks not yet begun are dropped once *cancelled is true. Loops of several
// callers run side by side on the same threads. Chunks write disjoint outputs, so their order cannot matter.
// If a body throws std::bad_alloc, the rest is dropped and std::bad_alloc is thrown to the caller.
template <class Body>
void parallelFor(int64_t chunks, const CancelFlag* cancelled, Body&& body) {
  detail::runLoop(
      chunks, cancelled,
      [](void* context, int64_t chunk, Scratch& scratch) {
        (*static_cast<std::remove_reference_t<Body>*>(context))(chunk, scratch);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace convkit
