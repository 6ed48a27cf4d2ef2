"""What a posting table is to the kernels that read it: ``sc::PostingTable`` of native/postings.hpp."""

from __future__ import annotations

import ctypes

from attribution.errors import IndexCorruptError
from attribution.fingerprint.seeds import KEY_BITS
from attribution.index.arrays import ArrayFile

GREATEST_BUCKET_BITS = 32
GREATEST_WIDTH = 57
"""Bits of a record: those that one unaligned read of 64 bits holds, whatever bit it starts at."""
_GREATEST_PAYLOAD_BITS = 32


class NativeTable(ctypes.Structure):
    """Where a table lies in its file, and the layout of its records."""

    _fields_ = (
        ("file", ctypes.c_void_p),
        ("buckets", ctypes.c_uint64),
        ("records", ctypes.c_uint64),
        ("records_bytes", ctypes.c_uint64),
        ("bucket_bits", ctypes.c_uint32),
        ("payload_bits", ctypes.c_uint32),
    )


def native_table(file: ArrayFile, name: str) -> NativeTable:
    """Describe a table of a file; raise :class:`IndexCorruptError` where its shape is impossible."""
    _, bucket_bits, payload_bits, _ = file[f"{name}_shape"].all().tolist()
    records, buckets = file[f"{name}_records"], file[f"{name}_buckets"]
    is_possible = (
        1 <= bucket_bits <= GREATEST_BUCKET_BITS
        and payload_bits <= _GREATEST_PAYLOAD_BITS
        and KEY_BITS - bucket_bits + payload_bits <= GREATEST_WIDTH
    )
    if not is_possible or len(buckets) != (1 << bucket_bits) + 1:
        raise IndexCorruptError(file.path, f"has a table {name} of an impossible shape")
    return NativeTable(
        file=file.checked_address,
        buckets=buckets.offset,
        records=records.offset,
        records_bytes=len(records),
        bucket_bits=bucket_bits,
        payload_bits=payload_bits,
    )
