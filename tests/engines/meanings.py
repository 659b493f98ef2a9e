"""What expressions of a mapping may call, over a table of awkward values: it must mean the same on every engine."""

import math
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.tools.made import START
from tsg_agent.errors import TelemetryError
from tsg_agent.investigation import open_telemetry
from tsg_agent.telemetry.portable import parsed

TABLE = pa.table(
    {
        "request_id": [str(number) for number in range(8)],
        "t": ["abbc", "a\\bc", "äBcß", "", None, "12.5", "-", "b\nc"],
        "w": ["x", None, "2.5", "9007199254740993", "1e3", "-3.5", " 7 ", "5."],
        "d": [2.5, 3.5, -0.5, 1.25, None, 7.0, -2.5, 99999.5],
        "n": [0, 1, 2, 3, 4, None, 7, 8],
        "j": [
            '{"a": 1, "b.c": "x y", "d": [1, "z"]}',
            "{}",
            None,
            '{"a": null}',
            '{"a": "é\\"", "b.c": true}',
            "{}",
            '{"a": ""}',
            '{"a": -1.5}',
        ],
        "ts": [START + timedelta(seconds=47 * 3600 * number, microseconds=number) for number in range(7)] + [None],
    }
)
SAME = (
    "regexp_extract(t, '[a-c]+')", "regexp_extract(t, '([a-c])(b)', 2)", "regexp_matches(t, 'b.c')",
    "regexp_replace(t, 'b', 'x', 'g')", "t LIKE 'a\\%c'", "t LIKE t", "t ILIKE 'A_B%'", "t || '\\'", "t || 'it''s'",
    "CAST(d AS BIGINT)", "CAST(d AS INTEGER)", "TRY_CAST(d AS INTEGER)", "TRY_CAST(t AS BIGINT)",
    "TRY_CAST(n AS DOUBLE)", "TRY_CAST(w AS BIGINT)", "CAST(n AS VARCHAR)", "CAST(ts AS VARCHAR)", "CAST(ts AS DATE)",
    "epoch(ts)", "extract(epoch FROM ts)", "epoch_us(ts)", "make_timestamp_ms(n * 1000000007)",
    "to_timestamp(d * 1000.125)", "make_timestamp(n * 1000000007)", "hour(ts)", "minute(ts)", "second(ts)",
    "dayofweek(ts)", "date_part('hour', ts)", "extract(week FROM ts)", "date_trunc('week', ts)",
    "timezone('UTC', ts)", "ts AT TIME ZONE 'UTC'", "date_diff('minute', ts, ts + INTERVAL '61 seconds')",
    "date_diff('hour', ts, ts + INTERVAL '59 minutes')", "strftime(ts, '%Y-%m-%d %H')", "log(n + 1)", "log(2, n + 1)",
    "ln(n + 1)", "round(d)", "round(d, 1)", "floor(d)", "left(t, -2)", "left(t, n)", "right(t, -1)", "right(t, 2)",
    "substring(t, 2, 3)", "substring(t, -2)", "split_part(t, 'b', 2)", "strpos(t, 'b')", "contains(t, 'b')",
    "starts_with(t, 'a')", "ends_with(t, 'c')", "concat(t, w)", "concat_ws('-', t, w)", "greatest(t, w)",
    "least(n, 2)", "coalesce(w, t)", "nullif(t, w)", "md5(t)", "length(t)", "upper(w)",
    "CAST(CAST(d AS DECIMAL(9, 3)) AS INTEGER)", "trim('  ' || t || ' ')", "lpad(t, 9, '*')", "replace(t, 'b', '')",
    "n // 2", "n / 2", "n % 3", "url_decode(replace(t, 'b', '+%2F'))", "d IS DISTINCT FROM n",
    "CASE WHEN n > 1 THEN t ELSE w END", "n ** 2", "j ->> '$.a'", "j ->> '$.\"b.c\"'",
    "json_extract_string(j, '$.d[1]')", "abs(d)", "ceil(d)", "ceiling(d)", "sign(d)", "sqrt(n)", "exp(n)", "lower(t)",
    "upper(replace(t, 'ß', 'ö'))", "isnan(d)",
    "epoch_ms(n * 1000000007)", "day(ts)", "month(ts)", "year(ts)", "ltrim('  ' || t)",
    "rtrim(t || '  ')", "trim(t, 'a')", "pow(n, 2)", "power(n, 2)", "mod(n, 3)", "ifnull(w, t)", "position('b' IN t)",
    "date_add(ts, INTERVAL 1 DAY)", "ts - INTERVAL '90 seconds'", "strptime('2026-03-1' || n, '%Y-%m-%d')",
    "try_strptime(t, '%Y-%m-%d')", "time_bucket(INTERVAL '30 minutes', ts)", "rpad(t, 9, '*')", "substr(t, 2)",
    "if(n > 1, t, w)", "datediff('day', ts, ts + INTERVAL '1 day')", "make_timestamp_ns(n * 1000007000)",
    "strftime(ts, '%y%j at %H:%M:%S (%%) Day')", "time_bucket(INTERVAL '7 minutes', ts)", "date_trunc('hour', ts)",
    "date_trunc('minute', ts)", "date_trunc('day', ts)", "n IN (1, 2)", "d BETWEEN 1 AND 3", "t = 'abbc' AND n < 2",
    "NOT (n > 1)", "-d", "d * n", "d / nullif(n, 0)", "t || n", "CAST(n > 1 AS INTEGER)", "TRY_CAST(w AS DOUBLE)",
    "TRY_CAST(t AS DOUBLE)", "CAST(n AS DOUBLE)", "t < w", "left(t, 2)", "t LIKE '%b%'",
    "regexp_replace(t, 'b+', '')", "extract(hour FROM ts)", "log10(n + 1)", "CAST(t AS VARCHAR)",
    "to_timestamp(d + 1)", "make_timestamp_ms(n + 1)", "make_timestamp_ns(n * 1000 + 5000)", "make_timestamp(n + 1)",
    "round(d + 0.25)", "left(t, n - 1)", "right(t, n - 1)", "substring(t || w, 2, 3)", "split_part(t || w, 'b', 2)",
    "contains(t || w, 'b')", "t || w LIKE 'a%'", "CAST(n + d AS INTEGER)", "TRY_CAST(t || w AS INTEGER)",
    "epoch(ts + INTERVAL '1 second')", "hour(ts + INTERVAL '1 hour')", "(n + 3) // 2", "(n - 4) // 2", "(n - 4) % 3",
    "n + n * 2 - 1", "(n - 4) / 3", "regexp_matches(t || w, 'b.c')", "coalesce(j ->> '$.a', w) = 'x'",
    "lpad(t || w, 9, '*')", "md5(t || w)", "strpos(t || w, 'b') + 1",
)  # fmt: skip
"""What expressions of a mapping may call and Spark says in another way, or means another thing by."""


TOGETHER = (
    "count(*)", "count(DISTINCT t)", "count(d)", "count_if(n > 1)", "sum(d)", "sum(n)", "avg(d)", "avg(n)", "mean(d)",
    "median(d)", "min(d)", "max(w)", "stddev(d)", "stddev_samp(d)", "stddev_pop(d)", "variance(d)", "var_samp(d)",
    "var_pop(d)", "mode(n > 1)", "bool_and(n >= 0)", "bool_or(n > 3)", "quantile(d, 0.5)", "quantile_cont(d, 0.3)",
    "quantile_disc(d, 0.5)", "arg_max(w, n)", "arg_min(w, d)", "max_by(w, n)", "min_by(w, d)", "corr(n, d)",
    "count(*) FILTER (WHERE n > 1)", "sum(d) FILTER (WHERE n > 9)", "any_value(CASE WHEN n > 0 THEN 7 END)",
    "var_samp(CASE WHEN n = 1 THEN d END)", "median(CASE WHEN n < 4 THEN d END)",
    "quantile(CASE WHEN n < 4 THEN d END, 0.5)", "stddev_samp(n * 0)", "first(n)", "last(n)",
    "approx_quantile(d, 0.5)", "sum(d) FILTER (WHERE n > 1)", "regr_slope(d, n)", "avg(CASE WHEN n > 1 THEN d END)",
    "max(d) - min(d)", "sum(n) / count(*)", "sum(n) // count(*)", "100.0 * count_if(n > 1) / count(*)", "min(ts)",
    "count(DISTINCT n % 2)", "row_number() OVER (ORDER BY request_id)", "rank() OVER (ORDER BY n % 2)",
    "dense_rank() OVER (ORDER BY n % 2 DESC)", "cume_dist() OVER (ORDER BY n)", "percent_rank() OVER (ORDER BY n)",
    "ntile(2) OVER (ORDER BY request_id)", "lag(d) OVER (ORDER BY request_id)",
    "lead(d, 2) OVER (ORDER BY request_id)", "lag(t, 1, 'none') OVER (ORDER BY request_id)",
    "first_value(t) OVER (ORDER BY request_id)", "last_value(t) OVER (ORDER BY request_id)",
    "sum(n) OVER (ORDER BY request_id)", "avg(d) OVER (PARTITION BY n % 2 ORDER BY request_id)",
    "sum(d) OVER (ORDER BY request_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", "max(w) OVER (ORDER BY n DESC)",
)  # fmt: skip
"""What a query of a model or of ours may work out of several rows."""


def check(url: str, name: str, refused: tuple[str, ...], match: str, folder: Path) -> None:
    """Each expression has the embedded engine's values at a server, or is one of those that it refuses.

    `name`: of the table at the server, which holds TABLE's rows.
    """
    mapping = folder / "map.toml"
    mapping.write_text(f'[api_gateway_logs]\nfrom = "{name}"\n')
    windows = [text for text in TOGETHER if " OVER " in text]
    with duckdb.connect() as own, open_telemetry(url, mapping=mapping) as engine:
        own.execute("SET TimeZone = 'UTC'")
        own.register("held", TABLE)
        for asked in (SAME, windows, [text for text in TOGETHER if text not in windows]):
            kept = [text for text in asked if text not in refused]
            listed = ", ".join(f"{text} AS c{place}" for place, text in enumerate(kept))
            order = "" if asked[0] == TOGETHER[0] else " ORDER BY request_id"
            first = own.sql(f"SELECT {listed} FROM held{order}").to_arrow_table()
            second = _there(engine, f"SELECT {listed} FROM {name}{order}")
            values = [(text, _plain(first[place]), _plain(second[place])) for place, text in enumerate(kept)]
            assert [one for one in values if not _alike(*one[1:])] == []
        for text in refused:
            with pytest.raises(TelemetryError, match=match):
                _there(engine, f"SELECT {text} AS c FROM {name}")
    for text in (one for one in refused if one not in TOGETHER):  # so it is as a column of a mapping
        column = f"[api_gateway_logs.columns]\nregion = '''{text}'''\n"
        mapping.write_text(f"[api_gateway_logs]\nfrom = '{name}'\n{column}")
        with pytest.raises(TelemetryError, match=match):
            open_telemetry(url, mapping=mapping)


def _there(engine: Any, sql: str) -> pa.Table:
    return engine._select(engine._written(parsed(sql)).sql, [], 60)


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Times without their zone, which is UTC."""
    return [value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value for value in column.to_pylist()]


def _alike(first: list[Any], second: list[Any]) -> bool:
    return all(
        math.isclose(one, other, rel_tol=1e-9)
        if isinstance(one, float | int | Decimal) and isinstance(other, float | int | Decimal)
        else str(one) == str(other)
        for one, other in zip(first, second, strict=True)
    )
