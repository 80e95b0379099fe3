// Memory in whole pages, from the system and back to it: large pieces lie on huge pages, which are met and
// cleared in a hundredth of the interruptions and read with fewer misses of the address cache.
#pragma once

#include <cstddef>

namespace convkit {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

// At least `size` bytes, more than none, 64-byte aligned, contents undefined; throws std::bad_alloc. What is
// left beyond the last whole huge page is in small ones, which take no memory before they are met.
void* takePages(std::size_t size);
// Gives back what takePages(size) gave.
void givePages(void* memory, std::size_t size) noexcept;

// Has what lies of this memory in whole huge pages be such when it is first met. Advice only.
void adviseHugePages(void* memory, std::size_t bytes) noexcept;

}  // namespace convkit
