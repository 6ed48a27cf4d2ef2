// The words of a text, each once with its count: what the lexical lane keeps of a file.
#include <algorithm>

#include "hashing.hpp"
#include "kernels.hpp"
#include "postings.hpp"

namespace {

constexpr uint64_t kKeyMask = (uint64_t{1} << sc::kKeyBits) - 1;
constexpr uint64_t kMaxCount = (uint64_t{1} << 24) - 1;

// Byte to lowercase byte, 0 where it is not part of a word.
struct Folding {
    uint8_t of[256];
    constexpr Folding() : of() {
        for (int c = 0; c < 256; ++c) of[c] = sc::is_word_byte(c) ? sc::TABLES.lower[c] : 0;
    }
};
constexpr Folding kFolded;

// An open-addressing table of key << 24 | count.
struct Table {
    uint64_t* slots;
    size_t mask;
    uint64_t seed;
    size_t used;

    // Count one word; false where the table is half full.
    bool count(uint64_t key) {
        size_t at = static_cast<size_t>((key * seed) >> 32) & mask;
        while (slots[at] != 0 && slots[at] >> 24 != key) at = (at + 1) & mask;
        if (slots[at] == 0) {
            if (2 * ++used > mask + 1) return false;
            slots[at] = key << 24;
        }
        if ((slots[at] & kMaxCount) != kMaxCount) ++slots[at];
        return true;
    }
};

}  // namespace

// Count the distinct words of `content` that are of two bytes or more, lowercased (ASCII).
// `slots` holds `slot_count` zeros, a power of two up to 2^32; `seed`, odd and random, says which word is looked for
// where, so that nobody can make words that all want one place. The outcome does not depend on it. Answers the
// number of distinct words and leaves that many entries key << 24 | count at the front of `slots`, ascending; -1
// where more slots are needed. A key is the low 40 bits of a hash of the word, never 0.
SC_EXPORT int64_t sc_word_counts(const uint8_t* content, size_t size, uint64_t* slots, size_t slot_count,
                                 uint64_t seed) {
    Table table{slots, slot_count - 1, seed, 0};
    size_t at = 0;
    while (at < size) {
        while (at < size && kFolded.of[content[at]] == 0) ++at;
        const size_t start = at;
        uint64_t hash = 0;
        for (uint8_t folded; at < size && (folded = kFolded.of[content[at]]) != 0; ++at)
            hash = (hash ^ folded) * sc::TOKEN_MULTIPLIER;
        if (at - start < 2) continue;
        const uint64_t key = sc::mix(hash) & kKeyMask;
        if (!table.count(key + (key == 0))) return -1;
    }
    std::remove(slots, slots + slot_count, uint64_t{0});
    std::sort(slots, slots + table.used);
    return static_cast<int64_t>(table.used);
}
