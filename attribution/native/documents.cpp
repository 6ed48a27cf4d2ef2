// Reading what a segment knows of its documents: strings that were front-coded, and the places of a content.
#include <cstring>

#include "checked.hpp"

namespace {

constexpr uint64_t BLOCK_STRINGS = 32;

// A part of a mapped file that is read from its beginning on.
struct Reader {
    const uint8_t* at;
    const uint8_t* end;

    // A LEB128 number: seven bits a byte, the least first; the eighth says that more follow.
    bool number(uint64_t& value) {
        value = 0;
        for (int shift = 0; at < end && shift < 63; shift += 7) {
            const uint8_t byte = *at++;
            value |= static_cast<uint64_t>(byte & 127) << shift;
            if (byte < 128) return true;
        }
        return false;
    }
};

}  // namespace

// Copy string `number` of a front-coded list to `string`, of which it fills `capacity` bytes at most, and answer its
// length, or -1 where the file is damaged. The list's blocks of 32 strings start at offsets u64[] of the strings,
// which are `bytes` bytes; both arrays stand in the file at the given offsets.
SC_EXPORT int64_t sc_front_coded(const sc::Mapped* file, uint64_t blocks, uint64_t strings, uint64_t bytes,
                                 uint64_t number, uint8_t* string, uint64_t capacity) {
    const uint64_t entry = blocks + number / BLOCK_STRINGS * sizeof(uint64_t);
    uint64_t bounds[2];
    if (!sc::ensure(*file, entry, sizeof bounds)) return -1;
    std::memcpy(bounds, file->base + entry, sizeof bounds);
    *file->damaged = entry;
    if (bounds[0] > bounds[1] || bounds[1] > bytes) return -1;
    if (!sc::ensure(*file, strings + bounds[0], bounds[1] - bounds[0])) return -1;
    *file->damaged = strings + bounds[0];
    Reader reader{file->base + strings + bounds[0], file->base + strings + bounds[1]};
    uint64_t length = 0;
    for (uint64_t i = 0; i <= number % BLOCK_STRINGS; ++i) {
        uint64_t shared, rest;
        if (!reader.number(shared) || !reader.number(rest)) return -1;
        if (shared > length || rest > static_cast<uint64_t>(reader.end - reader.at)) return -1;
        if (shared < capacity)
            std::memcpy(string + shared, reader.at, rest < capacity - shared ? rest : capacity - shared);
        reader.at += rest;
        length = shared + rest;
    }
    return static_cast<int64_t>(length);
}

// Find `value` in an ascending array of `count` numbers of 32 bits at `offset`: writes the first and the end of its
// places, and answers 0 where the file is damaged.
SC_EXPORT int32_t sc_equal_range(const sc::Mapped* file, uint64_t offset, uint64_t count, uint32_t value,
                                 uint64_t* places) {
    uint32_t found;
    if (!sc::lower_bound(*file, offset, 0, count, value, places[0])) return 0;
    for (places[1] = places[0]; places[1] < count; ++places[1]) {
        if (!sc::read(*file, offset + 4 * places[1], found)) return 0;
        if (found != value) break;
    }
    return 1;
}
