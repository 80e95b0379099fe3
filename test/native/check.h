// What the native tests share: claims that count, seeded numbers, and arrays whose ends are watched. Knows
// nothing of convolutions.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

namespace convkit::test {

struct Tally {
  int64_t checks = 0, failures = 0;
};
inline Tally& tally() {
  static Tally instance;
  return instance;
}

inline bool check(bool holds, const std::string& claim) {
  tally().checks++;
  if (!holds && ++tally().failures <= 20) std::fprintf(stderr, "FAILED %s\n", claim.c_str());
  return holds;
}

// What main returns: prints the count, and fails where nothing was checked at all.
inline int verdict() {
  std::printf("%lld checks, %lld failed\n", static_cast<long long>(tally().checks),
              static_cast<long long>(tally().failures));
  return tally().failures == 0 && tally().checks > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// Seeded numbers (splitmix64): the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  int64_t below(int64_t n) { return static_cast<int64_t>(bits() % static_cast<uint64_t>(n)); }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool chance(int64_t oneIn) { return below(oneIn) == 0; }
  template <class T, std::size_t kCount>
  T of(const T (&choices)[kCount]) {
    return choices[below(kCount)];
  }
  // In (-1, 1) with a full mantissa; now and then a zero of either sign or something tiny.
  float value() {
    const float x = static_cast<float>(static_cast<int64_t>(bits() >> 39) - (1 << 24)) / (1 << 24);
    switch (below(64)) {
      case 0:
        return 0.0f;
      case 1:
        return -0.0f;
      case 2:
        return x * 1e-38f;
      default:
        return x;
    }
  }

 private:
  uint64_t state_;
};

// n floats that end exactly where the allocation ends, so that AddressSanitizer sees the first float too
// many; without it, the words on both sides must keep their pattern. They start four bytes off a vector's
// alignment, as a Float32Array may.
class Floats {
 public:
  explicit Floats(int64_t n) : n_(n), memory_(new uint32_t[static_cast<std::size_t>(n) + kBefore + kAfter]) {
    for (int64_t i = 0; i < kBefore; i++) memory_[i] = kPattern;
    for (int64_t i = 0; i < kAfter; i++) memory_[kBefore + n + i] = kPattern;
    fill(std::numeric_limits<float>::quiet_NaN());
  }
  Floats(int64_t n, Random& random) : Floats(n) {
    for (int64_t i = 0; i < n; i++) (*this)[i] = random.value();
  }
  Floats(Floats&&) = default;
  float* data() { return reinterpret_cast<float*>(memory_.get() + kBefore); }
  const float* data() const { return reinterpret_cast<const float*>(memory_.get() + kBefore); }
  float& operator[](int64_t i) { return data()[i]; }
  float operator[](int64_t i) const { return data()[i]; }
  int64_t size() const { return n_; }
  void fill(float x) {
    for (int64_t i = 0; i < n_; i++) (*this)[i] = x;
  }
  bool intact() const {
    bool whole = true;
    for (int64_t i = 0; i < kBefore; i++) whole &= memory_[i] == kPattern;
    for (int64_t i = 0; i < kAfter; i++) whole &= memory_[kBefore + n_ + i] == kPattern;
    return whole;
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr int64_t kBefore = 1, kAfter = 0;
#else
  static constexpr int64_t kBefore = 17, kAfter = 16;
#endif
  static constexpr uint32_t kPattern = 0xdeadbeef;
  int64_t n_;
  std::unique_ptr<uint32_t[]> memory_;
};

// n floats at a 64-byte boundary, as packed filters are, ending with their allocation.
class AlignedFloats {
 public:
  AlignedFloats(int64_t n, Random& random) : n_(n) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, static_cast<std::size_t>(n > 0 ? n : 1) * sizeof(float)) != 0)
      std::abort();
    data_ = static_cast<float*>(memory);
    for (int64_t i = 0; i < n; i++) data_[i] = random.value();
  }
  AlignedFloats(const AlignedFloats&) = delete;
  AlignedFloats& operator=(const AlignedFloats&) = delete;
  ~AlignedFloats() { std::free(data_); }
  const float* data() const { return data_; }
  float operator[](int64_t i) const { return data_[i]; }

 private:
  int64_t n_;
  float* data_ = nullptr;
};

inline bool sameBits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

// Every float equal in all its bits, and the array's surroundings untouched.
inline bool checkSame(const Floats& actual, const Floats& expected, const std::string& claim) {
  if (!check(actual.intact(), claim + ": wrote outside its array")) return false;
  if (!check(actual.size() == expected.size(), claim + ": lengths differ")) return false;
  for (int64_t i = 0; i < actual.size(); i++) {
    if (sameBits(actual[i], expected[i])) continue;
    char values[96];
    std::snprintf(values, sizeof values, ": at %lld got %a, expected %a", static_cast<long long>(i),
                  static_cast<double>(actual[i]), static_cast<double>(expected[i]));
    return check(false, claim + values);
  }
  return check(true, claim);
}

}  // namespace convkit::test
