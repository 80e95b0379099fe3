#include "binding/freed_memory.h"

#include <cstdlib>
#include <cstring>
#include <mutex>

#if defined(__GLIBC__)
#  include <malloc.h>
#endif

namespace convkit {

#if defined(__GLIBC__)

namespace {

constexpr int kKept = 256 << 20;
constexpr int kLargestKept =
    32 << 20;  // the most that glibc takes: larger blocks come from the system every time

bool decidedByUser() {
  const char* const tunables = std::getenv("GLIBC_TUNABLES");
  return std::getenv("MALLOC_TRIM_THRESHOLD_") != nullptr ||
         std::getenv("MALLOC_MMAP_THRESHOLD_") != nullptr ||
         (tunables != nullptr && std::strstr(tunables, "glibc.malloc.") != nullptr);
}

}  // namespace

void keepFreedMemory() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (decidedByUser()) return;
    mallopt(M_MMAP_THRESHOLD, kLargestKept);
    mallopt(M_TRIM_THRESHOLD, kKept);
  });
}

void returnFreedMemory() { malloc_trim(0); }

#else

void keepFreedMemory() {}
void returnFreedMemory() {}

#endif

}  // namespace convkit
