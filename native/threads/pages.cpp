#include "threads/pages.h"

#include <cstdint>
#include <limits>
#include <new>

#if defined(__linux__)
#  include <sys/mman.h>
#  include <unistd.h>
#endif

namespace convkit {

#if defined(__linux__)

// Large pieces begin at a huge page's boundary: what lies around them goes back at once.
void* takePages(std::size_t size) {
  const std::size_t spare = size >= kHugePage ? kHugePage : 0;
  if (size > std::numeric_limits<std::size_t>::max() - spare) throw std::bad_alloc();
  void* const found = mmap(nullptr, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) throw std::bad_alloc();
  if (spare == 0) return found;
  char* const begin = static_cast<char*>(found);
  const std::size_t page = static_cast<std::size_t>(getpagesize());
  const std::size_t whole = (size + page - 1) / page * page;
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
  const std::size_t after = (size + spare + page - 1) / page * page - before - whole;
  if (before > 0) munmap(begin, before);
  if (after > 0) munmap(begin + before + whole, after);
  adviseHugePages(begin + before, size);
  return begin + before;
}

void givePages(void* memory, std::size_t size) noexcept { munmap(memory, size); }

#else

constexpr std::size_t kLine = 64;

std::align_val_t alignmentOf(std::size_t size) {
  return std::align_val_t{size >= kHugePage ? kHugePage : kLine};
}

void* takePages(std::size_t size) { return ::operator new(size, alignmentOf(size)); }
void givePages(void* memory, std::size_t size) noexcept { ::operator delete(memory, alignmentOf(size)); }

#endif

void adviseHugePages(void* memory, std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + kHugePage - 1) / kHugePage * kHugePage;
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / kHugePage * kHugePage;
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}

}  // namespace convkit
