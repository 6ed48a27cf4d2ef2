// Any bytes to the tokens of a language, in linear time.
//
// The lexer never fails. A delimiter that is not closed where it must be (a quote at the end of its line, a
// comment at the end of the text) is punctuation, and so are those of its kind up to that end: so no byte is
// looked at more than a fixed number of times, and a text that starts in the middle of something is lexed
// like its surroundings again a line later.
#pragma once
#include <cstring>

#include "hashing.hpp"
#include "language.hpp"

namespace sc {

constexpr uint64_t STRING_SALT = 0x5851F42D4C957F2Du;
constexpr uint64_t FORMAT_STRING = mix(0x14057B7EF767814Fu);

enum class TokenKind : uint8_t { NAME, NUMBER, KEYWORD, STRING, PUNCTUATION };

struct Token {
    TokenKind kind;
    uint8_t byte;       // of punctuation
    uint64_t roles;     // of words
    uint64_t hash;      // of words and punctuation that of the literal token
    size_t start;       // byte offset
    int32_t line;       // from 1
    int32_t last_line;  // the same but for strings of several lines
};

// Calls `sink.token(const Token&)` and `sink.comment(first_line, last_line)`; documentation counts as comment.
template <class Sink>
class Lexer {
  public:
    Lexer(const uint8_t* data, size_t size, const Language& language, Sink& sink)
        : data_(data), size_(size), language_(language), sink_(sink),
          fold_(language.ignores_case ? TABLES.lower : TABLES.same) {}

    void run() {
        while (at_ < size_) {
            const uint8_t byte = data_[at_];
            const uint8_t kind = TABLES.classes[byte];
            if (kind == WHITE) {
                if (byte == '\n') ++line_, line_start_ = at_ + 1;
                for (++at_; at_ < size_ && data_[at_] == ' ';) ++at_;
            } else if (language_.first_rule[byte] == NO_RULE || !take_delimited(byte)) {
                if (kind == WORD) take_word_token();
                else take_punctuation(byte);
            }
        }
    }

  private:
    // The part of a string whose end is known.
    struct Body {
        size_t first, last;
        bool holds_code;
    };

    bool has(size_t at, const uint8_t* bytes, size_t count) const {
        return count <= size_ - at && std::memcmp(data_ + at, bytes, count) == 0;
    }
    bool white_at(size_t at) const { return at >= size_ || TABLES.classes[data_[at]] == WHITE; }

    void take_punctuation(uint8_t byte) {
        emit(TokenKind::PUNCTUATION, punctuation_hash(byte), 0, at_, byte);
        ++at_;
    }

    void take_word_token() {
        const size_t start = at_;
        const uint64_t hash = take_word(data_, size_, at_, fold_);
        const uint64_t roles = language_.roles_of(hash);
        if ((language_.flags & HAS_PREFIXES) && (roles & PREFIX) && take_prefixed(roles, start)) return;
        const uint8_t first = data_[start];
        const TokenKind kind = (roles & KEYWORD) ? TokenKind::KEYWORD
                               : first >= '0' && first <= '9' ? TokenKind::NUMBER : TokenKind::NAME;
        emit(kind, hash, roles, start, first);
    }

    // The string that follows its prefix at once; false where there is none.
    bool take_prefixed(uint64_t roles, size_t start) {
        if (at_ >= size_ || (data_[at_] != '"' && data_[at_] != '\'' && data_[at_] != '#')) return false;
        if (data_[at_] == '#' && !(roles & PREFIX_HASHES)) return false;
        if (roles & PREFIX_HASHES) return take_raw(start, '#', 0, 0);
        if (roles & PREFIX_PARENS) return take_raw(start, 0, '(', ')');
        const uint8_t first = language_.first_rule[data_[at_]];
        if (first == NO_RULE) return false;
        marker_ = (roles & PREFIX_FORMAT) ? '{' : 0;
        const bool taken = take_delimited(data_[at_], start);
        marker_ = 0;
        return taken;
    }

    // Rust's r##"..."## (opener and closer 0) or C++'s R"name(...)name".
    bool take_raw(size_t start, uint8_t fence, uint8_t opener, uint8_t closer) {
        if (at_ < raw_failed_) return false;
        uint8_t end[24];
        size_t end_size = 0, at = at_;
        if (fence) {
            end[end_size++] = '"';
            while (at < size_ && data_[at] == fence && end_size < sizeof end) end[end_size++] = fence, ++at;
            if (at >= size_ || data_[at] != '"') return false;
        } else {
            if (data_[at] != '"') return false;
            end[end_size++] = closer;
            while (at + 1 < size_ && data_[at + 1] != opener && end_size < 20) end[end_size++] = data_[++at];
            if (++at >= size_ || data_[at] != opener) return false;
            end[end_size++] = '"';
        }
        const size_t body = ++at;
        for (; at < size_; ++at)
            if (data_[at] == end[0] && has(at, end, end_size)) {
                emit_string({body, at, false}, start, at + end_size);
                return true;
            }
        raw_failed_ = size_;
        return false;
    }

    // What a rule whose opener stands here takes; false where it is just punctuation.
    bool take_delimited(uint8_t byte) { return take_delimited(byte, at_); }

    bool take_delimited(uint8_t byte, size_t start) {
        for (int index = language_.first_rule[byte]; index < language_.rule_count; ++index) {
            const Rule& rule = language_.rules[index];
            if (rule.opener[0] != byte) break;
            if (has(at_, rule.opener, rule.opener_size) && stands_well(rule, start) && take(rule, index, start))
                return true;
        }
        return false;
    }

    bool stands_well(const Rule& rule, size_t start) const {
        const size_t after = at_ + rule.opener_size;
        if (rule.unless_next && after < size_ && data_[after] == rule.unless_next) return false;
        if ((rule.flags & BEFORE_SPACE) && !white_at(after)) return false;
        if ((rule.flags & AFTER_SPACE) && start > 0 && !white_at(start - 1)) return false;
        if (rule.flags & AT_LINE_START)
            for (size_t at = start; at > line_start_;)
                if (!white_at(--at)) return false;
        return true;
    }

    bool take(const Rule& rule, int index, size_t start) {
        if (rule.kind == LINE_COMMENT) {
            const void* end = std::memchr(data_ + at_, '\n', size_ - at_);
            at_ = end ? static_cast<size_t>(static_cast<const uint8_t*>(end) - data_) : size_;
            sink_.comment(line_, line_);
            return true;
        }
        if (rule.kind == CHARACTER) return take_character(rule, start);
        if (at_ < failed_[index]) return false;
        Body body{at_ + rule.opener_size, 0, false};
        if (!find_end(rule, body)) {
            failed_[index] = body.last;
            return false;
        }
        const size_t after = body.last + rule.closer_size;
        if (rule.kind == STRING) {
            emit_string(body, start, after);
        } else {
            const int32_t first_line = line_;
            move_to(after);
            sink_.comment(first_line, line_);
        }
        return true;
    }

    // Find where the closer starts; false, with the place at which the search ended, where there is none.
    bool find_end(const Rule& rule, Body& body) const {
        const uint8_t marker = rule.marker ? rule.marker : marker_;
        int64_t depth = 1;
        size_t at = body.first;
        for (; at < size_; ++at) {
            const uint8_t byte = data_[at];
            if (byte == rule.closer[0] && has(at, rule.closer, rule.closer_size)) {
                if ((rule.flags & DOUBLED) && has(at + rule.closer_size, rule.closer, rule.closer_size)) {
                    at += 2 * rule.closer_size - 1;
                } else if (--depth == 0) {
                    body.last = at;
                    return true;
                } else {
                    at += rule.closer_size - 1;
                }
            } else if ((rule.flags & ESCAPES) && byte == '\\' && at + 1 < size_ && data_[at + 1] != '\n') {
                ++at;
            } else if ((rule.flags & ONE_LINE) && byte == '\n') {
                break;
            } else if ((rule.flags & NESTED) && byte == rule.opener[0] && has(at, rule.opener, rule.opener_size)) {
                ++depth;
                at += rule.opener_size - 1;
            } else if (marker && byte == marker) {
                body.holds_code = true;
            }
        }
        body.last = at < size_ ? at : size_;
        return false;
    }

    // 'x', '\n', '\u{1F600}': one character or escape between two quotes; else the quote is punctuation.
    bool take_character(const Rule& rule, size_t start) {
        size_t at = at_ + 1;
        if (at >= size_ || data_[at] == rule.closer[0] || data_[at] == '\n') return false;
        const size_t limit = size_ - at < 12 ? size_ : at + 12;
        if (data_[at] == '\\') {
            at += 2;
            while (at < limit && data_[at] != rule.closer[0] && data_[at] != '\n') ++at;
        } else {
            ++at;
            while (at < limit && (data_[at] & 0xC0) == 0x80) ++at;
        }
        if (at >= limit || data_[at] != rule.closer[0]) return false;
        emit_string({at_ + 1, at, false}, start, at + 1);
        return true;
    }

    void emit_string(const Body& body, size_t start, size_t after) {
        const uint64_t hash = body.holds_code ? FORMAT_STRING
                                              : mix(polynomial(data_ + body.first, body.last - body.first) ^ STRING_SALT);
        Token token{TokenKind::STRING, 0, 0, hash, start, line_, line_};
        move_to(after);
        token.last_line = line_;
        sink_.token(token);
    }

    void move_to(size_t place) {
        for (; at_ < place; ++at_)
            if (data_[at_] == '\n') ++line_, line_start_ = at_ + 1;
    }

    void emit(TokenKind kind, uint64_t hash, uint64_t roles, size_t start, uint8_t byte) {
        sink_.token(Token{kind, byte, roles, hash, start, line_, line_});
    }

    const uint8_t* data_;
    size_t size_;
    const Language& language_;
    Sink& sink_;
    const uint8_t* fold_;
    size_t at_ = 0;
    size_t line_start_ = 0;
    int32_t line_ = 1;
    uint8_t marker_ = 0;
    size_t raw_failed_ = 0;
    size_t failed_[MAX_RULES] = {};  // no opener of this rule counts before this offset
};

template <class Sink>
void lex(const uint8_t* data, size_t size, const Language& language, Sink& sink) {
    Lexer<Sink>(data, size, language, sink).run();
}

}  // namespace sc
