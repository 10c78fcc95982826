// The machine's limits, measured: compiled by bench/limits.py with -march=native.
#include <string.h>

typedef float vector __attribute__((vector_size(
#if defined(__AVX512F__)
    64
#elif defined(__AVX__)
    32
#else
    16
#endif
    )));

// Multiply-adds in twelve independent chains, enough to hide the latency of two units. Returns the operations done.
double multiply_adds(long turns) {
  vector acc[12], x = {0}, y = {0};
  for (int i = 0; i < 12; ++i) acc[i] = x + (float)i;
  for (long turn = 0; turn < turns; ++turn) {
    __asm__ volatile("" : "+x"(x), "+x"(y));
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) acc[i] = acc[i] * x + y;
  }
  for (int i = 0; i < 12; ++i) __asm__ volatile("" : : "x"(acc[i]));
  return 2.0 * 12 * (sizeof(vector) / sizeof(float)) * (double)turns;
}

void copy(void* to, const void* from, unsigned long bytes) { memcpy(to, from, bytes); }
