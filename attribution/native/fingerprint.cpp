// Everything that an index keeps of a file, in one call that needs no memory but its outputs.
#include "kernels.hpp"
#include "minhash.hpp"
#include "structure.hpp"

using namespace sc;

namespace {

constexpr uint64_t KEY_MASK = (uint64_t{1} << 40) - 1;

// Winnowed seeds, as they go to disk: 40 bits of hash, and the line of the first token.
struct Postings {
    uint64_t* keys;
    uint32_t* lines;
    int64_t capacity;
    int64_t count = 0;

    void operator()(uint64_t hash, int32_t line) {
        if (count == capacity) return;
        keys[count] = hash & KEY_MASK;
        lines[count++] = static_cast<uint32_t>(line);
    }
};

// Remembers on which line each of the last 32 tokens stood.
class Lines {
  public:
    void push(int32_t line) { ring_[count_++ & 31] = line; }
    int32_t at(int64_t position) const { return ring_[position & 31]; }

  private:
    int64_t count_ = 0;
    int32_t ring_[32] = {};
};

struct StructureSink {
    Postings& postings;
    Winnower<int32_t> winnower;
    LineSketcher<uint8_t> sketcher;
    StructuralGrams grams{};
    Lines lines{};

    void token(const Token& token) {
        const bool is_name = token.kind == TokenKind::NAME;
        sketcher.add(is_name ? NAME_SYMBOL : token.hash, token.line);
        lines.push(token.line);
        grams.push(token.hash, is_name);
        if (grams.is_seed()) winnower.push(grams.hash(), lines.at(grams.position()), postings);
    }
    void comment(int32_t, int32_t) {}
    void finish() {
        winnower.finish(postings);
        sketcher.finish();
    }
};

}  // namespace

// Keep the literal seeds of k tokens that winnowing leaves, with the 16-bit sketch of each of `line_count` lines
// (`sketches` starts as zeros). Seeds go to arrays of `capacity` entries. counts: seeds, tokens.
SC_EXPORT void sc_literal_print(const uint8_t* content, int64_t size, int32_t k, int32_t window, uint64_t* keys,
                                uint32_t* lines, int64_t capacity, uint16_t* sketches, int64_t line_count,
                                int64_t* counts) {
    Postings postings{keys, lines, capacity};
    Grams grams(k);
    Lines places;
    Winnower<int32_t> winnower(window);
    LineSketcher<uint16_t> sketcher(sketches, line_count);
    counts[1] = 0;
    scan<false>(content, static_cast<size_t>(size), TABLES.same, [&](uint64_t hash, size_t, int32_t line) {
        ++counts[1];
        sketcher.add(hash, line);
        places.push(line);
        if (grams.push(hash)) winnower.push(grams.hash(), places.at(grams.position()), postings);
    });
    winnower.finish(postings);
    sketcher.finish();
    counts[0] = postings.count;
}

// The same for the structural stream, with 8-bit sketches; answers the number of seeds.
SC_EXPORT int64_t sc_structural_print(const uint8_t* content, int64_t size, const Language* language, int32_t window,
                                      uint64_t* keys, uint32_t* lines, int64_t capacity, uint8_t* sketches,
                                      int64_t line_count) {
    Postings postings{keys, lines, capacity};
    StructureSink sink{postings, Winnower<int32_t>(window), LineSketcher<uint8_t>(sketches, line_count)};
    lex(content, static_cast<size_t>(size), *language, sink);
    sink.finish();
    return postings.count;
}

// Write the MinHash signature of `content` to 128 entries; `permutations` holds 128 factors, then 128 summands.
SC_EXPORT void sc_sign(const uint8_t* content, int64_t size, const uint32_t* permutations, uint32_t* signature) {
    sign(content, static_cast<size_t>(size), permutations, signature);
}
