#include "conv/filter_room.h"

#include <new>

#include "threads/pages.h"

namespace convkit {
namespace {

constexpr std::size_t kLine = 64;
// Smaller rooms are left to the C allocator.
constexpr std::size_t kMapped = std::size_t{1} << 18;
// Rounded up to whole huge pages where no more than this is lost.
constexpr std::size_t kMostLost = std::size_t{1} << 19;

std::size_t rounded(std::size_t bytes) {
  const std::size_t lost = (kHugePage - bytes % kHugePage) % kHugePage;
  return bytes > kHugePage && lost <= kMostLost ? bytes + lost : bytes;
}

}  // namespace

FilterRoom::FilterRoom(std::size_t bytes) : size_(rounded(bytes)) {
  memory_ = static_cast<char*>(size_ >= kMapped ? takePages(size_)
                                                : ::operator new (size_, std::align_val_t{kLine}));
}

FilterRoom::~FilterRoom() {
  if (size_ >= kMapped) givePages(memory_, size_);
  else ::operator delete (memory_, std::align_val_t{kLine});
}

std::size_t FilterRoom::bytesOf(std::size_t floats) {
  return (floats * sizeof(float) + kLine - 1) / kLine * kLine;
}

float* FilterRoom::take(std::size_t floats) {
  const std::size_t bytes = bytesOf(floats);
  if (bytes > size_ - used_) return nullptr;
  float* const taken = reinterpret_cast<float*>(memory_ + used_);
  used_ += bytes;
  return taken;
}

}  // namespace convkit
