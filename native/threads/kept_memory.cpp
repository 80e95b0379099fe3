#include "threads/kept_memory.h"

#include <mutex>
#include <new>

#include "threads/pages.h"

namespace convkit {
namespace {

constexpr std::size_t kLeast = std::size_t{1} << 18;  // smaller ones cost few page faults
constexpr std::size_t kMostKept = std::size_t{1} << 27;

// At the beginning of a block that is kept.
struct Kept {
  Kept* next;
  std::size_t size;
};

struct Blocks {
  std::mutex mutex;
  Kept* first = nullptr;  // the one given last
  std::size_t total = 0;
};

// Never destroyed: a thread may still give something back while the process exits.
Blocks& blocks() {
  static Blocks* const all = new Blocks;
  return *all;
}

}  // namespace

void* takeBlock(std::size_t n) {
  if (n >= kLeast) {
    Blocks& all = blocks();
    const std::lock_guard<std::mutex> lock(all.mutex);
    for (Kept** link = &all.first; *link != nullptr; link = &(*link)->next) {
      Kept* const found = *link;
      if (found->size != n) continue;
      *link = found->next;
      all.total -= n;
      return found;
    }
  }
  void* const memory = ::operator new(n);
  adviseHugePages(memory, n);
  return memory;
}

void giveBlock(void* memory, std::size_t n) noexcept {
  if (n >= kLeast && n <= kMostKept) {
    Blocks& all = blocks();
    const std::lock_guard<std::mutex> lock(all.mutex);
    if (all.total + n <= kMostKept) {
      all.first = new (memory) Kept{all.first, n};
      all.total += n;
      return;
    }
  }
  ::operator delete(memory);
}

void releaseBlocks() {
  Blocks& all = blocks();
  Kept* block;
  {
    const std::lock_guard<std::mutex> lock(all.mutex);
    block = all.first;
    all.first = nullptr;
    all.total = 0;
  }
  while (block != nullptr) {
    Kept* const next = block->next;
    ::operator delete(block);
    block = next;
  }
}

}  // namespace convkit
