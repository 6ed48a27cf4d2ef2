// CRC-32C and the checking of blocks.
#include "checked.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <nmmintrin.h>
#define SC_CRC_X86 1
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define SC_CRC_ARM 1
#endif

namespace {

constexpr uint32_t POLYNOMIAL = 0x82F63B78;  // Castagnoli, bits reversed

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// Slicing by eight (Kounavis and Berry 2005): table t holds the effect of a byte that t more bytes follow.
constexpr Tables make_tables() {
    Tables tables{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][byte] = crc;
    }
    for (size_t t = 1; t < 8; ++t)
        for (size_t byte = 0; byte < 256; ++byte)
            tables[t][byte] = (tables[t - 1][byte] >> 8) ^ tables[0][tables[t - 1][byte] & 0xFF];
    return tables;
}

constexpr Tables TABLES = make_tables();

uint64_t load(const uint8_t* data) {
    uint64_t value;
    std::memcpy(&value, data, sizeof value);
    return value;
}

uint32_t by_tables(uint32_t crc, const uint8_t* data, uint64_t bytes) {
    for (; bytes >= 8; data += 8, bytes -= 8) {
        const uint64_t mixed = load(data) ^ crc;
        crc = 0;
        for (int byte = 0; byte < 8; ++byte) crc ^= TABLES[7 - byte][(mixed >> (8 * byte)) & 0xFF];
    }
    for (; bytes; ++data, --bytes) crc = (crc >> 8) ^ TABLES[0][(crc ^ *data) & 0xFF];
    return crc;
}

#if defined(SC_CRC_X86)
__attribute__((target("sse4.2"))) uint32_t by_hardware(uint32_t crc, const uint8_t* data, uint64_t bytes) {
    uint64_t wide = crc;
    for (; bytes >= 8; data += 8, bytes -= 8) wide = _mm_crc32_u64(wide, load(data));
    crc = static_cast<uint32_t>(wide);
    for (; bytes; ++data, --bytes) crc = _mm_crc32_u8(crc, *data);
    return crc;
}
const bool HAS_HARDWARE = __builtin_cpu_supports("sse4.2") != 0;
#elif defined(SC_CRC_ARM)
uint32_t by_hardware(uint32_t crc, const uint8_t* data, uint64_t bytes) {
    for (; bytes >= 8; data += 8, bytes -= 8) crc = __crc32cd(crc, load(data));
    for (; bytes; ++data, --bytes) crc = __crc32cb(crc, *data);
    return crc;
}
constexpr bool HAS_HARDWARE = true;
#else
constexpr bool HAS_HARDWARE = false;
uint32_t by_hardware(uint32_t crc, const uint8_t*, uint64_t) { return crc; }
#endif

// Compare the 4 KiB of the table in which the checksum of `block` stands.
bool check_table(const sc::Mapped& file, uint64_t block) {
    const uint64_t part = block * sizeof(uint32_t) / sc::TABLE_BLOCK_BYTES;
    if (file.verified_table[part]) return true;
    const auto* table = reinterpret_cast<const uint8_t*>(file.checksums);
    const uint64_t at = part * sc::TABLE_BLOCK_BYTES;
    const uint64_t table_bytes = (file.stop - file.start) / sc::BLOCK_BYTES * sizeof(uint32_t);
    const uint64_t bytes = table_bytes - at < sc::TABLE_BLOCK_BYTES ? table_bytes - at : sc::TABLE_BLOCK_BYTES;
    if (sc::crc32c(table + at, bytes) != file.table_checksums[part]) {
        *file.damaged = static_cast<uint64_t>(table + at - file.base);
        return false;
    }
    file.verified_table[part] = 1;
    return true;
}

}  // namespace

namespace sc {

uint32_t crc32c(const uint8_t* data, uint64_t bytes) {
    const uint32_t crc = HAS_HARDWARE ? by_hardware(~0u, data, bytes) : by_tables(~0u, data, bytes);
    return ~crc;
}

bool check_block(const Mapped& file, uint64_t block) {
    if (!check_table(file, block)) return false;
    const uint64_t at = file.start + block * BLOCK_BYTES;
    if (crc32c(file.base + at, BLOCK_BYTES) != file.checksums[block]) {
        *file.damaged = at;
        return false;
    }
    file.verified[block] = 1;
    return true;
}

}  // namespace sc

// CRC-32C of each `block_bytes` of `data`, the last block as long as it is: ceil(bytes / block_bytes) values.
// `in_software` leaves the processor's instruction unused, so that tests reach both ways.
SC_EXPORT void sc_checksums(const uint8_t* data, uint64_t bytes, uint64_t block_bytes, int32_t in_software,
                            uint32_t* out) {
    for (uint64_t at = 0; at < bytes; at += block_bytes, ++out) {
        const uint64_t length = bytes - at < block_bytes ? bytes - at : block_bytes;
        *out = in_software ? ~by_tables(~0u, data + at, length) : sc::crc32c(data + at, length);
    }
}

// 1 if `bytes` bytes from `offset` of the file may be believed; 0 leaves an offset in *file->damaged.
SC_EXPORT int32_t sc_ensure(const sc::Mapped* file, uint64_t offset, uint64_t bytes) {
    return sc::ensure(*file, offset, bytes);
}
