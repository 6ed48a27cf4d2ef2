#include "align.hpp"

#include <algorithm>

#include "kernels.hpp"

namespace sc {

namespace {

// Ranges of more lines than this are aligned in pieces, cut where seeds say that both sides meet.
constexpr size_t kPieceLines = 1024;
// The most cells that the search for a better place may compare.
constexpr size_t kMaxComparisons = size_t{1} << 22;
// Anything less than this share of equal lines would find a likeness of short lines in every long file.
constexpr double kNearlyAll = 0.8;
// What lies outside the outermost pair of equal lines may be this many times as long as it is in the query.
constexpr size_t kStretch = 3;
// Tokens of a block that says nothing by itself.
constexpr uint32_t kStrayTokens = 4;
// Lines that an extension may jump over on either side.
constexpr size_t kJumpLines = 3;

using Word = uint64_t;
constexpr size_t kWordBits = 64;

// For each distinct value of a sequence the set of its positions, as rows of bits.
class PositionSets {
public:
    PositionSets(const uint16_t* values, size_t size) : words_((size + kWordBits - 1) / kWordBits) {
        distinct_.assign(values, values + size);
        std::sort(distinct_.begin(), distinct_.end());
        distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
        bits_.assign((distinct_.size() + 1) * words_, 0);
        for (size_t i = 0; i < size; ++i) {
            bits_[index_of(values[i]) * words_ + i / kWordBits] |= Word{1} << (i % kWordBits);
        }
    }

    size_t words() const { return words_; }

    const Word* of(uint16_t value) const { return &bits_[index_of(value) * words_]; }

private:
    // The last row is empty, for values that do not occur.
    size_t index_of(uint16_t value) const {
        const auto found = std::lower_bound(distinct_.begin(), distinct_.end(), value);
        const bool occurs = found != distinct_.end() && *found == value;
        return occurs ? static_cast<size_t>(found - distinct_.begin()) : distinct_.size();
    }

    size_t words_;
    std::vector<uint16_t> distinct_;
    std::vector<Word> bits_;
};

bool bit(const Word* row, size_t index) { return (row[index / kWordBits] >> (index % kWordBits)) & 1; }

// row' = (row + (row & places)) | (row & ~places), over as many words as it takes.
void next_row(const Word* row, const Word* places, Word* result, size_t words) {
    Word carry = 0;
    for (size_t w = 0; w < words; ++w) {
        const Word matching = row[w] & places[w];
        const Word partial = row[w] + matching;
        const Word sum = partial + carry;
        carry = static_cast<Word>(partial < row[w]) | static_cast<Word>(sum < partial);
        result[w] = sum | (row[w] & ~places[w]);
    }
}

// A longest common subsequence, as far left in `right` as possible. Bit-parallel (Hyyrö 2004): a row of the
// dynamic programme is one long integer, whose zero bits mark the columns at which the length grows.
Pairs subsequence(const uint16_t* left, size_t left_size, const uint16_t* right, size_t right_size) {
    Pairs chosen;
    if (left_size == 0 || right_size == 0) return chosen;
    const PositionSets places(right, right_size);
    const size_t words = places.words();
    std::vector<Word> rows((left_size + 1) * words, ~Word{0});
    for (size_t i = 0; i < left_size; ++i) {
        next_row(&rows[i * words], places.of(left[i]), &rows[(i + 1) * words], words);
    }
    size_t line = left_size;
    size_t column = right_size;
    while (line > 0 && column > 0) {
        if (bit(&rows[line * words], column - 1)) {
            --column;
        } else if (!bit(&rows[(line - 1) * words], column - 1)) {
            --line;
        } else {
            --line;
            --column;
            chosen.emplace_back(static_cast<uint32_t>(line), static_cast<uint32_t>(column));
        }
    }
    std::reverse(chosen.begin(), chosen.end());
    return chosen;
}

// One direction of an extension.
struct Side {
    const CodeLines& query;
    const CodeLines& source;
    bool down;
    uint32_t jump_tokens;

    size_t q_at(size_t q, size_t step) const { return down ? q + step : q - 1 - step; }
    bool equal(size_t q, size_t s, size_t q_step, size_t s_step) const {
        const size_t q_room = down ? query.size() - q : q;
        const size_t s_room = down ? source.size() - s : s;
        if (q_step >= q_room || s_step >= s_room) return false;
        return query.sketches[q_at(q, q_step)] == source.sketches[q_at(s, s_step)];
    }
};

// Equal lines from here on, one after another.
size_t equal_run(const Side& side, size_t q, size_t s) {
    size_t run = 0;
    while (side.equal(q, s, run, run)) ++run;
    return run;
}

// Whether, past `q_jump` and `s_jump` lines, enough is equal to believe in the jump: so many tokens, or, behind
// single lines, all that is left of the query.
bool lands(const Side& side, size_t q, size_t s, size_t q_jump, size_t s_jump) {
    uint32_t tokens = 0;
    const size_t room = side.down ? side.query.size() - q : q;
    for (size_t step = 0; side.equal(q, s, q_jump + step, s_jump + step); ++step) {
        tokens += side.query.tokens[side.q_at(q, q_jump + step)];
        if (tokens >= side.jump_tokens) return true;
        if (q_jump + step + 1 == room && q_jump <= 1 && s_jump <= 2) return true;
    }
    return false;
}

// Moves one end of both ranges outwards as long as lines are equal, over small differences if more follows.
void extend(const Side& side, size_t& q, size_t& s) {
    const auto move = [&side](size_t& end, size_t by) { end = side.down ? end + by : end - by; };
    for (;;) {
        const size_t run = equal_run(side, q, s);
        move(q, run);
        move(s, run);
        bool jumped = false;
        for (size_t total = 1; total <= 2 * kJumpLines && !jumped; ++total) {
            for (size_t q_jump = total > kJumpLines ? total - kJumpLines : 0;
                 q_jump <= std::min(total, kJumpLines) && !jumped; ++q_jump) {
                if (!lands(side, q, s, q_jump, total - q_jump)) continue;
                move(q, q_jump);
                move(s, total - q_jump);
                jumped = true;
            }
        }
        if (!jumped) return;
    }
}

void extend_both(const CodeLines& query, const CodeLines& source, uint32_t jump_tokens, Range& q, Range& s) {
    extend(Side{query, source, false, jump_tokens}, q.first, s.first);
    extend(Side{query, source, true, jump_tokens}, q.end, s.end);
}

void append_piece(const CodeLines& query, const CodeLines& source, Range q, Range s, Pairs& pairs) {
    const Pairs found = tightest_subsequence(&query.sketches[q.first], q.size(), &source.sketches[s.first], s.size());
    for (const auto& [left, right] : found) {
        pairs.emplace_back(static_cast<uint32_t>(q.first + left), static_cast<uint32_t>(s.first + right));
    }
}

// The lines of both ranges that are equal, in order; long ranges are cut at anchors first.
Pairs equal_pairs(const CodeLines& query, const CodeLines& source, Range q, Range s, const Anchors& anchors) {
    Pairs pairs;
    for (const auto& [anchor_q, anchor_s] : anchors) {
        if (std::max(q.size(), s.size()) <= kPieceLines) break;
        const bool inside = anchor_q > q.first && anchor_q < q.end && anchor_s > s.first && anchor_s < s.end;
        if (!inside || std::max(anchor_q - q.first, anchor_s - s.first) < kPieceLines / 2) continue;
        append_piece(query, source, {q.first, anchor_q}, {s.first, anchor_s}, pairs);
        q.first = anchor_q;
        s.first = anchor_s;
    }
    if (q.size() > 0 && s.size() > 0 && std::max(q.size(), s.size()) <= 4 * kPieceLines) {
        append_piece(query, source, q, s, pairs);
    }
    return pairs;
}

// The place in the source beside which nearly all lines of the query range are equal, if there is one.
bool better_place(const CodeLines& query, const CodeLines& source, Range q, size_t equal_lines, Range& better) {
    const size_t count = q.size();
    if (equal_lines == count || count * source.size() > kMaxComparisons) return false;
    std::vector<uint32_t> votes(count + source.size(), 0);
    for (size_t row = 0; row < count; ++row) {
        const uint16_t sketch = query.sketches[q.first + row];
        uint32_t* diagonal = &votes[count - row];
        for (size_t column = 0; column < source.size(); ++column) {
            diagonal[column] += source.sketches[column] == sketch;
        }
    }
    const size_t best = static_cast<size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
    if (votes[best] <= std::max(static_cast<double>(equal_lines), kNearlyAll * static_cast<double>(count))) return false;
    better.first = best > count ? best - count : 0;
    better.end = std::min(source.size(), best);
    return better.end > better.first;
}

// Cuts the source range where it reaches further beyond the outermost equal lines than the query does.
// Seeds that repeat within a file can stretch a chain.
void cut_loose_ends(Alignment& found) {
    if (found.equal.empty()) return;
    const auto [first_query, first_source] = found.equal.front();
    const auto [last_query, last_source] = found.equal.back();
    const size_t before = kStretch * (first_query - found.query.first);
    const size_t after = kStretch * (found.query.end - 1 - last_query);
    found.source.first = std::max(found.source.first, first_source > before ? first_source - before : size_t{0});
    found.source.end = std::min(found.source.end, last_source + after + 1);
}

// How many lines of code, from one end of a range on, stand in one block with few tokens, parted from the rest
// by blank lines; 0 where the block says something.
size_t stray_lines(const CodeLines& query, Range range, bool at_end) {
    uint32_t tokens = 0;
    for (size_t count = 1; count < range.size(); ++count) {
        const size_t line = at_end ? range.end - count : range.first + count - 1;
        const size_t next = at_end ? line - 1 : line + 1;
        tokens += query.tokens[line];
        if (tokens > kStrayTokens) return 0;
        const uint32_t a = query.numbers[line], b = query.numbers[next];
        if ((a < b ? b - a : a - b) > 1) return count;
    }
    return 0;
}

// Drops blocks of a few tokens at either end: lone closing braces above a function belong to another one. What
// stands at the very end of the query was asked for.
void drop_stray_ends(const CodeLines& query, Alignment& found) {
    Range& q = found.query;
    Range& s = found.source;
    if (q.first > 0) q.first += stray_lines(query, q, false);
    if (q.end < query.size()) q.end -= stray_lines(query, q, true);
    while (!found.equal.empty() && found.equal.front().first < q.first) {
        s.first = std::min(s.end - 1, std::max(s.first, size_t{found.equal.front().second} + 1));
        found.equal.erase(found.equal.begin());
    }
    while (!found.equal.empty() && found.equal.back().first >= q.end) {
        s.end = std::max(s.first + 1, std::min(s.end, size_t{found.equal.back().second}));
        found.equal.pop_back();
    }
}

}  // namespace

void CodeLines::clear() {
    sketches.clear();
    numbers.clear();
    tokens.clear();
}

void CodeLines::add(uint16_t sketch, uint32_t number) {
    sketches.push_back(sketch);
    numbers.push_back(number);
}

size_t CodeLines::at_or_after(uint32_t number) const {
    return static_cast<size_t>(std::lower_bound(numbers.begin(), numbers.end(), number) - numbers.begin());
}

Pairs tightest_subsequence(const uint16_t* left, size_t left_size, const uint16_t* right, size_t right_size) {
    Pairs forward = subsequence(left, left_size, right, right_size);
    if (forward.empty()) return forward;
    const size_t end = forward.back().second;
    const std::vector<uint16_t> left_backward(std::reverse_iterator(left + left_size), std::reverse_iterator(left));
    const std::vector<uint16_t> right_backward(std::reverse_iterator(right + end + 1), std::reverse_iterator(right));
    Pairs backward = subsequence(left_backward.data(), left_size, right_backward.data(), end + 1);
    std::reverse(backward.begin(), backward.end());
    for (auto& [l, r] : backward) {
        l = static_cast<uint32_t>(left_size - 1 - l);
        r = static_cast<uint32_t>(end - r);
    }
    return backward;
}

Alignment align(const CodeLines& query, const CodeLines& source, Range query_range, Range source_range,
                const Anchors& anchors, uint32_t jump_tokens) {
    Alignment found{query_range, source_range, {}};
    extend_both(query, source, jump_tokens, found.query, found.source);
    found.equal = equal_pairs(query, source, found.query, found.source, anchors);
    Range better;
    if (better_place(query, source, found.query, found.equal.size(), better)) {
        found.source = better;
        extend_both(query, source, jump_tokens, found.query, found.source);
        found.equal = equal_pairs(query, source, found.query, found.source, anchors);
    }
    const Range reached = found.source;
    cut_loose_ends(found);
    if (found.source.first != reached.first || found.source.end != reached.end) {
        // Seeds had stretched the chain, so the first extension started from crooked corners.
        found.query = {found.equal.front().first, size_t{found.equal.back().first} + 1};
        found.source = {found.equal.front().second, size_t{found.equal.back().second} + 1};
        extend_both(query, source, jump_tokens, found.query, found.source);
        found.equal = equal_pairs(query, source, found.query, found.source, anchors);
        cut_loose_ends(found);
    }
    drop_stray_ends(query, found);
    return found;
}

}  // namespace sc

// Indices of a longest common subsequence of two sequences of sketches that spans as little of `right` as it
// can. `pairs` has room for min(left_size, right_size) pairs (left, right); answers how many there are.
SC_EXPORT uint64_t sc_common_subsequence(const uint16_t* left, uint64_t left_size, const uint16_t* right,
                                         uint64_t right_size, uint32_t* pairs) {
    const sc::Pairs found = sc::tightest_subsequence(left, left_size, right, right_size);
    for (size_t i = 0; i < found.size(); ++i) {
        pairs[2 * i] = found[i].first;
        pairs[2 * i + 1] = found[i].second;
    }
    return found.size();
}
