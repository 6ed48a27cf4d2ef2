// What the compiled part offers. All functions are plain C, own no memory beyond the call, never throw, and
// read and write only the arrays they are given. Sizes count elements unless a name says bytes.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(_WIN32)
#define SC_EXPORT extern "C" __declspec(dllexport)
#else
#define SC_EXPORT extern "C" __attribute__((visibility("default")))
#endif

// The same number as ABI in library.py.
SC_EXPORT int32_t sc_abi();
