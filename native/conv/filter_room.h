// One piece of memory for the packed filters of a network. Each in its own, they were met page by page: the
// first output of GoogLeNet took 13,900 page faults and 97 ms, with a room 5300 and 85, ResNet-50's 21,000
// and 149 ms, 6900 and 125 (one image, one thread, a virtual machine).
#pragma once

#include <cstddef>

namespace convkit {

// What was taken from it lies in it for as long as it is: its filters share it. Two threads never take at
// once.
class FilterRoom {
 public:
  explicit FilterRoom(std::size_t bytes);  // throws std::bad_alloc
  ~FilterRoom();
  FilterRoom(const FilterRoom&) = delete;
  FilterRoom& operator=(const FilterRoom&) = delete;

  // What `floats` take of a room.
  static std::size_t bytesOf(std::size_t floats);
  // 64-byte aligned, contents undefined; null where there is not as much left.
  float* take(std::size_t floats);

 private:
  std::size_t size_, used_ = 0;
  char* memory_;
};

}  // namespace convkit
