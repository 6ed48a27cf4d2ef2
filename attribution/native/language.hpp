// A language's tables, as attribution/languages/language.py lays them out.
#pragma once
#include <cstddef>
#include <cstdint>

namespace sc {

enum Role : uint64_t {
    KEYWORD = 1,
    IMPORT = 2,          // starts an import statement
    DECLARATOR = 4,      // starts a statement that is an import where a DECLARED word follows
    MODIFIER = 8,        // may stand before the word that starts an import statement
    PREFIX = 16,         // belongs to the string that follows at once
    PREFIX_HASHES = 32,  // ... which is Rust's r"..." or r#"..."#
    PREFIX_PARENS = 64,  // ... which is C++'s R"name(...)name"
    PREFIX_FORMAT = 128, // ... in which braces hold code
    DECLARED = 256,      // makes what a DECLARATOR starts an import
    CALLED = 512,        // an import word that is a function
};

enum LanguageFlag : uint8_t {
    AFTER_IMPORTS = 1,   // the bracket that holds names may follow an import word
    AFTER_WORDS = 2,     // ... any word
    IMPORTS_ALIASES = 4, // an import may hold an equals sign
    IMPORTS_BRACKETS = 8,// ... and other brackets, on its line
    HAS_PREFIXES = 16,
};

enum RuleKind : uint8_t { LINE_COMMENT, BLOCK_COMMENT, DOCUMENTATION, STRING, CHARACTER };

enum RuleFlag : uint8_t {
    NESTED = 1,        // comments hold comments
    ESCAPES = 2,       // a backslash takes the next byte with it
    ONE_LINE = 4,      // no line feed inside
    DOUBLED = 8,       // the closer twice is not the end
    AT_LINE_START = 16,// nothing but white space before it on its line
    AFTER_SPACE = 32,  // at the start of a line or after white space
    BEFORE_SPACE = 64, // white space or the end of the line after it
};

// One delimiter. A line comment has no closer.
struct Rule {
    uint8_t opener[8];
    uint8_t closer[8];
    uint8_t opener_size;
    uint8_t closer_size;
    uint8_t kind;
    uint8_t flags;
    uint8_t marker;       // a string that holds this byte holds code and counts as one symbol; 0 = none
    uint8_t unless_next;  // no delimiter if this byte follows; 0 = none
    uint8_t unused[2];
};
static_assert(sizeof(Rule) == 24, "language.py packs rules so");

constexpr int MAX_RULES = 64;
constexpr uint8_t NO_RULE = 0xFF;

struct Language {
    const uint64_t* words;  // pairs of hash and roles, open addressing, hash 0 = free
    uint64_t word_mask;     // number of pairs - 1, a power of two less one; at least one pair is free
    const Rule* rules;      // sorted by first byte, longer openers first
    int32_t rule_count;     // at most MAX_RULES
    uint8_t ignores_case;
    uint8_t import_bracket;  // holds an import's names over several lines; 0 = none
    uint8_t flags;
    uint8_t import_joint;    // punctuation that the bracket may follow; 0 = none
    uint8_t first_rule[256];  // index of the first rule with this first byte, or NO_RULE

    // What `hash` is in this language: a sum of roles, 0 for a name.
    uint64_t roles_of(uint64_t hash) const {
        for (uint64_t at = hash;; ++at) {
            const uint64_t* pair = words + 2 * (at & word_mask);
            if (pair[0] == hash) return pair[1];
            if (pair[0] == 0) return 0;
        }
    }
};

}  // namespace sc
