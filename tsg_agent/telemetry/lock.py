"""Starts the embedded database, and locks it down once its source is open."""

import glob

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.loading import first_line
from tsg_agent.telemetry.memory import Allowance, held, size_of
from tsg_agent.telemetry.values import literal

SETTINGS = """SET TimeZone = 'UTC'; SET disabled_optimizers = 'partial_aggregate_pushdown';
SET parquet_metadata_cache = true; SET enable_progress_bar = false -- on where Python runs no file: goes to stdout"""
LIMITS = "SELECT current_setting('memory_limit'), current_setting('threads')"
PERFECT_BITS = 16
"""Groups of encoded columns of up to so many bits are counted in an array instead of a hash table."""
MOST_SPILLED = 10
"""Largest spill on disk, as a multiple of the memory limit."""


def started(memory_limit: str, threads: int | None, spill: str) -> tuple[duckdb.DuckDBPyConnection, Allowance, int]:
    """An empty in-memory database, the memory that an investigation over it may use, and its threads.

    `memory_limit`: as "2GB". `spill`: a private folder for what exceeds it. Raises TelemetryError.
    """
    before = held()
    config: dict[str, str | bool | int | float | list[str]] = {"allocator_background_threads": True}
    config |= {"memory_limit": memory_limit, "perfect_ht_threshold": PERFECT_BITS}
    if threads is not None:
        config["threads"] = threads
    try:
        connection = duckdb.connect(":memory:", config=config)
    except duckdb.Error as error:
        fix = "Mend TSG_MEMORY_LIMIT and TSG_THREADS, or unset them."
        raise TelemetryError(f"DuckDB does not start: {first_line(error)}.", fix=fix) from error
    connection.execute(SETTINGS)
    limit, cores = connection.execute(LIMITS).fetchall()[0]
    memory = Allowance(before, size_of(limit))
    # Before the source is opened: a text file may be larger than the limit.
    connection.execute(f"SET temp_directory = {literal(spill)}")
    connection.execute(f"SET max_temp_directory_size = '{MOST_SPILLED * memory.limit // 2**20}MiB'")
    return connection, memory, cores


def lock(connection: duckdb.DuckDBPyConnection, paths: list[str], memory: Allowance) -> None:
    """From here on no query reaches another file, writes, attaches, installs or changes a setting.

    What exceeds the engine's share of the memory spills to its private folder, to which only the engine itself writes.
    """
    # A file whose name contains wildcards is read by an escaped pattern, which must be allowed as well.
    both = dict.fromkeys(form for path in paths for form in (path, glob.escape(path)))
    quoted = ", ".join(map(literal, both))
    for statement in (
        f"SET allowed_paths = [{quoted}]",
        "SET python_enable_replacements = false",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET allow_community_extensions = false",
        f"SET memory_limit = '{memory.engine}B'",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
