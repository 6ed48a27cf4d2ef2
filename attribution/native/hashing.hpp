// Hashes of tokens, shared by all scanners.
//
// The hash of a token is a polynomial over its bytes modulo 2^64, the first byte at exponent 0, scrambled by
// a bijection. Indexes on disk depend on every constant here.
#pragma once
#include <cstddef>
#include <cstdint>

namespace sc {

constexpr uint64_t TOKEN_MULTIPLIER = 0x9E3779B97F4A7C15u;
constexpr uint64_t GRAM_MULTIPLIER = 0xD6E8FEB86659FD93u;
constexpr uint64_t PLACE_STEP = 0x9E3779B97F4A7C15u;

// The finaliser of splitmix64 (Steele et al. 2014).
constexpr uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

constexpr uint64_t power(uint64_t base, int exponent) {
    uint64_t result = 1;
    for (int i = 0; i < exponent; ++i) result *= base;
    return result;
}

enum ByteClass : uint8_t { WHITE, WORD, PUNCTUATION };

constexpr bool is_word_byte(int byte) {
    return byte >= 128 || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '_';
}

constexpr bool is_white_byte(int byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == 0; }

// Tables over all bytes and over short tokens.
struct Tables {
    uint8_t classes[256];
    uint8_t lower[256];
    uint8_t same[256];
    uint64_t powers[64];

    constexpr Tables() : classes{}, lower{}, same{}, powers{} {
        for (int byte = 0; byte < 256; ++byte) {
            classes[byte] = is_word_byte(byte) ? WORD : is_white_byte(byte) ? WHITE : PUNCTUATION;
            lower[byte] = static_cast<uint8_t>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
            same[byte] = static_cast<uint8_t>(byte);
        }
        uint64_t value = 1;
        for (uint64_t& entry : powers) {
            entry = value;
            value *= TOKEN_MULTIPLIER;
        }
    }
};

inline constexpr Tables TABLES{};

inline bool is_word(uint8_t byte) { return TABLES.classes[byte] == WORD; }

// The polynomial of any bytes.
inline uint64_t polynomial(const uint8_t* data, size_t size) {
    uint64_t sum = 0, factor = 1;
    for (size_t at = 0; at < size; ++at, factor *= TOKEN_MULTIPLIER) sum += (uint64_t{data[at]} + 1) * factor;
    return sum;
}

// Hash the word that starts at `at`, each byte taken through `fold`, and move `at` behind it.
inline uint64_t take_word(const uint8_t* data, size_t size, size_t& at, const uint8_t* fold) {
    const size_t start = at;
    const size_t near = size - start < 64 ? size : start + 64;
    uint64_t sum = 0;
    for (; at < near && is_word(data[at]); ++at) sum += (uint64_t{fold[data[at]]} + 1) * TABLES.powers[at - start];
    if (at == start + 64) {
        uint64_t factor = TABLES.powers[63];
        for (; at < size && is_word(data[at]); ++at) {
            factor *= TOKEN_MULTIPLIER;
            sum += (uint64_t{fold[data[at]]} + 1) * factor;
        }
    }
    return mix(sum);
}

inline uint64_t punctuation_hash(uint8_t byte) { return mix(uint64_t{byte} + 1); }

// Call `sink(hash, start, line)` for each literal token: runs of word bytes, and (unless `words_only`) each
// other byte that is not white. Lines count from 1.
template <bool words_only, class Sink>
inline void scan(const uint8_t* data, size_t size, const uint8_t* fold, Sink&& sink) {
    int32_t line = 1;
    size_t at = 0;
    while (at < size) {
        const uint8_t byte = data[at];
        const size_t start = at;
        switch (TABLES.classes[byte]) {
            case WORD: {
                const uint64_t hash = take_word(data, size, at, fold);
                sink(hash, start, line);
                break;
            }
            case PUNCTUATION:
                ++at;
                if (!words_only) sink(punctuation_hash(byte), start, line);
                break;
            default:
                line += byte == '\n';
                for (++at; at < size && data[at] == ' ';) ++at;
        }
    }
}

}  // namespace sc
