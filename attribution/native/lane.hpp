// What is asked of one lane of a segment, and what it answers. Python lays these structs out in index/seek.py.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "postings.hpp"

namespace sc {

// One lane of a segment: its posting table, and the sketches that tell whether lines are equal.
struct Lane {
    PostingTable table;
    uint64_t line_base;  // offset of uint32[documents + 1]: first line of each document
    uint64_t documents;
    uint64_t sketches;  // offset of one sketch a line
    uint64_t sketch_bytes;  // 1 or 2
    uint64_t token_counts;  // offset of uint32[documents]
    const uint8_t* hidden;  // one byte a document, not zero where it was removed; or null
};

// A text prepared for looking up in one lane. Lines count from 1.
struct Query {
    const uint64_t* keys;
    const uint32_t* positions;  // token at which each seed starts, ascending
    uint64_t seeds;
    const uint64_t* token_hashes;
    const int32_t* token_lines;
    const uint8_t* telling;  // for each token, not zero where it says something (is no boilerplate)
    uint64_t tokens;
    const uint16_t* sketches;
    uint64_t lines;
    uint64_t focus_first;  // only ranges that share a token in [focus_first, focus_end) count
    uint64_t focus_end;
    uint32_t seed_tokens;
    uint32_t min_tokens;  // tokens that a range must share
};

struct Limits {
    uint32_t repeats;  // occurrences of one seed in the query that are looked up; more is mere repetition
    uint32_t gap_tokens;  // tokens of foreign code that a copy may hold in one place
    uint32_t diagonal_step;  // lines that one edit may insert or remove before a copy is seen as two
    uint32_t aligned;  // chains that are aligned, best first
    uint32_t aligned_a_line;  // of them, chains that concern the same line of the query
    uint32_t hits;  // hits that are chained, rarest seeds first
};

// What is answered: two ranges of lines (from 1, both ends included) and what they share.
struct Found {
    uint32_t document;
    uint32_t query_first, query_last;
    uint32_t source_first, source_last;
    uint32_t tokens;  // query tokens that the source holds too
    uint32_t telling;  // those of them that are no boilerplate
    uint32_t query_tokens;  // tokens of the query range
    uint32_t seeds;  // seeds of the chain
    uint32_t common_seeds;  // seeds of the query range that are in too many documents to be kept
    uint32_t equal_lines;  // lines of the query range that have their equal in the source range
    uint32_t distinct;  // different tokens among the shared ones
    float source_tokens;  // estimate of the tokens of the source range
};

}  // namespace sc
