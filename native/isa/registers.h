// What the compiler has to be told about registers. Included once per instruction set.
#pragma once

namespace convkit {
namespace {

// Keeps a vector in its register: GCC would read it from memory wherever it is used.
template <class V>
inline void keepInRegister(V& v) {
#ifdef __x86_64__
  asm("" : "+v"(v));
#else
  asm("" : "+w"(v));
#endif
}

}  // namespace
}  // namespace convkit
