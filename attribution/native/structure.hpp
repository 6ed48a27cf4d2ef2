// The structural stream's k-grams: names are parameters (Baker 1997, "Parameterized duplication in strings").
#pragma once
#include "lexer.hpp"
#include "winnowing.hpp"

namespace sc {

constexpr int STRUCTURE_TOKENS = 20;
constexpr int DISTINCT_SYMBOLS = 6;
constexpr uint64_t NAME_SYMBOL = mix(0xA0761D6478BD642Fu);

// What a name counts as: how many tokens ago it last occurred inside its k-gram, 0 for never.
struct Parameters {
    uint64_t symbols[STRUCTURE_TOKENS];
    constexpr Parameters() : symbols{} {
        for (int distance = 0; distance < STRUCTURE_TOKENS; ++distance)
            symbols[distance] = mix(NAME_SYMBOL + static_cast<uint64_t>(distance) * PLACE_STEP);
    }
};
inline constexpr Parameters PARAMETERS{};

// Powers of the multiplier by how many tokens of the k-gram stand behind.
struct Weights {
    uint64_t values[STRUCTURE_TOKENS];
    constexpr Weights() : values{} {
        for (int at = 0; at < STRUCTURE_TOKENS; ++at) values[at] = power(GRAM_MULTIPLIER, at);
    }
};
inline constexpr Weights WEIGHTS{};

// Hash of the last STRUCTURE_TOKENS tokens, and how many distinct symbols they are, as tokens are pushed.
//
// When the first token of a k-gram leaves and is a name, its next occurrence becomes the first one: that
// symbol alone changes, so each step costs the same.
class StructuralGrams {
  public:
    StructuralGrams() {
        for (int64_t& position : latest_) position = -K;
    }

    // Add a token; answer how many tokens ago the same one was, 0 if not among the last k - 1.
    int push(uint64_t hash, bool is_name) {
        if (count_ >= K) drop(count_ - K);
        const int distance = distance_to(hash);
        if (distance) slot(count_ - distance).next = distance;
        slot(count_) = {is_name, 0, is_name ? distance : 0};
        hashes_[count_ & MASK] = hash;
        latest_[hash & LATEST_MASK] = count_;
        if (is_name) use(distance);
        else fixed_ += distance == 0;
        sum_ = sum_ * GRAM_MULTIPLIER + symbol(count_);
        ++count_;
        return distance;
    }
    bool is_full() const { return count_ >= K; }
    uint64_t hash() const { return mix(sum_); }
    int64_t position() const { return count_ - K; }
    int distinct() const { return fixed_ + parameters_; }
    // Whether the k-gram says enough to be a seed.
    bool is_seed() const { return is_full() && distinct() >= DISTINCT_SYMBOLS; }

  private:
    static constexpr int K = STRUCTURE_TOKENS;
    static constexpr int MASK = 31;
    static constexpr uint64_t LATEST_MASK = 511;
    static_assert(K <= MASK, "the ring holds a k-gram");

    struct Slot {
        bool is_name;
        int next;       // tokens until the same token comes again, 0 for not yet
        int parameter;  // of a name: tokens since the same name inside the k-gram, 0 for none
    };
    Slot& slot(int64_t at) { return slots_[at & MASK]; }
    uint64_t symbol(int64_t at) {
        return slot(at).is_name ? PARAMETERS.symbols[slot(at).parameter] : hashes_[at & MASK];
    }
    // Nearly always one look: at the last token whose hash ends in the same bits.
    int distance_to(uint64_t hash) const {
        int64_t distance = count_ - latest_[hash & LATEST_MASK];
        for (; distance < K; ++distance)
            if (distance <= count_ && hashes_[(count_ - distance) & MASK] == hash) return static_cast<int>(distance);
        return 0;
    }
    void use(int parameter) { parameters_ += uses_[parameter]++ == 0; }
    void disuse(int parameter) { parameters_ -= --uses_[parameter] == 0; }

    void drop(int64_t first) {
        const Slot& leaving = slot(first);
        sum_ -= symbol(first) * WEIGHTS.values[K - 1];
        if (!leaving.is_name) {
            fixed_ -= leaving.next == 0;
            return;
        }
        disuse(0);
        if (leaving.next == 0) return;
        Slot& heir = slot(first + leaving.next);
        sum_ += (PARAMETERS.symbols[0] - PARAMETERS.symbols[heir.parameter]) * WEIGHTS.values[K - 1 - leaving.next];
        disuse(heir.parameter);
        use(0);
        heir.parameter = 0;
    }

    uint64_t sum_ = 0;
    int64_t count_ = 0;
    int fixed_ = 0;       // distinct tokens that are no names
    int parameters_ = 0;  // distinct parameters
    int uses_[K] = {};
    uint64_t hashes_[MASK + 1] = {};
    int64_t latest_[LATEST_MASK + 1];  // position of the last token whose hash ends in these bits
    Slot slots_[MASK + 1] = {};
};

}  // namespace sc
