// Hits of seeds, and the chains that they form.
#pragma once
#include "lane.hpp"

namespace sc {

struct Hit {
    int64_t diagonal;  // its line less the seed's line in the query
    uint32_t line;  // in the segment, from 0
    uint32_t seed;  // index into the query's seeds
};

struct Chain {
    size_t first, end;  // in Chains::hits
    uint32_t document;
    uint32_t start_line, end_line;  // of the document, in the segment
    uint32_t covered;  // query tokens under the seeds
};

// What looking up and chaining leave.
struct Chains {
    std::vector<Hit> hits;  // of all chains, one chain after another
    std::vector<Chain> chains;
    std::vector<uint32_t> common;  // positions of the query's common seeds, ascending

    uint32_t position(const Query& query, size_t hit) const { return query.positions[hits[hit].seed]; }
    uint32_t query_line(const Query& query, size_t hit) const {
        return static_cast<uint32_t>(query.token_lines[position(query, hit)]);
    }
};

// Looks the query's seeds up and chains their hits; false where the file is damaged.
bool find_chains(const Lane& lane, const Query& query, const Limits& limits, Chains& chains);

}  // namespace sc
