// From the seeds of a text to chains of hits.
//
// As sequence aligners do: hits of one document that lie on nearby diagonals (source line minus query line) and
// follow each other within bounded gaps belong to one copy. Lines are counted through the whole segment, so
// hits can be chained before anybody asks which document they lie in.
#include "chains.hpp"

#include <algorithm>
#include <cstdlib>

#include "align.hpp"
#include "checked.hpp"

namespace sc {

namespace {

class Chainer {
public:
    Chainer(const Lane& lane, const Query& query, const Limits& limits, Chains& chains)
        : lane_(lane), query_(query), limits_(limits), mask_(lane.sketch_bytes == 1 ? 0xFF : 0xFFFF),
          kept_(chains.hits), chains_(chains.chains), common_(chains.common) {}

    bool run() { return look_up() && chain_hits(); }

private:
    int32_t query_line(const Hit& hit) const { return query_.token_lines[position(hit)]; }
    uint32_t position(const Hit& hit) const { return query_.positions[hit.seed]; }

    // Collects the places of the query's seeds, and which of them are common.
    bool look_up() {
        struct Place {
            uint32_t size, seed, first;
        };
        std::vector<Place> places;
        for (const uint32_t seed : unrepeated_seeds()) {
            RecordRange bucket;
            if (!bucket_of(lane_.table, query_.keys[seed], bucket)) return false;
            const RecordRange equal = equal_records(lane_.table, query_.keys[seed], bucket);
            if (equal.end == equal.first) continue;
            const uint64_t last = record_at(lane_.table, equal.end - 1) & lane_.table.payload_mask();
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
                const uint64_t record = record_at(lane_.table, place.first + i);
                const uint32_t line = static_cast<uint32_t>(record & lane_.table.payload_mask());
                const int32_t ours = query_.token_lines[query_.positions[place.seed]];
                hits_.push_back({int64_t{line} - ours, line, place.seed});
            }
        }
        return true;
    }

    // Seeds in the order of their keys (which is the order of the table); of mere repetition the first few.
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
            const size_t enough = std::min(end, i + limits_.repeats);
            for (size_t j = i; j < enough; ++j) order[kept++] = order[j];
            i = end;
        }
        order.resize(kept);
        return order;
    }

    // Orders hits by diagonal and cuts them into bands, bands into chains.
    bool chain_hits() {
        std::sort(hits_.begin(), hits_.end(), [](const Hit& a, const Hit& b) {
            const int64_t left = a.diagonal, right = b.diagonal;
            return left != right ? left < right : a.seed < b.seed;
        });
        for (size_t i = 0; i < hits_.size();) {
            size_t end = i + 1;
            while (end < hits_.size() && hits_[end].diagonal - hits_[end - 1].diagonal <= limits_.diagonal_step) ++end;
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
            equal = sketch != kBlank && sketch == (query_.sketches[line + step - 1] & mask_);
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
            size_t next = i + 1;
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
        for (size_t i = first; i < end; ++i) diagonals.push_back(hits_[i].diagonal);
        std::nth_element(diagonals.begin(), diagonals.begin() + diagonals.size() / 2, diagonals.end());
        const int64_t middle = diagonals[diagonals.size() / 2];
        std::sort(hits_.begin() + first, hits_.begin() + end, [middle](const Hit& a, const Hit& b) {
            if (a.seed != b.seed) return a.seed < b.seed;
            const int64_t left = std::abs(a.diagonal - middle), right = std::abs(b.diagonal - middle);
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
            if (!read_checked(*lane_.table.file, lane_.line_base + 4 * middle, base)) return false;
            (base <= line ? low : high) = middle;
        }
        document = static_cast<uint32_t>(low);
        const uint64_t at = lane_.line_base + 4 * low;
        if (!read_checked(*lane_.table.file, at, start) || !read_checked(*lane_.table.file, at + 4, end)) return false;
        if (start <= line && line < end) return true;
        *lane_.table.file->damaged = at;  // a line of no document
        return false;
    }

    bool sketch_of(uint64_t line, uint16_t& sketch) const {
        const uint64_t at = lane_.sketches + line * lane_.sketch_bytes;
        if (lane_.sketch_bytes == 2) return read_checked(*lane_.table.file, at, sketch);
        uint8_t narrow;
        if (!read_checked(*lane_.table.file, at, narrow)) return false;
        sketch = narrow;
        return true;
    }

    const Lane& lane_;
    const Query& query_;
    const Limits& limits_;
    const uint16_t mask_;
    std::vector<Hit> hits_;
    std::vector<Hit>& kept_;
    std::vector<Chain>& chains_;
    std::vector<uint32_t>& common_;
};

}  // namespace

bool find_chains(const Lane& lane, const Query& query, const Limits& limits, Chains& chains) {
    return Chainer(lane, query, limits, chains).run();
}

}  // namespace sc
