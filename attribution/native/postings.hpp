// Reading one posting table of a segment: sorted records of a 40-bit key and a payload, packed bit by bit.
#pragma once
#include <cstdint>
#include <cstring>

#include "checked.hpp"

namespace sc {

constexpr uint32_t kKeyBits = 40;

struct PostingTable {
    const Mapped* file;
    uint64_t buckets;       // offset in the file of uint32[2^bucket_bits + 1]: first record of each bucket
    uint64_t records;       // offset of the packed records
    uint64_t records_bytes;
    uint32_t bucket_bits;
    uint32_t payload_bits;

    uint32_t width() const { return kKeyBits - bucket_bits + payload_bits; }
    uint64_t payload_mask() const { return (uint64_t{1} << payload_bits) - 1; }
    // The payload of a seed that is in too many documents for its places to be kept.
    uint64_t common() const { return payload_mask(); }
};

struct RecordRange {
    uint32_t first;
    uint32_t end;
};

template <typename T>
bool read_checked(const Mapped& file, uint64_t offset, T& value) {
    if (!ensure(file, offset, sizeof(T))) return false;
    std::memcpy(&value, file.base + offset, sizeof(T));
    return true;
}

// The records of the bucket that `key` falls into, all of them verified; false where the file is damaged.
inline bool bucket_of(const PostingTable& table, uint64_t key, RecordRange& range) {
    const uint64_t bucket = key >> (kKeyBits - table.bucket_bits);
    if (!read_checked(*table.file, table.buckets + 4 * bucket, range)) return false;
    const uint64_t first_byte = uint64_t{range.first} * table.width() / 8;
    const uint64_t end_byte = (uint64_t{range.end} * table.width() + 7) / 8 + 8;
    if (range.first > range.end || end_byte > table.records_bytes) {
        *table.file->damaged = table.buckets + 4 * bucket;
        return range.first == range.end;
    }
    return ensure(*table.file, table.records + first_byte, end_byte - first_byte);
}

// Record `index` of a verified bucket: its remaining key bits above its payload.
inline uint64_t record_at(const PostingTable& table, uint64_t index) {
    const uint64_t bit = index * table.width();
    uint64_t word;
    std::memcpy(&word, table.file->base + table.records + (bit >> 3), sizeof(word));
    return (word >> (bit & 7)) & ((uint64_t{1} << table.width()) - 1);
}

// The records of a verified bucket whose key is `key`.
inline RecordRange equal_records(const PostingTable& table, uint64_t key, RecordRange bucket) {
    const uint64_t wanted = (key & ((uint64_t{1} << (kKeyBits - table.bucket_bits)) - 1)) << table.payload_bits;
    const uint64_t beyond = wanted + table.payload_mask();
    while (bucket.first < bucket.end && record_at(table, bucket.first) < wanted) ++bucket.first;
    RecordRange found{bucket.first, bucket.first};
    while (found.end < bucket.end && record_at(table, found.end) <= beyond) ++found.end;
    return found;
}

}  // namespace sc
