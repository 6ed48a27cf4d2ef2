"""Which shards a part is read from: the same as asking every shard about every part."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.data.engine.parts import Plan, row_groups

shards = st.lists(st.lists(st.integers(-1, 6), max_size=12), min_size=1, max_size=8)


@given(shards)
def test_each_part_finds_its_row_group_in_every_shard_that_holds_rows_of_it(shards: list[list[int]]) -> None:
    parts = tuple(np.array(shard, dtype=np.int32) for shard in shards)
    count = 1 + max((part for shard in shards for part in shard), default=-1)
    plan = Plan(parts=parts, groups=(), count=max(1, count))
    asked = [
        [(at, sorted({*shard} - {-1}).index(part)) for at, shard in enumerate(shards) if part in shard]
        for part in range(plan.count)
    ]
    assert list(row_groups(plan)) == asked
