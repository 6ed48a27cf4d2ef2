// Looking up a MinHash signature's bands in a segment.
#include "checked.hpp"
#include "kernels.hpp"

#include <cstring>

namespace {

bool read(const sc::Mapped& file, uint64_t offset, uint32_t& value) {
    if (!sc::ensure(file, offset, sizeof value)) return false;
    std::memcpy(&value, file.base + offset, sizeof value);
    return true;
}

}  // namespace

// Find the documents that share a band with a signature. `keys_at` and `documents_at` are the offsets of two arrays
// uint32[bands][documents]: each band's keys, ascending, and whose they are. Writes at most `capacity` documents,
// one as often as it shares bands; answers how many, or -1 where the file is damaged.
SC_EXPORT int64_t sc_band_members(const sc::Mapped* file, uint64_t keys_at, uint64_t documents_at, uint64_t documents,
                                  const uint32_t* keys, uint64_t bands, uint32_t* found, uint64_t capacity) {
    uint64_t count = 0;
    for (uint64_t band = 0; band < bands; ++band) {
        const uint64_t end = (band + 1) * documents;
        uint64_t low = band * documents, high = end;
        uint32_t value = 0;
        while (low < high) {
            const uint64_t middle = (low + high) / 2;
            if (!read(*file, keys_at + 4 * middle, value)) return -1;
            if (value < keys[band]) low = middle + 1;
            else high = middle;
        }
        for (; low < end && count < capacity; ++low, ++count) {
            if (!read(*file, keys_at + 4 * low, value)) return -1;
            if (value != keys[band]) break;
            if (!read(*file, documents_at + 4 * low, found[count])) return -1;
        }
    }
    return static_cast<int64_t>(count);
}
