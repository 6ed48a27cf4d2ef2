// k-grams over a stream of token hashes, their thinning, and sketches of lines: each is pushed one token at
// a time and needs memory for one window only.
#pragma once
#include "hashing.hpp"

namespace sc {

// Hash of the last k tokens pushed. k is at most 32.
class Grams {
  public:
    explicit Grams(int k) : k_(k), leaving_(power(GRAM_MULTIPLIER, k)) {}

    // Add a token; true once k tokens are in.
    bool push(uint64_t hash) {
        sum_ = sum_ * GRAM_MULTIPLIER + hash;
        if (count_ >= k_) sum_ -= ring_[(count_ - k_) & 31] * leaving_;
        ring_[count_ & 31] = hash;
        return ++count_ >= k_;
    }
    uint64_t hash() const { return mix(sum_); }
    // Position of the first of the k tokens.
    int64_t position() const { return count_ - k_; }

  private:
    int64_t k_;
    uint64_t leaving_;
    uint64_t sum_ = 0;
    int64_t count_ = 0;
    uint64_t ring_[32] = {};
};

// Robust winnowing (Schleimer, Wilkerson, Aiken 2003): of each `window` consecutive seeds the least is kept,
// of equals the rightmost, each once. `window` is at most 256; every seed carries a payload.
template <class Payload>
class Winnower {
  public:
    explicit Winnower(int window) : window_(window < 1 ? 1 : window > 256 ? 256 : window) {}

    // Add a seed and call `emit(hash, payload)` when another one than before is kept.
    template <class Emit>
    void push(uint64_t hash, Payload payload, Emit&& emit) {
        const int64_t at = count_++;
        ring_[at & 511] = {hash, payload};
        bool changed = true;
        if (at == 0 || hash <= ring_[best_ & 511].hash)
            best_ = at;
        else if (best_ <= at - window_)
            find_best(at);
        else
            changed = at == window_ - 1;
        if (changed && at >= window_ - 1) emit(ring_[best_ & 511].hash, ring_[best_ & 511].payload);
    }

    // All seeds of a text shorter than the window are one window.
    template <class Emit>
    void finish(Emit&& emit) {
        if (count_ > 0 && count_ < window_) emit(ring_[best_ & 511].hash, ring_[best_ & 511].payload);
    }

  private:
    struct Seed {
        uint64_t hash;
        Payload payload;
    };

    void find_best(int64_t last) {
        best_ = last;
        for (int64_t at = last - 1; at > last - window_; --at)
            if (ring_[at & 511].hash < ring_[best_ & 511].hash) best_ = at;
    }

    int64_t window_;
    int64_t count_ = 0;
    int64_t best_ = 0;
    Seed ring_[512];
};

// Sums up the tokens of one line, in order.
class LineSum {
  public:
    void add(uint64_t hash) { sum_ += mix(hash + place_++ * PLACE_STEP); }
    bool is_empty() const { return place_ == 0; }
    // The upper 16 bits; the low byte of a line that has a token is never 0.
    uint16_t sketch16() const {
        const auto high = static_cast<uint16_t>(mix(sum_) >> 48);
        return static_cast<uint16_t>((high & 0xFF) == 0 ? high + 1 : high);
    }
    // The upper 8 bits, never 0.
    uint8_t sketch8() const {
        const auto high = static_cast<uint8_t>(mix(sum_) >> 56);
        return high == 0 ? uint8_t{1} : high;
    }
    void clear() { sum_ = place_ = 0; }

  private:
    uint64_t sum_ = 0;
    uint64_t place_ = 0;
};

// Sketches lines as their tokens come by; `Sketch` is uint16_t or uint8_t. Lines beyond `line_count` are
// ignored; entries of lines without a token are left as they are.
template <class Sketch>
class LineSketcher {
  public:
    LineSketcher(Sketch* sketches, int64_t line_count) : sketches_(sketches), line_count_(line_count) {}

    void add(uint64_t hash, int32_t line) {
        if (line != line_) {
            finish();
            line_ = line;
        }
        sum_.add(hash);
    }
    void finish() {
        if (!sum_.is_empty() && line_ >= 1 && line_ <= line_count_)
            sketches_[line_ - 1] = sizeof(Sketch) == 2 ? static_cast<Sketch>(sum_.sketch16()) : static_cast<Sketch>(sum_.sketch8());
        sum_.clear();
    }

  private:
    Sketch* sketches_;
    int64_t line_count_;
    int32_t line_ = 0;
    LineSum sum_;
};

}  // namespace sc
