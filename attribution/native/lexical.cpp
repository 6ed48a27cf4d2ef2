// Ranking documents by BM25 over the posting table of words; the formula stands in attribution/lexical.py.
// A posting's payload is document << 4 | how often the word occurs there, at most 15.
#include <algorithm>
#include <vector>

#include "checked.hpp"
#include "kernels.hpp"
#include "postings.hpp"

namespace {

using sc::PostingTable;
using sc::RecordRange;

constexpr uint32_t kFrequencyBits = 4;

// Of BM25's denominator f + k1 * (1 - b + b * length / mean) what does not depend on the document, and its slope.
struct Scale {
    double base;       // k1 * (1 - b)
    double a_token;    // k1 * b / mean
    double numerator;  // k1 + 1
};

struct Ranked {
    double score;
    uint32_t document;
};

// Best first; of equals the earlier document.
bool ranks_before(const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.document < b.document;
}

// Make sure that a run of records may be read; false where the file is damaged.
bool ensure_records(const PostingTable& table, RecordRange range) {
    if (range.first >= range.end) return true;
    const uint64_t first = uint64_t{range.first} * table.width() / 8;
    const uint64_t end = uint64_t{range.end - 1} * table.width() / 8 + 8;
    return end <= table.records_bytes && sc::ensure(*table.file, table.records + first, end - first);
}

// Move `range.first` to the first record that is not less than `wanted`. A long range is halved first, so that of
// the bucket of a frequent word only a few blocks are read.
bool lower_bound(const PostingTable& table, uint64_t wanted, RecordRange& range) {
    while (range.first < range.end) {
        const uint32_t middle = range.first + (range.end - range.first) / 2;
        if (!ensure_records(table, {middle, middle + 1})) return false;
        if (sc::record_at(table, middle) < wanted) {
            range.first = middle + 1;
        } else {
            range.end = middle;
        }
    }
    return true;
}

bool range_of(const PostingTable& table, uint64_t key, RecordRange& found) {
    const uint32_t low_bits = sc::kKeyBits - table.bucket_bits;
    RecordRange bucket;
    if (!sc::read_checked(*table.file, table.buckets + 4 * (key >> low_bits), bucket)) return false;
    const uint64_t wanted = (key & ((uint64_t{1} << low_bits) - 1)) << table.payload_bits;
    RecordRange first = bucket, end = bucket;
    if (!lower_bound(table, wanted, first)) return false;
    end.first = first.first;
    if (!lower_bound(table, wanted + table.payload_mask() + 1, end)) return false;
    found = {first.first, end.first};
    return true;
}

// Add what one word is worth to the score of each document that holds it; new ones are noted in `touched`.
bool add_word(const PostingTable& table, uint64_t lengths, uint64_t documents, RecordRange range, double weight,
              const Scale& scale, double* scores, std::vector<uint32_t>& touched) {
    if (!ensure_records(table, range)) return false;
    const double factor = weight * scale.numerator;
    for (uint32_t i = range.first; i < range.end; ++i) {
        const uint64_t payload = sc::record_at(table, i) & table.payload_mask();
        const uint64_t document = payload >> kFrequencyBits;
        uint32_t length;
        if (document >= documents) continue;
        if (!sc::read_checked(*table.file, lengths + 4 * document, length)) return false;
        const double frequency = static_cast<double>(payload & ((1 << kFrequencyBits) - 1));
        if (scores[document] == 0) touched.push_back(static_cast<uint32_t>(document));
        scores[document] += factor * frequency / (frequency + scale.base + scale.a_token * length);
    }
    return true;
}

// Empties `scores` of the touched documents and keeps the best `limit` of those that are not hidden.
size_t take_best(const std::vector<uint32_t>& touched, const uint8_t* hidden, double* scores, uint32_t* best,
                 double* best_scores, size_t limit) {
    std::vector<Ranked> heap;  // its front is the worst that is kept
    heap.reserve(limit + 1);
    for (const uint32_t document : touched) {
        const Ranked ranked{scores[document], document};
        scores[document] = 0;
        if (ranked.score <= 0 || (hidden != nullptr && hidden[document] != 0)) continue;
        if (heap.size() == limit && !ranks_before(ranked, heap.front())) continue;
        heap.push_back(ranked);
        std::push_heap(heap.begin(), heap.end(), ranks_before);
        if (heap.size() > limit) {
            std::pop_heap(heap.begin(), heap.end(), ranks_before);
            heap.pop_back();
        }
    }
    std::sort_heap(heap.begin(), heap.end(), ranks_before);
    for (size_t i = 0; i < heap.size(); ++i) {
        best[i] = heap[i].document;
        best_scores[i] = heap[i].score;
    }
    return heap.size();
}

}  // namespace

// Find the records of each of `count` keys; their number is the word's document frequency. 0, or -1 where the
// file is damaged.
SC_EXPORT int32_t sc_word_ranges(const PostingTable* table, const uint64_t* keys, uint64_t count, RecordRange* found) {
    for (uint64_t i = 0; i < count; ++i)
        if (!range_of(*table, keys[i], found[i])) return -1;
    return 0;
}

// Rank the documents that hold any of `count` words, given by their records and weights. `lengths` is the offset of
// uint32[documents]; `scores` has one zero a document and is left so; `hidden` one byte a document, not zero where
// it was removed, or null. Answers how many of `limit` (at least 1) were filled in, best first; -1 where the file is
// damaged.
SC_EXPORT int64_t sc_rank_words(const PostingTable* table, uint64_t lengths, uint64_t documents,
                                const RecordRange* ranges, const double* weights, uint64_t count, double saturation,
                                double length_share, double mean_length, const uint8_t* hidden, double* scores,
                                uint32_t* best, double* best_scores, uint64_t limit) {
    const Scale scale{saturation * (1 - length_share), saturation * length_share / mean_length, saturation + 1};
    std::vector<uint32_t> touched;
    bool sound = true;
    for (uint64_t i = 0; i < count && sound; ++i)
        sound = add_word(*table, lengths, documents, ranges[i], weights[i], scale, scores, touched);
    const size_t filled = take_best(touched, hidden, scores, best, best_scores, limit);
    return sound ? static_cast<int64_t>(filled) : -1;
}
