"""What no dialect writes: nested conversions, each of which would repeat what it converts."""

from collections.abc import Callable

import pytest

from tsg_agent.errors import QueryError
from tsg_agent.telemetry import clickhouse_dialect, postgres_dialect, spark_dialect
from tsg_agent.telemetry.portable import Translated, parsed

DIALECTS = [one.written for one in (clickhouse_dialect, postgres_dialect, spark_dialect)]
LONGEST = 200_000


@pytest.mark.parametrize("written", DIALECTS, ids=["clickhouse", "postgres", "spark"])
@pytest.mark.parametrize(("before", "after"), [("TRY_CAST(", " AS INTEGER)"), ("round(", ")"), ("left(", ", 9)")])
def test_nested_conversions_do_not_explode(written: Callable[..., Translated], before: str, after: str) -> None:
    def translated(times: int) -> str:
        return written(parsed(f"SELECT {before * times}t{after * times} AS c FROM words")).sql

    assert len(translated(4)) < LONGEST
    with pytest.raises(QueryError, match="nests too many conversions"):
        translated(20)
