// MinHash over word 5-grams: the definition stands in attribution/fingerprint/minhash.py.
#pragma once
#include "winnowing.hpp"

namespace sc {

constexpr int PERMUTATIONS = 128;
constexpr int SHINGLE_WORDS = 5;

// Call `sink` with the 32-bit hash of each run of five lowercased words; of the whole text if it has fewer.
template <class Sink>
void shingles(const uint8_t* content, size_t size, Sink&& sink) {
    Grams grams(SHINGLE_WORDS);
    uint64_t few = 0;
    int64_t words = 0;
    scan<true>(content, size, TABLES.lower, [&](uint64_t hash, size_t, int32_t) {
        if (words++ < SHINGLE_WORDS) few = few * GRAM_MULTIPLIER + hash;
        if (grams.push(hash)) sink(static_cast<uint32_t>(grams.hash() >> 32));
    });
    if (words > 0 && words < SHINGLE_WORDS) sink(static_cast<uint32_t>(mix(few) >> 32));
}

// Lower `minima` to those of `count` shingle hashes under all permutations `a * premix(h) + b` modulo 2^32.
void lower_minima(const uint32_t* hashes, int64_t count, const uint32_t* a, const uint32_t* b, uint32_t* minima);

// The whole way from a text to its signature; `permutations` holds 128 factors, then 128 summands.
void sign(const uint8_t* content, size_t size, const uint32_t* permutations, uint32_t* signature);

}  // namespace sc
