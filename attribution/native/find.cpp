// From the seeds of a text to the ranges of known files that it is like: chains, aligned line by line, as far as
// more is shared than differs.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "align.hpp"
#include "chains.hpp"
#include "checked.hpp"
#include "kernels.hpp"
#include "lane.hpp"

namespace {

using namespace sc;

constexpr uint64_t kMarginLines = 1024;  // lines around a chain, beside as many as the query has, that are looked at
constexpr size_t kMaxComparisons = size_t{1} << 22;  // lines of two texts that are compared one by one
constexpr double kShortLine = 3, kShortLineWeight = 0.6;  // lines of fewer tokens say less
constexpr uint64_t kNaturalGap = 16;  // tokens between two seeds that winnowing keeps, at most, in the full profile
constexpr uint64_t kReachTokens = 512;  // tokens between a chain and the focus that an extension may bridge
constexpr uint32_t kExtensionTokens = 16;  // tokens that a chain may hold beyond its seeds and still be shadowed

class Finder {
public:
    Finder(const Lane& lane, const Query& query, const Limits& limits)
        : lane_(lane), query_(query), limits_(limits), mask_(lane.sketch_bytes == 1 ? 0xFF : 0xFFFF),
          jump_tokens_(lane.sketch_bytes == 1 ? 12 : 5) {}

    // False where the file is damaged.
    bool run(Found* found, size_t capacity, size_t& count) {
        if (!find_chains(lane_, query_, limits_, chains_)) return false;
        prepare_lines();
        return align_chains(found, capacity, count);
    }

    // Compares the whole query with one document, without seeds; `any` tells whether a line is equal.
    bool compare(uint32_t document, Found& found, bool& any) {
        prepare_lines();
        number_tokens();
        uint32_t start, end;
        const uint64_t base = lane_.line_base + 4 * uint64_t{document};
        if (!read_checked(*lane_.table.file, base, start)) return false;
        if (!read_checked(*lane_.table.file, base + 4, end)) return false;
        const Chain whole{0, 0, document, start, end, 0};
        if (start == end) return true;
        if (!load_source(whole, start, end - 1)) return false;
        Range place;
        any = best_place(place);
        if (!any) return true;
        Alignment alignment = align(ours_, theirs_, {0, ours_.size()}, place, {}, jump_tokens_);
        any = !alignment.equal.empty();
        if (!any) return true;
        alignment.query = {alignment.equal.front().first, size_t{alignment.equal.back().first} + 1};
        alignment.source = {alignment.equal.front().second, size_t{alignment.equal.back().second} + 1};
        describe(whole, alignment, found);
        return true;
    }

private:
    // The window of the source in which lines with most tokens are equal to those of the query beside them.
    bool best_place(Range& place) const {
        const size_t rows = ours_.size(), columns = theirs_.size();
        if (rows == 0 || columns == 0 || rows * columns > kMaxComparisons) return false;
        std::vector<uint32_t> votes(rows + columns, 0);
        for (size_t row = 0; row < rows; ++row) {
            for (size_t column = 0; column < columns; ++column) {
                if (ours_.sketches[row] == theirs_.sketches[column]) votes[column + rows - row] += ours_.tokens[row];
            }
        }
        const size_t best = static_cast<size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
        place = {best > rows ? best - rows : 0, std::min(columns, best)};
        return votes[best] > 0;
    }

    uint32_t query_line(size_t hit) const { return chains_.query_line(query_, hit); }
    uint32_t position(size_t hit) const { return chains_.position(query_, hit); }

    void prepare_lines() {
        for (uint32_t line = 1; line <= query_.lines; ++line) {
            const uint16_t sketch = query_.sketches[line - 1] & mask_;
            if (sketch != kBlank) ours_.add(sketch, line);
        }
        first_token_.assign(query_.lines + 2, 0);
        for (uint64_t token = 0; token < query_.tokens; ++token) ++first_token_[query_.token_lines[token] + 1];
        for (size_t line = 1; line < first_token_.size(); ++line) first_token_[line] += first_token_[line - 1];
        for (const uint32_t line : ours_.numbers) ours_.tokens.push_back(first_token_[line + 1] - first_token_[line]);
    }

    bool align_chains(Found* found, size_t capacity, size_t& count) {
        if (chains_.chains.empty()) return true;
        number_tokens();
        std::stable_sort(chains_.chains.begin(), chains_.chains.end(),
                         [](const Chain& a, const Chain& b) { return a.covered > b.covered; });
        std::vector<uint16_t> aligned_at(query_.lines + 2, 0);
        uint32_t aligned = 0;
        for (const Chain& chain : chains_.chains) {
            if (aligned >= limits_.aligned || count >= capacity) break;
            const uint32_t first = query_line(chain.first);
            const uint32_t last = query_line(chain.end - 1);
            if (!may_reach_focus(chain)) continue;
            if (is_crowded(aligned_at, first, last) || is_shadowed(chain, first, last, found, count)) continue;
            ++aligned;
            for (uint32_t line = first; line <= last; ++line) ++aligned_at[line];
            Found candidate;
            if (!align_chain(chain, candidate)) return false;
            if (candidate.tokens >= query_.min_tokens && reaches_focus_) found[count++] = candidate;
        }
        return true;
    }

    // Whether a chain is near enough to the focus to reach into it when it is extended.
    bool may_reach_focus(const Chain& chain) const {
        return uint64_t{position(chain.end - 1)} + kReachTokens >= query_.focus_first &&
               position(chain.first) <= query_.focus_end + kReachTokens;
    }

    bool is_crowded(const std::vector<uint16_t>& aligned_at, uint32_t first, uint32_t last) const {
        for (uint32_t line = first; line <= last; ++line) {
            if (aligned_at[line] < limits_.aligned_a_line) return false;
        }
        return true;
    }

    // Whether a range at hand makes a chain not worth aligning: one of the same document that holds far more
    // around the same place, or of another one, where a quarter would not even count as a copy.
    bool is_shadowed(const Chain& chain, uint32_t first, uint32_t last, const Found* found, size_t count) const {
        const uint32_t seeds_end = position(chain.end - 1) + query_.seed_tokens;
        const uint32_t most = seeds_end - position(chain.first) + kExtensionTokens;
        for (size_t i = 0; i < count; ++i) {
            if (found[i].query_first > first || found[i].query_last < last) continue;
            const bool is_same = found[i].document == chain.document;
            if (found[i].tokens > (is_same ? 2 : 4) * most) return true;
        }
        return false;
    }

    // Reads the lines of the source around lines [lowest, highest] of the segment: as far as an alignment, or the
    // search for the right one of several repetitions, may reach.
    bool load_source(const Chain& chain, uint32_t lowest, uint32_t highest) {
        const uint64_t margin = kMarginLines + query_.lines;
        const uint64_t first = lowest - std::min<uint64_t>(lowest - chain.start_line, margin);
        const uint64_t end = std::min<uint64_t>(chain.end_line, highest + margin + 1);
        const uint64_t at = lane_.sketches + first * lane_.sketch_bytes;
        if (!ensure(*lane_.table.file, at, (end - first) * lane_.sketch_bytes)) return false;
        const uint8_t* bytes = lane_.table.file->base + at;
        theirs_.clear();
        for (uint64_t line = first; line < end; ++line, bytes += lane_.sketch_bytes) {
            uint16_t sketch = bytes[0];
            if (lane_.sketch_bytes == 2) sketch = static_cast<uint16_t>(sketch | bytes[1] << 8);
            if (sketch != kBlank) theirs_.add(sketch, static_cast<uint32_t>(line - chain.start_line + 1));
        }
        uint32_t tokens;
        const uint64_t count_at = lane_.token_counts + 4 * uint64_t{chain.document};
        if (!read_checked(*lane_.table.file, count_at, tokens)) return false;
        const float document_lines = static_cast<float>(std::max(1u, chain.end_line - chain.start_line));
        const float code_share = static_cast<float>(theirs_.size()) / static_cast<float>(std::max<uint64_t>(1, end - first));
        their_tokens_a_line_ = static_cast<float>(tokens) / document_lines / std::max(code_share, 0.01f);
        return true;
    }

    // Ranges of lines of code under the chain; the last seed is as many lines high as it is in the query.
    void ranges_of(const Chain& chain, uint32_t lowest, uint32_t highest, Range& query, Range& source,
                   Anchors& anchors) const {
        const size_t last = chain.end - 1;
        const uint64_t last_token = std::min<uint64_t>(position(last) + query_.seed_tokens, query_.tokens) - 1;
        const uint32_t query_last = static_cast<uint32_t>(query_.token_lines[last_token]);
        const uint32_t height = query_last - query_line(last);
        for (size_t i = chain.first; i < chain.end; ++i) {
            const uint32_t line = chains_.hits[i].line;
            anchors.emplace_back(ours_.at_or_after(query_line(i)), theirs_.at_or_after(line - chain.start_line + 1));
        }
        query = {ours_.at_or_after(query_line(chain.first)), ours_.at_or_after(query_last + 1)};
        source = {theirs_.at_or_after(lowest - chain.start_line + 1),
                  theirs_.at_or_after(highest - chain.start_line + height + 2)};
        query.end = std::max(query.end, query.first);
        source.end = std::max(source.end, source.first);
    }

    bool align_chain(const Chain& chain, Found& found) {
        uint32_t lowest = chains_.hits[chain.first].line, highest = lowest;
        for (size_t i = chain.first; i < chain.end; ++i) {
            lowest = std::min(lowest, chains_.hits[i].line);
            highest = std::max(highest, chains_.hits[i].line);
        }
        if (!load_source(chain, lowest, highest)) return false;
        Range query, source;
        Anchors anchors;
        ranges_of(chain, lowest, highest, query, source, anchors);
        found = Found{};
        if (query.size() == 0 || source.size() == 0) return true;  // sketches and seeds disagree: not a copy
        Alignment alignment = align(ours_, theirs_, query, source, anchors, jump_tokens_);
        describe(chain, alignment, found);
        return true;
    }

    void describe(const Chain& chain, Alignment& alignment, Found& found) {
        mark_shared(chain, alignment);
        cut_to_the_likest(chain, alignment);
        found.document = chain.document;
        found.query_first = ours_.numbers[alignment.query.first];
        found.query_last = ours_.numbers[alignment.query.end - 1];
        found.source_first = theirs_.numbers[alignment.source.first];
        found.source_last = theirs_.numbers[alignment.source.end - 1];
        found.seeds = static_cast<uint32_t>(chain.end - chain.first);
        const uint32_t first = first_token_[found.query_first], end = first_token_[found.query_last + 1];
        found.query_tokens = end - first;
        found.common_seeds = static_cast<uint32_t>(std::lower_bound(chains_.common.begin(), chains_.common.end(), end) -
                                                   std::lower_bound(chains_.common.begin(), chains_.common.end(), first));
        count_shared(first, end, found);
        found.equal_lines = static_cast<uint32_t>(alignment.equal.size());
        uint32_t on_equal_lines = 0;
        for (const auto& pair : alignment.equal) on_equal_lines += ours_.tokens[pair.first];
        const size_t differing = alignment.source.size() - std::min(alignment.source.size(), alignment.equal.size());
        const float estimate = static_cast<float>(on_equal_lines) + static_cast<float>(differing) * their_tokens_a_line_;
        found.source_tokens = std::max(estimate, static_cast<float>(found.tokens));
    }

    void count_shared(uint64_t first, uint64_t end, Found& found) {
        reaches_focus_ = false;
        ++stamp_;
        for (uint64_t token = std::max(first, shared_from_); token < std::min(end, shared_from_ + shared_.size()); ++token) {
            if (!shared_[token - shared_from_]) continue;
            ++found.tokens;
            found.telling += query_.telling[token] != 0;
            uint32_t& seen = seen_[token_ids_[token]];
            found.distinct += seen != stamp_;
            seen = stamp_;
            reaches_focus_ |= token >= query_.focus_first && token < query_.focus_end;
        }
    }

    // Numbers the different tokens of the query, so that those in a range can be counted in one pass.
    void number_tokens() {
        std::vector<uint32_t> order(query_.tokens);
        for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
        const uint64_t* hashes = query_.token_hashes;
        std::sort(order.begin(), order.end(), [hashes](uint32_t a, uint32_t b) { return hashes[a] < hashes[b]; });
        token_ids_.resize(order.size());
        uint32_t id = 0;
        for (size_t i = 0; i < order.size(); ++i) {
            if (i > 0 && hashes[order[i]] != hashes[order[i - 1]]) ++id;
            token_ids_[order[i]] = id;
        }
        seen_.assign(size_t{id} + 1, 0);
    }

    uint32_t shared_on(size_t line) const {
        uint32_t shared = 0;
        const uint32_t number = ours_.numbers[line];
        for (uint64_t token = first_token_[number]; token < first_token_[number + 1]; ++token) {
            if (token >= shared_from_ && token - shared_from_ < shared_.size()) shared += shared_[token - shared_from_];
        }
        return shared;
    }

    // Cuts both ranges to the lines on which most is shared beyond what differs: a range ends where going on would
    // add more that differs.
    void cut_to_the_likest(const Chain& chain, Alignment& alignment) const {
        double sum = 0, best = 0;
        size_t start = alignment.query.first, best_first = start, best_end = start;
        for (size_t line = alignment.query.first; line < alignment.query.end; ++line) {
            const double tokens = ours_.tokens[line];
            sum += (tokens < kShortLine ? kShortLineWeight : 1.0) * (2 * shared_on(line) / tokens - 1);
            if (sum <= 0) {
                sum = 0;
                start = line + 1;
            } else if (sum > best) {
                best = sum;
                best_first = start;
                best_end = line + 1;
            }
        }
        if (best_end == best_first) return;
        if (best_first == alignment.query.first && best_end == alignment.query.end) return;
        size_t lowest = theirs_.size(), highest = 0;
        const auto include = [&](size_t query, size_t source) {
            if (query < best_first || query >= best_end) return;
            lowest = std::min(lowest, source);
            highest = std::max(highest, source + 1);
        };
        for (const auto& pair : alignment.equal) include(pair.first, pair.second);
        for (size_t i = chain.first; i < chain.end; ++i) {
            const size_t source = theirs_.at_or_after(chains_.hits[i].line - chain.start_line + 1);
            if (source >= alignment.source.first && source < alignment.source.end) {
                include(ours_.at_or_after(query_line(i)), source);
            }
        }
        if (lowest >= highest) return;
        const bool head = best_first == alignment.query.first, tail = best_end == alignment.query.end;
        alignment.query = {best_first, best_end};
        alignment.source = {head ? alignment.source.first : lowest, tail ? alignment.source.end : highest};
        const auto outside = [&](const std::pair<uint32_t, uint32_t>& pair) {
            return pair.first < best_first || pair.first >= best_end;
        };
        alignment.equal.erase(std::remove_if(alignment.equal.begin(), alignment.equal.end(), outside),
                              alignment.equal.end());
    }

    // Tokens under the chain's seeds, between seeds that stand no further apart than winnowing leaves them in code
    // that was not changed, and on equal lines.
    void mark_shared(const Chain& chain, const Alignment& alignment) {
        const Range lines = alignment.query;
        shared_from_ = first_token_[ours_.numbers[lines.first]];
        uint64_t end = first_token_[ours_.numbers[lines.end - 1] + 1];
        if (chain.first < chain.end) {
            shared_from_ = std::min<uint64_t>(shared_from_, position(chain.first));
            end = std::max<uint64_t>(end, uint64_t{position(chain.end - 1)} + query_.seed_tokens);
        }
        shared_.assign(std::min(end, query_.tokens) - shared_from_, 0);
        for (size_t i = chain.first; i < chain.end; ++i) {
            const uint64_t seed = position(i);
            const uint64_t next = i + 1 < chain.end ? position(i + 1) : seed;
            mark(seed, seed + query_.seed_tokens);
            if (next <= seed || next - seed > kNaturalGap) continue;
            if (std::abs(chains_.hits[i + 1].diagonal - chains_.hits[i].diagonal) <= 1) mark(seed, next);
        }
        for (const auto& pair : alignment.equal) {
            const uint32_t line = ours_.numbers[pair.first];
            mark(first_token_[line], first_token_[line + 1]);
        }
    }

    void mark(uint64_t first, uint64_t end) {
        end = std::min(end - shared_from_, static_cast<uint64_t>(shared_.size()));
        std::fill(shared_.begin() + (first - shared_from_), shared_.begin() + end, uint8_t{1});
    }

    const Lane& lane_;
    const Query& query_;
    const Limits& limits_;
    const uint16_t mask_;
    const uint32_t jump_tokens_;  // equal tokens behind a gap that make an extension go on: more for narrow sketches
    Chains chains_;
    CodeLines ours_, theirs_;
    std::vector<uint32_t> first_token_;  // by line, from 1
    std::vector<uint8_t> shared_;  // for each query token from shared_from_ on
    uint64_t shared_from_ = 0;
    std::vector<uint32_t> token_ids_;  // for each query token, the same for equal ones
    std::vector<uint32_t> seen_;  // for each id the stamp of the range that met it last
    uint32_t stamp_ = 0;
    float their_tokens_a_line_ = 0;  // average of the source's lines of code
    bool reaches_focus_ = false;
};

}  // namespace

// Finds the ranges of one segment that the query is like, best chains first. `found` has room for `capacity`;
// answers how many were found, or -1 where the file is damaged.
SC_EXPORT int64_t sc_find(const Lane* lane, const Query* query, const Limits* limits, Found* found,
                          uint64_t capacity) {
    if (lane->documents == 0 || query->tokens == 0) return 0;
    size_t count = 0;
    Finder finder(*lane, *query, *limits);
    return finder.run(found, capacity, count) ? static_cast<int64_t>(count) : -1;
}

// Compares the query with one document line by line, without seeds. Answers 1 with `found` filled in, 0 where
// no line is equal, -1 where the file is damaged.
SC_EXPORT int64_t sc_compare(const Lane* lane, const Query* query, const Limits* limits, uint32_t document,
                             Found* found) {
    if (document >= lane->documents || query->tokens == 0) return 0;
    bool any = false;
    *found = Found{};
    Finder finder(*lane, *query, *limits);
    if (!finder.compare(document, *found, any)) return -1;
    return any ? 1 : 0;
}
