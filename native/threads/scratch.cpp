// Working memory: aligned for vectors, on huge pages where it is large, kept between loops.
#include "threads/scratch.h"

#include <limits>
#include <mutex>
#include <new>

#include "threads/kept_memory.h"
#include "threads/pages.h"

namespace convkit {
namespace {

constexpr std::size_t kLine = 64;
// From so many bytes on, memory comes from the system and goes back there: slots that grow while layers are
// met for the first time left holes in the C allocator's arena. GoogLeNet, two threads: 9.4 MB for the 5.2
// asked for.
constexpr std::size_t kMapped = std::size_t{1} << 18;

std::size_t rounded(std::size_t n) {
  const std::size_t unit = n >= kHugePage ? kHugePage : n >= kMapped ? kMapped : kLine;
  if (n > std::numeric_limits<std::size_t>::max() - unit) throw std::bad_alloc();
  return (n + unit - 1) / unit * unit;
}

void* allocate(std::size_t size) {
  return size >= kMapped ? takePages(size) : ::operator new (size, std::align_val_t{kLine});
}

void deallocate(void* memory, std::size_t size) {
  if (size >= kMapped) givePages(memory, size);
  else ::operator delete (memory, std::align_val_t{kLine});
}

struct FreeList {
  std::mutex mutex;
  detail::PooledScratch* first = nullptr;
};

// Never destroyed: a thread may still give something back while the process exits.
FreeList& freeList() {
  static FreeList* const list = new FreeList;
  return *list;
}

// Its address tells threads apart. One that begins later may have that of one that ended, and takes its
// place.
thread_local char thisThread;

// Where the smallest stands in the list; the list's end where it is empty.
detail::PooledScratch** smallest(FreeList& list) {
  detail::PooledScratch** found = &list.first;
  for (detail::PooledScratch** link = &list.first; *link != nullptr; link = &(*link)->next)
    if ((*link)->capacity() < (*found)->capacity()) found = link;
  return found;
}

detail::PooledScratch* borrow() {
  FreeList& list = freeList();
  {
    const std::lock_guard<std::mutex> lock(list.mutex);
    detail::PooledScratch** link = &list.first;
    while (*link != nullptr && (*link)->user != &thisThread) link = &(*link)->next;
    if (*link == nullptr) link = smallest(list);
    if (detail::PooledScratch* const scratch = *link) {
      *link = scratch->next;
      return scratch;
    }
  }
  return new detail::PooledScratch;
}

}  // namespace

void* Scratch::bytes(int slot, std::size_t n) {
  if (n > size_[slot] || memory_[slot] == nullptr) {
    const std::size_t size = rounded(n > 0 ? n : 1);
    if (memory_[slot] != nullptr) deallocate(memory_[slot], size_[slot]);
    memory_[slot] = nullptr;
    size_[slot] = 0;
    memory_[slot] = allocate(size);
    size_[slot] = size;
  }
  return memory_[slot];
}

std::size_t Scratch::capacity() const {
  std::size_t total = 0;
  for (const std::size_t size : size_) total += size;
  return total;
}

Scratch::~Scratch() {
  for (int slot = 0; slot < kSlots; ++slot) {
    if (memory_[slot] != nullptr) deallocate(memory_[slot], size_[slot]);
  }
}

void releaseScratch() {
  releaseBlocks();
  FreeList& list = freeList();
  detail::PooledScratch* scratch;
  {
    const std::lock_guard<std::mutex> lock(list.mutex);
    scratch = list.first;
    list.first = nullptr;
  }
  while (scratch != nullptr) {
    detail::PooledScratch* const next = scratch->next;
    delete scratch;
    scratch = next;
  }
}

namespace detail {

ScratchLease::ScratchLease() : borrowed_(borrow()) {}

ScratchLease::~ScratchLease() {
  FreeList& list = freeList();
  const std::lock_guard<std::mutex> lock(list.mutex);
  borrowed_->user = &thisThread;
  borrowed_->next = list.first;
  list.first = borrowed_;
}

}  // namespace detail
}  // namespace convkit
