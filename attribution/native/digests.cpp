// Looking contents up by their git SHA-1 among sorted digests.
#include <cstring>

#include "checked.hpp"

namespace {

constexpr uint64_t DIGEST_BYTES = 20;

uint64_t head_of(const uint8_t* digest) {
    uint64_t head = 0;
    for (int byte = 0; byte < 8; ++byte) head = head << 8 | digest[byte];
    return head;
}

}  // namespace

// For each of the `wanted_count` digests at `wanted`, write to `places` its place among the `count` ascending digests
// at `offset` of the file, or 0xFFFFFFFF. Digests are evenly spread, so the search starts where a digest should
// stand and widens from there. Answers 0 where the file is damaged.
SC_EXPORT int32_t sc_find_digests(const sc::Mapped* file, uint64_t offset, uint64_t count, const uint8_t* wanted,
                                  uint64_t wanted_count, uint32_t* places) {
    bool whole = true;
    const auto compare = [&](uint64_t place, const uint8_t* digest) {
        const uint64_t at = offset + place * DIGEST_BYTES;
        if (!sc::ensure(*file, at, DIGEST_BYTES)) {
            whole = false;
            return 0;
        }
        return std::memcmp(file->base + at, digest, DIGEST_BYTES);
    };
    for (uint64_t i = 0; i < wanted_count && whole; ++i) {
        const uint8_t* digest = wanted + i * DIGEST_BYTES;
        places[i] = 0xFFFFFFFF;
        if (count == 0) continue;
        const double share = static_cast<double>(head_of(digest)) / 18446744073709551616.0;
        uint64_t low = static_cast<uint64_t>(share * static_cast<double>(count)), high = low, step = 16;
        if (low >= count) low = high = count - 1;
        while (low > 0 && compare(low, digest) > 0) low = low > step ? low - step : 0, step *= 2;
        for (step = 16; high < count && compare(high, digest) < 0; step *= 2) high += step;
        if (high > count) high = count;
        while (low < high) {  // the first digest that is not less
            const uint64_t middle = low + (high - low) / 2;
            if (compare(middle, digest) < 0) low = middle + 1;
            else high = middle;
        }
        if (low < count && compare(low, digest) == 0) places[i] = static_cast<uint32_t>(low);
    }
    return whole;
}
