// Large blocks that go round: training packs every filter anew at every step, and a block that the system
// has to clear first takes longer to get than to fill. Kept to their exact sizes, up to a limit.
#pragma once

#include <cstddef>

namespace convkit {

// At least n bytes, contents undefined; throws std::bad_alloc.
void* takeBlock(std::size_t n);
// Gives back what takeBlock(n) gave.
void giveBlock(void* memory, std::size_t n) noexcept;
void releaseBlocks();

}  // namespace convkit
