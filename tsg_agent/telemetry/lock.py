"""Locks down an open database."""

import glob

import duckdb

from tsg_agent.telemetry.values import literal


def lock(connection: duckdb.DuckDBPyConnection, paths: list[str], spill: str, most_spilled: int) -> None:
    """From here on no query reaches another file, writes, attaches, installs or changes a setting.

    `spill`: the private folder for queries above the memory limit; `most_spilled`: its largest size in bytes.
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
        # Queries spill to a private folder, to which only the engine itself writes.
        f"SET temp_directory = {literal(spill)}",
        f"SET max_temp_directory_size = '{most_spilled // 2**20}MiB'",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
