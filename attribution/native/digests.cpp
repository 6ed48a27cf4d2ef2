// Looking contents up by their git SHA-1: among the sorted digests of a segment, and among those of a segment under
// construction.
#include <cstring>

#include "checked.hpp"

namespace {

constexpr uint64_t DIGEST_BYTES = 20;
constexpr uint32_t ABSENT = 0xFFFFFFFF;

uint64_t head_of(const uint8_t* digest) {
    uint64_t head = 0;
    for (int byte = 0; byte < 8; ++byte) head = head << 8 | digest[byte];
    return head;
}

}  // namespace

// For each of the `wanted_count` digests at `wanted`, write to `found` its document, or 0xFFFFFFFF. The file holds the
// digests of `count` documents at offset `digests`, and at `order` the documents in the order of their digests.
// Digests are evenly spread, so the search starts where a digest should stand and widens from there. Answers 0 where
// the file is damaged.
SC_EXPORT int32_t sc_find_digests(const sc::Mapped* file, uint64_t digests, uint64_t order, uint64_t count,
                                  const uint8_t* wanted, uint64_t wanted_count, uint32_t* found) {
    bool whole = true;
    uint32_t document = ABSENT;
    const auto compare = [&](uint64_t place, const uint8_t* digest) {
        whole = whole && sc::ensure(*file, order + place * sizeof document, sizeof document);
        if (!whole) return 0;
        std::memcpy(&document, file->base + order + place * sizeof document, sizeof document);
        const uint64_t at = digests + document * DIGEST_BYTES;
        whole = document < count && sc::ensure(*file, at, DIGEST_BYTES);
        return whole ? std::memcmp(file->base + at, digest, DIGEST_BYTES) : 0;
    };
    for (uint64_t i = 0; i < wanted_count && whole; ++i) {
        const uint8_t* digest = wanted + i * DIGEST_BYTES;
        found[i] = ABSENT;
        if (count == 0) continue;
        const double share = static_cast<double>(head_of(digest)) / 18446744073709551616.0;
        uint64_t low = static_cast<uint64_t>(share * static_cast<double>(count));
        if (low >= count) low = count - 1;
        uint64_t high = low, step = 16;
        for (; low > 0 && compare(low, digest) > 0; step *= 2) low = low > step ? low - step : 0;
        for (step = 16; high < count && compare(high, digest) < 0; step *= 2) high += step;
        if (high > count) high = count;
        while (low < high) {  // the first digest that is not less
            const uint64_t middle = low + (high - low) / 2;
            if (compare(middle, digest) < 0) low = middle + 1;
            else high = middle;
        }
        if (low < count && compare(low, digest) == 0) found[i] = document;
    }
    return whole;
}

// Number contents in the order in which they are met. `kept` holds the `kept_count` digests met so far and has room
// for `count` more; `slots`, a power of two and more than their sum, is a hash table of their numbers plus one, 0 in
// empty slots. Writes the number of each of the `count` given digests and whether it is new; answers how many there
// are now. With `look_only`, nothing is entered and unknown digests have the number 0xFFFFFFFF.
SC_EXPORT uint64_t sc_number_digests(uint32_t* slots, uint64_t slot_count, uint8_t* kept, uint64_t kept_count,
                                     const uint8_t* given, uint64_t count, int32_t look_only, uint32_t* numbers,
                                     uint8_t* is_new) {
    for (uint64_t i = 0; i < count; ++i) {
        const uint8_t* digest = given + i * DIGEST_BYTES;
        uint64_t slot = head_of(digest) & (slot_count - 1);
        while (slots[slot] && std::memcmp(kept + (slots[slot] - 1) * DIGEST_BYTES, digest, DIGEST_BYTES) != 0)
            slot = (slot + 1) & (slot_count - 1);
        is_new[i] = slots[slot] == 0;
        if (is_new[i] && look_only) {
            numbers[i] = ABSENT;
            continue;
        }
        if (is_new[i]) {
            std::memcpy(kept + kept_count * DIGEST_BYTES, digest, DIGEST_BYTES);
            slots[slot] = static_cast<uint32_t>(++kept_count);
        }
        numbers[i] = slots[slot] - 1;
    }
    return kept_count;
}
