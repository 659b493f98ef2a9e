"""The command line: thin commands that parse, call the service and show."""

__all__ = ["main"]


def main() -> None:
    """Run the command line; what it needs is imported when Ctrl-C is already heard."""
    from tsg_agent.cli import startup  # noqa: PLC0415 - to import the package must start nothing
    from tsg_agent.cli.imports import loading  # noqa: PLC0415 - the same

    startup.with_streams()
    startup.in_utf8()
    loading()
    from tsg_agent.cli.app import main as run  # noqa: PLC0415 - takes long: Ctrl-C must be heard before

    run()
