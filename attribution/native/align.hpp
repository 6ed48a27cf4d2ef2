// Line by line alignment of two texts by their line sketches.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sc {

constexpr uint16_t kBlank = 0;

// The lines of a text that hold code: their sketches, their numbers from 1, and how many tokens each has
// (left empty for a source, of whose lines that is not known).
struct CodeLines {
    std::vector<uint16_t> sketches;
    std::vector<uint32_t> numbers;
    std::vector<uint32_t> tokens;

    size_t size() const { return numbers.size(); }
    void clear();
    void add(uint16_t sketch, uint32_t number);
    // Index of the first line of code numbered `number` or above.
    size_t at_or_after(uint32_t number) const;
};

// A half-open range of indices into CodeLines.
struct Range {
    size_t first = 0;
    size_t end = 0;

    size_t size() const { return end - first; }
};

using Pairs = std::vector<std::pair<uint32_t, uint32_t>>;

// Two ranges, and which of their lines are equal, in order, as indices (query, source).
struct Alignment {
    Range query;
    Range source;
    Pairs equal;
};

// A line of the query and the line of the source that a seed puts beside it, as indices.
using Anchors = Pairs;

// Extends both ranges over equal lines, finds the lines they share, moves the source range to where nearly all
// lines are equal if seeds led to the wrong one of several repetitions, and cuts loose ends. An extension goes on over a small
// difference if `jump_tokens` equal tokens follow it.
Alignment align(const CodeLines& query, const CodeLines& source, Range query_range, Range source_range,
                const Anchors& anchors, uint32_t jump_tokens);

// Indices of a longest common subsequence that spans as little of `right` as it can.
Pairs tightest_subsequence(const uint16_t* left, size_t left_size, const uint16_t* right, size_t right_size);

}  // namespace sc
