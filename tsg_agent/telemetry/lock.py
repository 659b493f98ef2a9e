"""Locks a database that is open: what its queries can reach from then on."""

import glob

import duckdb

from tsg_agent.telemetry.values import literal


def lock(connection: duckdb.DuckDBPyConnection, paths: list[str], spill: str, most_spilled: int) -> None:
    """From here on no query reaches another file, writes, attaches, installs or changes a setting.

    `spill`: the private folder where a query goes on that outgrows its memory; `most_spilled`: bytes of it.
    """
    # A file whose name would be a pattern is read by a pattern that only it matches, which must be allowed as well.
    both = dict.fromkeys(form for path in paths for form in (path, glob.escape(path)))
    quoted = ", ".join(map(literal, both))
    for statement in (
        f"SET allowed_paths = [{quoted}]",
        "SET python_enable_replacements = false",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET allow_community_extensions = false",
        # Where a query outgrows its memory it goes on in a private folder; only the engine itself writes there.
        f"SET temp_directory = {literal(spill)}",
        f"SET max_temp_directory_size = '{most_spilled // 2**20}MiB'",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
