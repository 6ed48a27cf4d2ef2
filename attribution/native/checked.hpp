// Reading a mapped index file: no byte is believed before its block was compared with its checksum.
#pragma once
#include <cstring>

#include "kernels.hpp"

namespace sc {

constexpr uint64_t BLOCK_BYTES = 1024;        // of the arrays, under one checksum
constexpr uint64_t TABLE_BLOCK_BYTES = 4096;  // of the checksums, under one checksum of the second table

// A mapped file. Python's ArrayFile fills one in for each file and keeps all that it points to alive.
// Flags only ever turn from 0 to 1, so threads may share them: at worst a block is compared twice.
struct Mapped {
    const uint8_t* base;              // first byte of the file
    uint64_t start, stop;             // offsets of the checked bytes; blocks are counted from start
    const uint32_t* checksums;        // one for each block
    const uint32_t* table_checksums;  // one for each 4 KiB of checksums; these were compared at opening
    uint8_t* verified;                // a flag for each block
    uint8_t* verified_table;          // a flag for each 4 KiB of checksums
    uint64_t* damaged;                // receives the offset of a block that differs, or of bytes out of range
};

// CRC-32C (Castagnoli), as iSCSI and ext4 use it.
uint32_t crc32c(const uint8_t* data, uint64_t bytes);

// Compare one block, and the checksums around its own; false if either differs.
bool check_block(const Mapped& file, uint64_t block);

// Make sure that `bytes` bytes from `offset` of the file may be believed. False leaves the reason in *damaged.
inline bool ensure(const Mapped& file, uint64_t offset, uint64_t bytes) {
    if (bytes == 0) return true;
    if (offset < file.start || offset >= file.stop || bytes > file.stop - offset) {
        *file.damaged = offset;
        return false;
    }
    const uint64_t first = (offset - file.start) / BLOCK_BYTES;
    const uint64_t last = (offset - file.start + bytes - 1) / BLOCK_BYTES;
    for (uint64_t block = first; block <= last; ++block)
        if (!file.verified[block] && !check_block(file, block)) return false;
    return true;
}

// Read the number of 32 bits at an offset; false where the file is damaged.
inline bool read(const Mapped& file, uint64_t offset, uint32_t& value) {
    if (!ensure(file, offset, sizeof value)) return false;
    std::memcpy(&value, file.base + offset, sizeof value);
    return true;
}

// Find the first place from `low` on, before `high`, that holds no less than `value` in an ascending array of numbers of
// 32 bits at `offset`; `high` where there is none. False where the file is damaged.
inline bool lower_bound(const Mapped& file, uint64_t offset, uint64_t low, uint64_t high, uint32_t value,
                        uint64_t& place) {
    uint32_t found = 0;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (!read(file, offset + 4 * middle, found)) return false;
        if (found < value) low = middle + 1;
        else high = middle;
    }
    place = low;
    return true;
}

}  // namespace sc
