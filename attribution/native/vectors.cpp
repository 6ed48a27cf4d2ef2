// Blocks of code (a line and what is indented below it) as vectors of bits: see attribution/fingerprint/blocks.py,
// which also says what the limits below are for.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels.hpp"
#include "structure.hpp"

using namespace sc;

namespace {

constexpr int BITS = 256;
constexpr int LEAST_LINES = 8;
constexpr int MOST_LINES = 60;
constexpr size_t LEAST_TOKENS = 40;
constexpr size_t MOST_TOKENS = 4096;
constexpr size_t LEAST_GRAMS = 100;
constexpr size_t GRAMS[] = {2, 3, 4, 6};
constexpr int PLACES = 7;  // bits that an n-gram counts for or against; 9 bits of its hash each
constexpr int TAB_COLUMNS = 4;
constexpr uint64_t NUMBER_SYMBOL = mix(0x2545F4914F6CDD1Du);
constexpr uint64_t STRING_SYMBOL = mix(0x9FB21C651E98DF25u);
constexpr uint64_t VALUE_SALT = 0xC2B2AE3D27D4EB4Fu;

// 16 * (1 + ln(count)), rounded: how much an n-gram counts for that occurs so often.
constexpr int32_t FREQUENCY_WEIGHTS[] = {0, 16, 27, 34, 38, 42, 45, 47, 49, 51, 53, 54, 56, 57, 58, 59, 60};

struct CodeLine {
    int32_t number;
    int32_t depth;
    size_t first_token;
    bool opens;      // ends with a bracket that opens, or a colon
    bool closes;     // starts with a bracket that closes, or `end`
    bool has_brace;  // starts with a brace that opens
};

struct Block {
    int32_t first, last;
    size_t first_token, end_token;
};

// Gathers the symbols of the structural stream, and the lines that hold some.
class Outline {
  public:
    Outline(const uint8_t* content, size_t size) : content_(content), size_(size) {}

    void token(const Token& token) {
        if (lines.empty() || lines.back().number != token.line) lines.push_back(line_of(token));
        lines.back().opens = token.kind == TokenKind::PUNCTUATION && std::strchr("{([:", token.byte);
        const bool is_value = token.kind == TokenKind::NUMBER || token.kind == TokenKind::STRING;
        values.push_back(is_value ? mix(token.hash + VALUE_SALT) : 0);
        symbols.push_back(token.kind == TokenKind::NAME     ? NAME_SYMBOL
                          : token.kind == TokenKind::NUMBER ? NUMBER_SYMBOL
                          : token.kind == TokenKind::STRING ? STRING_SYMBOL
                                                            : token.hash);
    }
    void comment(int32_t, int32_t) {}

    std::vector<CodeLine> lines;
    std::vector<uint64_t> symbols;
    std::vector<uint64_t> values;  // hashes of numbers and strings, 0 for other tokens

  private:
    CodeLine line_of(const Token& token) const {
        const bool is_sign = token.kind == TokenKind::PUNCTUATION;
        const bool closes = is_sign ? std::strchr("})]", token.byte) != nullptr : is_end(token.start);
        return {token.line, depth_at(token.start), symbols.size(), false, closes, is_sign && token.byte == '{'};
    }
    bool is_end(size_t at) const {
        return size_ - at >= 3 && std::memcmp(content_ + at, "end", 3) == 0 && (size_ - at == 3 || !is_word(content_[at + 3]));
    }
    int32_t depth_at(size_t at) const {
        int32_t depth = 0;
        for (; at > 0 && (content_[at - 1] == ' ' || content_[at - 1] == '\t'); --at)
            depth += content_[at - 1] == '\t' ? TAB_COLUMNS : 1;
        return depth;
    }

    const uint8_t* content_;
    size_t size_;
};

// Finds the blocks: each line with the deeper ones that follow, and what closes it.
class BlockCutter {
  public:
    explicit BlockCutter(const Outline& outline) : lines_(outline.lines), tokens_(outline.symbols.size()) {}

    std::vector<Block> cut(bool with_whole) {
        for (size_t at = 0; at < lines_.size(); ++at)
            if (!end_blocks(at)) open_.push_back(at);
        while (!open_.empty()) end_last(lines_.size() - 1);
        if (with_whole && !lines_.empty()) add_whole();
        return std::move(blocks_);
    }

  private:
    // End what is not shallower than a line; answer whether the line goes on with a block (`} else {`).
    bool end_blocks(size_t at) {
        const CodeLine& line = lines_[at];
        while (!open_.empty() && lines_[open_.back()].depth >= line.depth) {
            const bool is_level = lines_[open_.back()].depth == line.depth;
            if (is_level && (line.has_brace || (line.closes && line.opens))) return true;
            const bool ends_it = is_level && line.closes;
            end_last(ends_it ? at : at - 1);
            if (ends_it) return true;
        }
        return false;
    }
    void end_last(size_t last) {
        add(open_.back(), last, LEAST_LINES);
        open_.pop_back();
    }
    void add(size_t first, size_t last, int least_lines) {
        const int32_t count = lines_[last].number - lines_[first].number + 1;
        const size_t end_token = last + 1 < lines_.size() ? lines_[last + 1].first_token : tokens_;
        const size_t tokens = end_token - lines_[first].first_token;
        if (count < least_lines || count > MOST_LINES || tokens < LEAST_TOKENS || tokens > MOST_TOKENS) return;
        blocks_.push_back({lines_[first].number, lines_[last].number, lines_[first].first_token, end_token});
    }
    void add_whole() {
        const bool is_there = std::any_of(blocks_.begin(), blocks_.end(), [this](const Block& block) {
            return block.first_token == 0 && block.end_token == tokens_;
        });
        if (!is_there) add(0, lines_.size() - 1, 1);
    }

    const std::vector<CodeLine>& lines_;
    size_t tokens_;
    std::vector<size_t> open_;
    std::vector<Block> blocks_;
};

// Turns blocks into bits: n-grams, hashed, weighed by their logarithmic frequency, projected at random.
class Projector {
  public:
    explicit Projector(const Outline& outline) : outline_(outline) {}

    // Write the bits of a block; false where it says too little to have any.
    bool project(const Block& block, uint8_t* code) {
        gather(block);
        std::sort(grams_.begin(), grams_.end());
        int32_t sums[BITS] = {};
        size_t distinct = 0;
        for (size_t at = 0; at < grams_.size(); ++distinct) {
            size_t end = at + 1;
            while (end < grams_.size() && grams_[end] == grams_[at]) ++end;
            add(grams_[at], end - at, sums);
            at = end;
        }
        if (distinct < LEAST_GRAMS) return false;
        std::memset(code, 0, BITS / 8);
        for (int bit = 0; bit < BITS; ++bit) code[bit / 8] |= static_cast<uint8_t>((sums[bit] > 0) << (bit % 8));
        return true;
    }

  private:
    void gather(const Block& block) {
        grams_.clear();
        for (const size_t length : GRAMS)
            for (size_t at = block.first_token; at + length <= block.end_token; ++at) {
                uint64_t sum = length;
                for (size_t n = 0; n < length; ++n) sum = sum * GRAM_MULTIPLIER + outline_.symbols[at + n];
                grams_.push_back(mix(sum));
            }
        for (size_t at = block.first_token; at < block.end_token; ++at)
            if (outline_.values[at]) grams_.push_back(outline_.values[at]);
    }
    static void add(uint64_t gram, size_t count, int32_t* sums) {
        constexpr size_t known = sizeof(FREQUENCY_WEIGHTS) / sizeof(FREQUENCY_WEIGHTS[0]);
        const int32_t weight = FREQUENCY_WEIGHTS[std::min(count, known - 1)];
        for (int place = 0; place < PLACES; ++place, gram >>= 9)
            sums[gram & (BITS - 1)] += gram & BITS ? weight : -weight;
    }

    const Outline& outline_;
    std::vector<uint64_t> grams_;
};

}  // namespace

// Write first and last line, structural tokens and the bits of each block that says enough, in the order in which
// blocks end; answer how many. `with_whole` adds the whole text where it is short enough.
SC_EXPORT int64_t sc_blocks(const uint8_t* content, int64_t size, const Language* language, int32_t with_whole,
                            uint32_t* firsts, uint32_t* lasts, uint32_t* tokens, uint8_t* codes, int64_t capacity) {
    Outline outline(content, static_cast<size_t>(size));
    lex(content, static_cast<size_t>(size), *language, outline);
    Projector projector(outline);
    int64_t count = 0;
    for (const Block& block : BlockCutter(outline).cut(with_whole != 0)) {
        if (count >= capacity) break;
        if (!projector.project(block, codes + count * (BITS / 8))) continue;
        firsts[count] = static_cast<uint32_t>(block.first);
        lasts[count] = static_cast<uint32_t>(block.last);
        tokens[count++] = static_cast<uint32_t>(block.end_token - block.first_token);
    }
    return count;
}
