// From the seeds of a text to the ranges of known files that it is like: look up, chain, align.
//
// As sequence aligners do: hits of one document that lie on nearby diagonals (source line minus query line) and
// follow each other within bounded gaps belong to one copy. Lines are counted through the whole segment, so
// hits can be chained before anybody asks which document they lie in.
#include <algorithm>
#include <vector>

#include "align.hpp"
#include "checked.hpp"
#include "kernels.hpp"
#include "postings.hpp"

namespace {

using sc::CodeLines;
using sc::Range;

// One lane of a segment: its posting table, and the sketches that tell whether lines are equal.
struct Lane {
    sc::PostingTable table;
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
    uint32_t repeats;  // a seed that occurs more often in the query is mere repetition
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
    float source_tokens;  // estimate of the tokens of the source range
};

struct Hit {
    uint32_t line;  // in the segment, from 0
    uint32_t seed;  // index into the query's seeds
};

struct Chain {
    size_t first, end;  // in the vector of chained hits
    uint32_t document;
    uint32_t start_line, end_line;  // of the document, in the segment
    uint32_t covered;  // query tokens under the seeds
};

constexpr size_t kMaxComparisons = size_t{1} << 22;  // lines of two texts that are compared one by one
constexpr double kShortLine = 3, kShortLineWeight = 0.6;  // lines of fewer tokens say less
constexpr uint32_t kExtensionTokens = 16;  // tokens that a chain may hold beyond its seeds and still be shadowed

class Finder {
public:
    Finder(const Lane& lane, const Query& query, const Limits& limits)
        : lane_(lane), query_(query), limits_(limits), mask_(lane.sketch_bytes == 1 ? 0xFF : 0xFFFF),
          jump_tokens_(lane.sketch_bytes == 1 ? 12 : 5) {}

    // False where the file is damaged.
    bool run(Found* found, size_t capacity, size_t& count) {
        if (!look_up()) return false;
        if (!chain_hits()) return false;
        prepare_lines();
        return align_chains(found, capacity, count);
    }

    // Compares the whole query with one document, without seeds; `any` tells whether a line is equal.
    bool compare(uint32_t document, Found& found, bool& any) {
        prepare_lines();
        uint32_t start, end;
        const uint64_t base = lane_.line_base + 4 * uint64_t{document};
        if (!sc::read_checked(*lane_.table.file, base, start)) return false;
        if (!sc::read_checked(*lane_.table.file, base + 4, end)) return false;
        const Chain whole{0, 0, document, start, end, 0};
        if (!load_source(whole)) return false;
        Range place;
        any = best_place(place);
        if (!any) return true;
        sc::Alignment alignment = sc::align(ours_, theirs_, {0, ours_.size()}, place, {}, jump_tokens_);
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

    int64_t diagonal(const Hit& hit) const { return int64_t{hit.line} - query_line(hit); }
    int32_t query_line(const Hit& hit) const { return query_.token_lines[position(hit)]; }
    uint32_t position(const Hit& hit) const { return query_.positions[hit.seed]; }

    // Collects the places of the query's seeds, and which of them are common.
    bool look_up() {
        struct Place {
            uint32_t size, seed, first;
        };
        std::vector<Place> places;
        for (const uint32_t seed : unrepeated_seeds()) {
            sc::RecordRange bucket;
            if (!sc::bucket_of(lane_.table, query_.keys[seed], bucket)) return false;
            const sc::RecordRange equal = sc::equal_records(lane_.table, query_.keys[seed], bucket);
            if (equal.end == equal.first) continue;
            const uint64_t last = sc::record_at(lane_.table, equal.end - 1) & lane_.table.payload_mask();
            if (last == lane_.table.common()) {
                common_.push_back(query_.positions[seed]);
            } else {
                places.push_back({equal.end - equal.first, seed, equal.first});
            }
        }
        std::sort(common_.begin(), common_.end());
        std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.size < b.size; });
        for (const Place& place : places) {
            if (hits_.size() + place.size > limits_.hits) break;
            for (uint32_t i = 0; i < place.size; ++i) {
                const uint64_t record = sc::record_at(lane_.table, place.first + i);
                hits_.push_back({static_cast<uint32_t>(record & lane_.table.payload_mask()), place.seed});
            }
        }
        return true;
    }

    // Seeds in the order of their keys (which is the order of the table), without mere repetition.
    std::vector<uint32_t> unrepeated_seeds() const {
        std::vector<uint32_t> order(query_.seeds);
        for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(), [this](uint32_t a, uint32_t b) {
            return query_.keys[a] != query_.keys[b] ? query_.keys[a] < query_.keys[b] : a < b;
        });
        size_t kept = 0;
        for (size_t i = 0; i < order.size();) {
            size_t end = i;
            while (end < order.size() && query_.keys[order[end]] == query_.keys[order[i]]) ++end;
            if (end - i <= limits_.repeats) {
                for (size_t j = i; j < end; ++j) order[kept++] = order[j];
            }
            i = end;
        }
        order.resize(kept);
        return order;
    }

    // Orders hits by diagonal and cuts them into bands, bands into chains.
    bool chain_hits() {
        std::sort(hits_.begin(), hits_.end(), [this](const Hit& a, const Hit& b) {
            const int64_t left = diagonal(a), right = diagonal(b);
            return left != right ? left < right : a.seed < b.seed;
        });
        for (size_t i = 0; i < hits_.size();) {
            size_t end = i + 1;
            while (end < hits_.size() && diagonal(hits_[end]) - diagonal(hits_[end - 1]) <= limits_.diagonal_step) ++end;
            if (!(end - i == 1 ? chain_lone(hits_[i]) : chain_band(i, end))) return false;
            i = end;
        }
        return true;
    }

    // A lone seed counts only if a whole line at it is equal as well.
    bool chain_lone(const Hit& hit) {
        const uint32_t line = static_cast<uint32_t>(query_line(hit));
        bool equal = false;
        for (uint32_t step = 0; step <= 1 && !equal; ++step) {
            uint16_t sketch = 0;
            if (line + step > query_.lines) break;
            if (!sketch_of(uint64_t{hit.line} + step, sketch)) return false;
            equal = sketch != sc::kBlank && sketch == (query_.sketches[line + step - 1] & mask_);
        }
        if (!equal) return true;
        uint32_t document, start, end;
        if (!document_of(hit.line, document, start, end)) return false;
        kept_.push_back(hit);
        add_chain(kept_.size() - 1, document, start, end);
        return true;
    }

    // Cuts a band at document boundaries first.
    bool chain_band(size_t first, size_t end) {
        std::sort(hits_.begin() + first, hits_.begin() + end, [](const Hit& a, const Hit& b) { return a.line < b.line; });
        for (size_t i = first; i < end;) {
            uint32_t document, start, stop;
            if (!document_of(hits_[i].line, document, start, stop)) return false;
            size_t next = i;
            while (next < end && hits_[next].line < stop) ++next;
            if (next - i == 1) {
                if (!chain_lone(hits_[i])) return false;
            } else {
                chain_document(i, next, document, start, stop);
            }
            i = next;
        }
        return true;
    }

    // Of each seed keeps the hit nearest to the band's middle: repetitive code meets itself on many diagonals at
    // once, which lie evenly around the true one.
    void chain_document(size_t first, size_t end, uint32_t document, uint32_t start, uint32_t stop) {
        std::vector<int64_t> diagonals;
        for (size_t i = first; i < end; ++i) diagonals.push_back(diagonal(hits_[i]));
        std::nth_element(diagonals.begin(), diagonals.begin() + diagonals.size() / 2, diagonals.end());
        const int64_t middle = diagonals[diagonals.size() / 2];
        std::sort(hits_.begin() + first, hits_.begin() + end, [this, middle](const Hit& a, const Hit& b) {
            if (a.seed != b.seed) return a.seed < b.seed;
            const int64_t left = std::abs(diagonal(a) - middle), right = std::abs(diagonal(b) - middle);
            return left != right ? left < right : a.line < b.line;
        });
        size_t chain = kept_.size();
        for (size_t i = first; i < end; ++i) {
            if (i > first && hits_[i].seed == hits_[i - 1].seed) continue;
            if (kept_.size() > chain && breaks(kept_.back(), hits_[i])) {
                add_chain(chain, document, start, stop);
                chain = kept_.size();
            }
            kept_.push_back(hits_[i]);
        }
        add_chain(chain, document, start, stop);
    }

    bool breaks(const Hit& before, const Hit& after) const {
        return position(after) - position(before) > limits_.gap_tokens ||
               int64_t{after.line} < int64_t{before.line} - limits_.diagonal_step;
    }

    void add_chain(size_t first, uint32_t document, uint32_t start, uint32_t stop) {
        uint32_t covered = query_.seed_tokens;
        for (size_t i = first + 1; i < kept_.size(); ++i) {
            covered += std::min(position(kept_[i]) - position(kept_[i - 1]), query_.seed_tokens);
        }
        if (lane_.hidden == nullptr || lane_.hidden[document] == 0) {
            chains_.push_back({first, kept_.size(), document, start, stop, covered});
        }
    }

    bool document_of(uint32_t line, uint32_t& document, uint32_t& start, uint32_t& end) const {
        uint64_t low = 0, high = lane_.documents;
        while (high - low > 1) {
            const uint64_t middle = (low + high) / 2;
            uint32_t base;
            if (!sc::read_checked(*lane_.table.file, lane_.line_base + 4 * middle, base)) return false;
            (base <= line ? low : high) = middle;
        }
        document = static_cast<uint32_t>(low);
        return sc::read_checked(*lane_.table.file, lane_.line_base + 4 * low, start) &&
               sc::read_checked(*lane_.table.file, lane_.line_base + 4 * (low + 1), end);
    }

    bool sketch_of(uint64_t line, uint16_t& sketch) const {
        const uint64_t at = lane_.sketches + line * lane_.sketch_bytes;
        if (lane_.sketch_bytes == 2) return sc::read_checked(*lane_.table.file, at, sketch);
        uint8_t narrow;
        if (!sc::read_checked(*lane_.table.file, at, narrow)) return false;
        sketch = narrow;
        return true;
    }

    void prepare_lines() {
        for (uint32_t line = 1; line <= query_.lines; ++line) {
            const uint16_t sketch = query_.sketches[line - 1] & mask_;
            if (sketch != sc::kBlank) ours_.add(sketch, line);
        }
        first_token_.assign(query_.lines + 2, 0);
        for (uint64_t token = 0; token < query_.tokens; ++token) ++first_token_[query_.token_lines[token] + 1];
        for (size_t line = 1; line < first_token_.size(); ++line) first_token_[line] += first_token_[line - 1];
        for (const uint32_t line : ours_.numbers) ours_.tokens.push_back(first_token_[line + 1] - first_token_[line]);
    }

    bool align_chains(Found* found, size_t capacity, size_t& count) {
        std::stable_sort(chains_.begin(), chains_.end(),
                         [](const Chain& a, const Chain& b) { return a.covered > b.covered; });
        std::vector<uint16_t> aligned_at(query_.lines + 2, 0);
        uint32_t aligned = 0;
        for (const Chain& chain : chains_) {
            if (aligned >= limits_.aligned || count >= capacity) break;
            const uint32_t first = query_line(kept_[chain.first]);
            const uint32_t last = query_line(kept_[chain.end - 1]);
            if (is_crowded(aligned_at, first, last) || is_shadowed(chain, first, last, found, count)) continue;
            ++aligned;
            for (uint32_t line = first; line <= last; ++line) ++aligned_at[line];
            Found candidate;
            if (!align_chain(chain, candidate)) return false;
            if (candidate.tokens >= query_.min_tokens && reaches_focus_) found[count++] = candidate;
        }
        return true;
    }

    bool is_crowded(const std::vector<uint16_t>& aligned_at, uint32_t first, uint32_t last) const {
        for (uint32_t line = first; line <= last; ++line) {
            if (aligned_at[line] < limits_.aligned_a_line) return false;
        }
        return true;
    }

    // Whether a range at hand holds far more than this chain, around the same place, ever could.
    bool is_shadowed(const Chain& chain, uint32_t first, uint32_t last, const Found* found, size_t count) const {
        const uint32_t seeds_end = position(kept_[chain.end - 1]) + query_.seed_tokens;
        const uint32_t most = seeds_end - position(kept_[chain.first]) + kExtensionTokens;
        for (size_t i = 0; i < count; ++i) {
            const bool around = found[i].query_first <= first && last <= found[i].query_last;
            if (around && found[i].tokens > 2 * most) return true;
        }
        return false;
    }

    bool load_source(const Chain& chain) {
        if (loaded_ && loaded_document_ == chain.document) return true;
        theirs_.clear();
        const uint64_t lines = chain.end_line - chain.start_line;
        const uint64_t at = lane_.sketches + uint64_t{chain.start_line} * lane_.sketch_bytes;
        if (!sc::ensure(*lane_.table.file, at, lines * lane_.sketch_bytes)) return false;
        const uint8_t* bytes = lane_.table.file->base + at;
        for (uint32_t line = 0; line < lines; ++line) {
            uint16_t sketch = bytes[line * lane_.sketch_bytes];
            if (lane_.sketch_bytes == 2) sketch = static_cast<uint16_t>(sketch | bytes[2 * line + 1] << 8);
            if (sketch != sc::kBlank) theirs_.add(sketch, line + 1);
        }
        loaded_ = true;
        loaded_document_ = chain.document;
        return sc::read_checked(*lane_.table.file, lane_.token_counts + 4 * uint64_t{chain.document}, their_tokens_);
    }

    // Ranges of lines of code under the chain; the last seed is as many lines high as it is in the query.
    void ranges_of(const Chain& chain, Range& query, Range& source, sc::Anchors& anchors) const {
        const Hit& last = kept_[chain.end - 1];
        const uint64_t last_token = std::min<uint64_t>(position(last) + query_.seed_tokens, query_.tokens) - 1;
        const uint32_t query_last = static_cast<uint32_t>(query_.token_lines[last_token]);
        const uint32_t height = query_last - static_cast<uint32_t>(query_line(last));
        uint32_t lowest = kept_[chain.first].line, highest = lowest;
        for (size_t i = chain.first; i < chain.end; ++i) {
            const uint32_t line = kept_[i].line;
            lowest = std::min(lowest, line);
            highest = std::max(highest, line);
            anchors.emplace_back(ours_.at_or_after(query_line(kept_[i])), theirs_.at_or_after(line - chain.start_line + 1));
        }
        query = {ours_.at_or_after(query_line(kept_[chain.first])), ours_.at_or_after(query_last + 1)};
        source = {theirs_.at_or_after(lowest - chain.start_line + 1),
                  theirs_.at_or_after(highest - chain.start_line + height + 2)};
        query.end = std::max(query.end, query.first);
        source.end = std::max(source.end, source.first);
    }

    bool align_chain(const Chain& chain, Found& found) {
        if (!load_source(chain)) return false;
        Range query, source;
        sc::Anchors anchors;
        ranges_of(chain, query, source, anchors);
        found = Found{};
        if (query.size() == 0 || source.size() == 0) return true;  // sketches and seeds disagree: not a copy
        sc::Alignment alignment = sc::align(ours_, theirs_, query, source, anchors, jump_tokens_);
        describe(chain, alignment, found);
        return true;
    }

    void describe(const Chain& chain, sc::Alignment& alignment, Found& found) {
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
        found.common_seeds = static_cast<uint32_t>(std::lower_bound(common_.begin(), common_.end(), end) -
                                                   std::lower_bound(common_.begin(), common_.end(), first));
        count_shared(first, end, found);
        found.equal_lines = static_cast<uint32_t>(alignment.equal.size());
        uint32_t on_equal_lines = 0;
        for (const auto& pair : alignment.equal) on_equal_lines += ours_.tokens[pair.first];
        const size_t differing = alignment.source.size() - std::min(alignment.source.size(), alignment.equal.size());
        const float a_line = static_cast<float>(their_tokens_) / static_cast<float>(std::max<size_t>(1, theirs_.size()));
        const float estimate = static_cast<float>(on_equal_lines) + static_cast<float>(differing) * a_line;
        found.source_tokens = std::max(estimate, static_cast<float>(found.tokens));
    }

    void count_shared(uint64_t first, uint64_t end, Found& found) {
        reaches_focus_ = false;
        for (uint64_t token = std::max(first, shared_from_); token < std::min(end, shared_from_ + shared_.size()); ++token) {
            if (!shared_[token - shared_from_]) continue;
            ++found.tokens;
            found.telling += query_.telling[token] != 0;
            reaches_focus_ |= token >= query_.focus_first && token < query_.focus_end;
        }
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
    void cut_to_the_likest(const Chain& chain, sc::Alignment& alignment) const {
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
            const size_t source = theirs_.at_or_after(kept_[i].line - chain.start_line + 1);
            if (source >= alignment.source.first && source < alignment.source.end) {
                include(ours_.at_or_after(query_line(kept_[i])), source);
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

    // Tokens under the chain's seeds and those on equal lines.
    void mark_shared(const Chain& chain, const sc::Alignment& alignment) {
        const Range lines = alignment.query;
        shared_from_ = first_token_[ours_.numbers[lines.first]];
        uint64_t end = first_token_[ours_.numbers[lines.end - 1] + 1];
        if (chain.first < chain.end) {
            shared_from_ = std::min<uint64_t>(shared_from_, position(kept_[chain.first]));
            end = std::max<uint64_t>(end, uint64_t{position(kept_[chain.end - 1])} + query_.seed_tokens);
        }
        shared_.assign(std::min(end, query_.tokens) - shared_from_, 0);
        for (size_t i = chain.first; i < chain.end; ++i) {
            mark(position(kept_[i]), uint64_t{position(kept_[i])} + query_.seed_tokens);
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
    std::vector<uint32_t> common_;  // positions of common seeds, ascending
    std::vector<Hit> hits_;
    std::vector<Hit> kept_;
    std::vector<Chain> chains_;
    CodeLines ours_, theirs_;
    std::vector<uint32_t> first_token_;  // by line, from 1
    std::vector<uint8_t> shared_;  // for each query token from shared_from_ on
    uint64_t shared_from_ = 0;
    uint32_t loaded_document_ = 0, their_tokens_ = 0;
    bool loaded_ = false;
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
