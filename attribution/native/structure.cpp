// The structural stream, its seeds and sketches. The definitions stand in attribution/fingerprint/structure.py.
#include "structure.hpp"

#include "kernels.hpp"

using namespace sc;

namespace {

struct StreamSink {
    uint64_t* hashes;
    int32_t* previous;
    int64_t* starts;
    int32_t* lines;
    int64_t capacity;
    int64_t count = 0;
    StructuralGrams grams{};

    void token(const Token& token) {
        const bool is_name = token.kind == TokenKind::NAME;
        const int distance = grams.push(token.hash, is_name);
        if (count >= capacity) return;
        hashes[count] = token.hash;
        previous[count] = is_name ? distance : -1;
        starts[count] = static_cast<int64_t>(token.start);
        lines[count++] = token.line;
    }
    void comment(int32_t, int32_t) {}
};

}  // namespace

// Write hash, distance to the same name (-1 where the token is no name), byte offset and line of each
// structural token to arrays of `capacity` entries; answer how many were written.
SC_EXPORT int64_t sc_structure(const uint8_t* content, int64_t size, const Language* language, uint64_t* hashes,
                               int32_t* previous, int64_t* starts, int32_t* lines, int64_t capacity) {
    StreamSink sink{hashes, previous, starts, lines, capacity};
    lex(content, static_cast<size_t>(size), *language, sink);
    return sink.count;
}

// Write hash and position of each structural k-gram of `count` tokens that says enough to be a seed to
// arrays of `count` entries; answer how many.
SC_EXPORT int64_t sc_structural_seeds(const uint64_t* hashes, const int32_t* previous, int64_t count, uint64_t* seeds,
                                      int32_t* positions) {
    StructuralGrams grams;
    int64_t written = 0;
    for (int64_t at = 0; at < count; ++at) {
        grams.push(hashes[at], previous[at] >= 0);
        if (!grams.is_seed()) continue;
        seeds[written] = grams.hash();
        positions[written++] = static_cast<int32_t>(grams.position());
    }
    return written;
}

// Sketch lines (from 1) of `count` structural tokens into `sketches`, which starts as zeros; all names are alike.
SC_EXPORT void sc_structure_sketches(const uint64_t* hashes, const int32_t* previous, const int32_t* lines,
                                     int64_t count, uint8_t* sketches, int64_t line_count) {
    LineSketcher<uint8_t> sketcher(sketches, line_count);
    for (int64_t at = 0; at < count; ++at) sketcher.add(previous[at] >= 0 ? NAME_SYMBOL : hashes[at], lines[at]);
    sketcher.finish();
}
