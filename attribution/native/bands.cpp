// Looking up a MinHash signature's bands in a segment.
#include "checked.hpp"
#include "kernels.hpp"

// Find the documents that share a band with a signature. `keys_at` and `documents_at` are the offsets of two arrays
// uint32[bands][documents]: each band's keys, ascending, and whose they are. Writes at most `capacity` documents,
// one as often as it shares bands; answers how many, or -1 where the file is damaged.
SC_EXPORT int64_t sc_band_members(const sc::Mapped* file, uint64_t keys_at, uint64_t documents_at, uint64_t documents,
                                  const uint32_t* keys, uint64_t bands, uint32_t* found, uint64_t capacity) {
    uint64_t count = 0;
    for (uint64_t band = 0; band < bands; ++band) {
        const uint64_t end = (band + 1) * documents;
        uint64_t at;
        uint32_t value;
        if (!sc::lower_bound(*file, keys_at, band * documents, end, keys[band], at)) return -1;
        for (; at < end && count < capacity; ++at, ++count) {
            if (!sc::read(*file, keys_at + 4 * at, value)) return -1;
            if (value != keys[band]) break;
            if (!sc::read(*file, documents_at + 4 * at, found[count])) return -1;
        }
    }
    return static_cast<int64_t>(count);
}
