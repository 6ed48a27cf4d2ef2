// What each line of a text holds; defined in attribution/fingerprint/line_classes.py.
#include "kernels.hpp"
#include "lexer.hpp"

using namespace sc;

namespace {

enum LineClass : uint8_t { CODE = 1, COMMENT = 2, IMPORT_LINE = 4, OTHER_LINE = 8 };
constexpr int32_t MAX_IMPORT_LINES = 200;

bool is_word(const Token& token) { return token.kind == TokenKind::NAME || token.kind == TokenKind::KEYWORD; }
bool is(const Token& token, char byte) {
    return token.kind == TokenKind::PUNCTUATION && token.byte == static_cast<uint8_t>(byte);
}
bool is_one_of(const Token& token, const char* bytes) {
    return token.kind == TokenKind::PUNCTUATION && token.byte && std::strchr(bytes, token.byte);
}

// Notes for each line whether it holds code or comment, and whether all its code belongs to import statements.
//
// A statement ends at a semicolon or with its line, but for brackets that the language lets hold an import's
// names. Whatever does not fit makes it another statement, with all its lines: so nothing but imports counts.
class LineClassifier {
  public:
    LineClassifier(const Language& language, uint8_t* classes, int64_t line_count)
        : language_(language), classes_(classes), line_count_(line_count) {}

    void token(const Token& token) {
        if (token.line != line_ && !goes_on(token.line)) end();
        mark(token.line, token.last_line, CODE);
        line_ = token.last_line;
        if (is(token, ';') && depth_ == 0) end();
        else take(token);
        previous_ = token;
    }
    void comment(int32_t first, int32_t last) { mark(first, last, COMMENT); }

    // An import whose bracket is open where the text ends is one.
    void finish() {
        if (state_ == State::LISTS && holds_names_) depth_ = 0;
        end();
        for (int64_t line = 0; line < line_count_; ++line)
            classes_[line] &= static_cast<uint8_t>(classes_[line] & OTHER_LINE ? CODE | COMMENT : ~OTHER_LINE);
    }

  private:
    // BEFORE: nothing yet but words that may stand before an import. DECLARES: it is an import if the word
    // that makes it one follows. LISTS, CALLS: an import, by names or by a function's argument.
    enum class State { OTHER, BEFORE, DECLARES, LISTS, CALLS };

    // Whether the statement does not end with its line.
    bool goes_on(int32_t line) const {
        if (is_empty_) return true;
        if (state_ == State::OTHER || state_ == State::BEFORE) return false;
        if (is(previous_, '\\')) return true;
        const bool is_open = depth_ > 0 && (state_ == State::DECLARES || (state_ == State::LISTS && holds_names_));
        return is_open && line - first_line_ < MAX_IMPORT_LINES;
    }

    void end() {
        if (!is_empty_) {
            const bool imports = (state_ == State::LISTS || state_ == State::CALLS) && depth_ == 0;
            mark(first_line_, line_, imports ? IMPORT_LINE : OTHER_LINE);
        }
        is_empty_ = true;
        depth_ = 0;
        state_ = State::BEFORE;
    }

    void take(const Token& token) {
        if (is_empty_) first_line_ = token.line;
        is_empty_ = false;
        switch (state_) {
            case State::BEFORE: return begin(token);
            case State::DECLARES: return declare(token);
            case State::LISTS: return list(token);
            case State::CALLS: return call(token);
            case State::OTHER: return;
        }
    }

    void begin(const Token& token) {
        if (is_word(token) && (token.roles & IMPORT)) start(token);
        else if (is_word(token) && (token.roles & DECLARATOR)) state_ = State::DECLARES;
        else if (!(is_word(token) && (token.roles & MODIFIER)) && !is(token, '#')) refuse();
    }

    void start(const Token& token) {
        state_ = (token.roles & CALLED) ? State::CALLS : State::LISTS;
        is_first_ = true;
        holds_names_ = false;
    }

    void refuse() { state_ = State::OTHER; }

    void declare(const Token& token) {
        const bool has_value = is(previous_, '=');
        if (is_word(token) && (token.roles & DECLARED)) {
            const bool stands_well = !(token.roles & CALLED) || has_value || is(previous_, ',');
            if (depth_ == 0 && stands_well) start(token);
            else refuse();
        } else if (has_value) {
            refuse();
        } else if (is_one_of(token, "{[")) {
            ++depth_;
        } else if (is_one_of(token, "}]")) {
            if (--depth_ < 0) refuse();
        } else if (!is_word(token) && !is_one_of(token, ".,:=<>*$\\")) {
            refuse();
        }
    }

    void list(const Token& token) {
        const bool is_first = is_first_;
        is_first_ = false;
        if (is_one_of(token, "({[")) {
            open(token, is_first);
        } else if (is_one_of(token, ")}]")) {
            if (--depth_ < 0) refuse();
        } else if (is(token, '=') && !(language_.flags & IMPORTS_ALIASES)) {
            if (depth_ == 0) state_ = State::DECLARES;
            else refuse();
        } else if (is(token, ';') || (is_one_of(token, "&|") && depth_ == 0)) {
            refuse();
        } else if (is_first && is(token, '.') && language_.import_bracket != '(') {
            refuse();
        }
    }

    void open(const Token& token, bool is_first) {
        const bool opens_names = token.byte == language_.import_bracket && may_hold_names();
        if (depth_ == 0) holds_names_ = opens_names;
        if (opens_names == holds_names_ && (opens_names || (!is_first && (language_.flags & IMPORTS_BRACKETS))))
            ++depth_;
        else refuse();
    }

    // Whether a bracket that follows the previous token can hold names.
    bool may_hold_names() const {
        if (!is_word(previous_)) return language_.import_joint && is(previous_, static_cast<char>(language_.import_joint));
        if (language_.flags & AFTER_WORDS) return true;
        return (language_.flags & AFTER_IMPORTS) && (previous_.roles & (IMPORT | DECLARED));
    }

    // The argument, and members and calls of what is imported.
    void call(const Token& token) {
        const bool is_first = is_first_;
        is_first_ = false;
        if (is(token, '(')) {
            ++depth_;
        } else if (is(token, ')')) {
            if (--depth_ < 0) refuse();
        } else if (is(token, ',')) {
            if (depth_ > 0) return;
            end();
            state_ = State::DECLARES;
        } else if (is_word(token)) {
            const bool is_member = is(previous_, '.');
            const bool begins_another = !is_first && depth_ == 0 &&
                (is_word(previous_) || previous_.kind == TokenKind::STRING || is(previous_, ')'));
            if (begins_another || (token.kind == TokenKind::KEYWORD && !is_member)) refuse();
        } else if (token.kind == TokenKind::PUNCTUATION) {
            if ((is_first && is(token, '.')) || !is_one_of(token, ".:/$\\")) refuse();
        }
    }

    void mark(int32_t first, int32_t last, uint8_t bit) {
        for (int64_t line = first; line <= last && line <= line_count_; ++line)
            if (bit != IMPORT_LINE || (classes_[line - 1] & CODE)) classes_[line - 1] |= bit;
    }

    const Language& language_;
    uint8_t* classes_;
    int64_t line_count_;
    State state_ = State::BEFORE;
    Token previous_{};
    bool is_empty_ = true;      // no token of the statement yet
    bool is_first_ = false;     // the next token is the first after the import word
    bool holds_names_ = false;  // the open bracket may reach over lines
    int32_t line_ = 0;
    int32_t first_line_ = 0;
    int32_t depth_ = 0;
};

}  // namespace

// Add to `classes`, which starts as zeros, what each line (from 1) holds: 1 code, 2 comment, 4 import.
SC_EXPORT void sc_line_classes(const uint8_t* content, int64_t size, const Language* language, uint8_t* classes,
                               int64_t line_count) {
    LineClassifier sink(*language, classes, line_count);
    lex(content, static_cast<size_t>(size), *language, sink);
    sink.finish();
}
