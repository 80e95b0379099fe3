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

// The same of a pointer. GCC keeps integers that it has no register for in vector and mask registers, and
// what comes back from there waits for all the products that were issued before it. And the compiler knows no
// more of the pointer: what it leads to is read anew, what is computed from it is computed from here on.
template <class T>
inline void keepInRegister(T*& pointer) {
  asm("" : "+r"(pointer));
}

}  // namespace
}  // namespace convkit
