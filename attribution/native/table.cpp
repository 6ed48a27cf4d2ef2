// Posting tables on disk: sorted (key, payload) records of equal width, packed bit after bit, under buckets.
// The layout stands in attribution/index/table.py.
#include "kernels.hpp"

#include <cstring>

#include "checked.hpp"
#include "postings.hpp"

namespace {

constexpr int KEY_BITS = sc::kKeyBits;
constexpr uint64_t COMMON = 0xFFFFFFFF;

uint64_t low_bits(uint64_t value, int bits) { return value & ((uint64_t{1} << bits) - 1); }

}  // namespace

// Pack the sorted records of one partition behind `bit_offset` bits (0 to 7), which are those of `carry`.
// `out` has room for (bit_offset + count * width) / 8 + 9 bytes; `buckets` counts the records of each of the
// 2^bucket_bits buckets. Answers the number of bits that `out` then holds; the bits behind them are zero.
SC_EXPORT uint64_t sc_pack(const uint64_t* records, uint64_t count, uint32_t partition, int32_t bucket_bits,
                           int32_t payload_bits, uint64_t bit_offset, uint32_t carry, uint8_t* out,
                           uint32_t* buckets) {
    const int width = KEY_BITS - bucket_bits + payload_bits;
    uint64_t bit = bit_offset;
    out[0] = static_cast<uint8_t>(carry);
    for (uint64_t i = 0; i < count; ++i, bit += width) {
        const uint64_t key = uint64_t{partition} << 32 | records[i] >> 32;
        const uint64_t payload = low_bits(records[i], payload_bits);  // of common records: all ones
        const uint64_t value = low_bits(key, KEY_BITS - bucket_bits) << payload_bits | payload;
        // The byte may hold bits of the record before; the seven behind it are written for the first time.
        const uint64_t word = (bit & 7 ? out[bit >> 3] : 0) | value << (bit & 7);
        std::memcpy(out + (bit >> 3), &word, sizeof word);
        ++buckets[key >> (KEY_BITS - bucket_bits)];
    }
    return bit;
}

// Unpack the buckets [first_bucket, last_bucket): full keys and payloads, COMMON for payloads of all ones.
// `buckets` points to the first record of first_bucket and those behind it, last_bucket's included; `records_at` is
// the offset of the packed array in the file and `record_bytes` its size. `capacity` bounds what is written.
// Answers the number of records, or -1 where the file is damaged.
SC_EXPORT int64_t sc_unpack(const sc::Mapped* file, uint64_t records_at, uint64_t record_bytes,
                            const uint32_t* buckets, uint64_t first_bucket, uint64_t last_bucket, int32_t bucket_bits,
                            int32_t payload_bits, uint64_t* keys, uint32_t* payloads, uint64_t capacity) {
    const int width = KEY_BITS - bucket_bits + payload_bits;
    const uint64_t all_ones = low_bits(~uint64_t{0}, payload_bits);
    uint64_t written = 0;
    for (uint64_t bucket = first_bucket; bucket < last_bucket; ++bucket) {
        const uint64_t first = buckets[bucket - first_bucket], last = buckets[bucket - first_bucket + 1];
        for (uint64_t i = first; i < last && written < capacity; ++i, ++written) {
            const uint64_t bit = i * width;
            if ((bit >> 3) + 8 > record_bytes || !sc::ensure(*file, records_at + (bit >> 3), 8)) return -1;
            uint64_t word;
            std::memcpy(&word, file->base + records_at + (bit >> 3), sizeof word);
            const uint64_t value = low_bits(word >> (bit & 7), width);
            const uint64_t payload = low_bits(value, payload_bits);
            keys[written] = bucket << (KEY_BITS - bucket_bits) | value >> payload_bits;
            payloads[written] = static_cast<uint32_t>(payload == all_ones ? COMMON : payload);
        }
    }
    return static_cast<int64_t>(written);
}
