#include "random/dropout.h"

#include <algorithm>

namespace convkit {
namespace {

void philox(const PhiloxKey& key, uint64_t block, uint32_t words[4]) {
  uint32_t w0 = static_cast<uint32_t>(block), w1 = static_cast<uint32_t>(block >> 32);
  uint32_t w2 = key.stream[0], w3 = key.stream[1], k0 = key.seed[0], k1 = key.seed[1];
  for (int round = 0; round < 10; round++) {
    const uint64_t a = uint64_t{0xd2511f53u} * w0, b = uint64_t{0xcd9e8d57u} * w2;
    w0 = static_cast<uint32_t>(b >> 32) ^ w1 ^ k0;
    w1 = static_cast<uint32_t>(b);
    w2 = static_cast<uint32_t>(a >> 32) ^ w3 ^ k1;
    w3 = static_cast<uint32_t>(a);
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  words[0] = w0;
  words[1] = w1;
  words[2] = w2;
  words[3] = w3;
}

}  // namespace

void runDropoutMask(const PhiloxKey& key, double probability, float* mask, int64_t n,
                    const CancelFlag* cancelled) {
  constexpr int64_t kChunk = 4096;  // elements, whole blocks of four
  const float kept = static_cast<float>(1 / (1 - probability));
  const double least = probability * 16777216;
  parallelFor((n + kChunk - 1) / kChunk, cancelled, [&](int64_t chunk, Scratch&) {
    const int64_t end = std::min(n, (chunk + 1) * kChunk);
    for (int64_t i = chunk * kChunk; i < end; i += 4) {
      uint32_t words[4];
      philox(key, static_cast<uint64_t>(i / 4), words);
      for (int64_t k = 0; k < 4 && i + k < end; k++) mask[i + k] = (words[k] >> 8) < least ? 0.0f : kept;
    }
  });
}

}  // namespace convkit
