#include "minhash.hpp"

#include "kernels.hpp"

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define SC_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define SC_CLONES
#endif

namespace {

constexpr int BLOCK = 512;
constexpr int LANES = 32;

// MurmurHash3's 32-bit finaliser (Appleby).
inline uint32_t premix(uint32_t value) {
    value = (value ^ (value >> 16)) * 0x85EBCA6Bu;
    value = (value ^ (value >> 13)) * 0xC2B2AE35u;
    return value ^ (value >> 16);
}

// One block of premixed hashes under all permutations; the minima of 32 permutations stay in registers.
SC_CLONES void lower_block(const uint32_t* mixed, int64_t count, const uint32_t* a, const uint32_t* b,
                           uint32_t* minima) {
    for (int first = 0; first < sc::PERMUTATIONS; first += LANES) {
        uint32_t factors[LANES], summands[LANES], least[LANES];
        for (int lane = 0; lane < LANES; ++lane) {
            factors[lane] = a[first + lane];
            summands[lane] = b[first + lane];
            least[lane] = minima[first + lane];
        }
        for (int64_t at = 0; at < count; ++at)
            for (int lane = 0; lane < LANES; ++lane) {
                const uint32_t value = mixed[at] * factors[lane] + summands[lane];
                least[lane] = value < least[lane] ? value : least[lane];
            }
        for (int lane = 0; lane < LANES; ++lane) minima[first + lane] = least[lane];
    }
}

}  // namespace

namespace sc {

void lower_minima(const uint32_t* hashes, int64_t count, const uint32_t* a, const uint32_t* b, uint32_t* minima) {
    uint32_t mixed[BLOCK];
    for (int64_t first = 0; first < count; first += BLOCK) {
        const int64_t block = count - first < BLOCK ? count - first : BLOCK;
        for (int64_t at = 0; at < block; ++at) mixed[at] = premix(hashes[first + at]);
        lower_block(mixed, block, a, b, minima);
    }
}

void sign(const uint8_t* content, size_t size, const uint32_t* permutations, uint32_t* signature) {
    for (int at = 0; at < PERMUTATIONS; ++at) signature[at] = 0xFFFFFFFFu;
    uint32_t block[BLOCK];
    int64_t count = 0;
    const auto flush = [&] {
        lower_minima(block, count, permutations, permutations + PERMUTATIONS, signature);
        count = 0;
    };
    shingles(content, size, [&](uint32_t hash) {
        block[count++] = hash;
        if (count == BLOCK) flush();
    });
    flush();
}

}  // namespace sc

// Write the shingle hashes of `content`, in order and with repetitions, to `hashes`; answer how many.
SC_EXPORT int64_t sc_shingle_hashes(const uint8_t* content, int64_t size, uint32_t* hashes, int64_t capacity) {
    int64_t count = 0;
    sc::shingles(content, static_cast<size_t>(size), [&](uint32_t hash) {
        if (count < capacity) hashes[count++] = hash;
    });
    return count;
}

// Lower the 128 `minima` to those of `count` hashes; `permutations` holds 128 factors, then 128 summands.
SC_EXPORT void sc_signature(const uint32_t* hashes, int64_t count, const uint32_t* permutations, uint32_t* minima) {
    sc::lower_minima(hashes, count, permutations, permutations + sc::PERMUTATIONS, minima);
}
