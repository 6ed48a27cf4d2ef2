// The structural stream, its seeds and sketches, and what each line is. The definitions stand in
// attribution/fingerprint/{structure,line_classes}.py.
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

enum LineClass : uint8_t { CODE = 1, COMMENT = 2, IMPORT_LINE = 4 };
constexpr int32_t MAX_IMPORT_LINES = 200;

// Notes for each line whether it holds code, comment, or belongs to an import statement.
class LineClassifier {
  public:
    LineClassifier(const Language& language, uint8_t* classes, int64_t line_count)
        : language_(language), classes_(classes), line_count_(line_count) {}

    void token(const Token& token) {
        mark(token.line, token.last_line, CODE);
        if (token.line != line_) start_line(token);
        else continue_line(token);
        if (state_ == State::IMPORTS) follow(token);
        line_ = token.last_line;
    }
    void comment(int32_t first, int32_t last) { mark(first, last, COMMENT); }

  private:
    enum class State { OTHER, BEFORE, STARTED, DECLARES, IMPORTS };

    void start_line(const Token& token) {
        if (state_ == State::IMPORTS && depth_ > 0 && token.line - first_line_ < MAX_IMPORT_LINES) return;
        depth_ = 0;
        first_line_ = token.line;
        state_ = State::BEFORE;
        begin(token);
    }

    // The first token of a statement, or the one after words that may stand before an import.
    void begin(const Token& token) {
        const bool is_word = token.kind == TokenKind::NAME || token.kind == TokenKind::KEYWORD;
        if (is_word && (token.roles & IMPORT)) start_import();
        else if (is_word && (token.roles & DECLARATOR)) state_ = State::DECLARES;
        else if (!(is_word && (token.roles & MODIFIER)) && !(token.kind == TokenKind::PUNCTUATION && token.byte == '#'))
            state_ = State::OTHER;
    }

    void start_import() { state_ = language_.calls_are_no_imports ? State::STARTED : State::IMPORTS; }

    void continue_line(const Token& token) {
        const bool is_word = token.kind == TokenKind::NAME || token.kind == TokenKind::KEYWORD;
        if (state_ == State::BEFORE) {
            begin(token);
        } else if (state_ == State::STARTED) {
            const bool is_call = token.kind == TokenKind::PUNCTUATION && token.byte == '(';
            state_ = is_call ? State::OTHER : State::IMPORTS;
        } else if (state_ == State::DECLARES && is_word && (token.roles & IMPORT)) {
            state_ = State::IMPORTS;
        }
    }

    void follow(const Token& token) {
        mark(first_line_, first_line_, IMPORT_LINE);
        mark(token.line, token.last_line, IMPORT_LINE);
        if (token.kind != TokenKind::PUNCTUATION) return;
        if (token.byte == '(' || token.byte == '{' || token.byte == '[') ++depth_;
        if (token.byte == ')' || token.byte == '}' || token.byte == ']') --depth_;
    }

    void mark(int32_t first, int32_t last, uint8_t bit) {
        for (int64_t line = first; line <= last && line <= line_count_; ++line) classes_[line - 1] |= bit;
    }

    const Language& language_;
    uint8_t* classes_;
    int64_t line_count_;
    State state_ = State::OTHER;
    int32_t line_ = 0;
    int32_t first_line_ = 0;
    int32_t depth_ = 0;
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

// Add to `classes`, which starts as zeros, what each line (from 1) holds: 1 code, 2 comment, 4 import.
SC_EXPORT void sc_line_classes(const uint8_t* content, int64_t size, const Language* language, uint8_t* classes,
                               int64_t line_count) {
    LineClassifier sink(*language, classes, line_count);
    lex(content, static_cast<size_t>(size), *language, sink);
}
