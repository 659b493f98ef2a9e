"""The command line: thin commands that parse, call the service and show."""

__all__ = ["main"]


def main() -> None:
    """Run the command line. Imports its modules only after the Ctrl-C handler is installed."""
    from tsg_agent.cli import startup  # noqa: PLC0415 - importing the package must have no side effects
    from tsg_agent.cli.imports import loading  # noqa: PLC0415 - the same

    startup.with_streams()
    startup.in_utf8()
    loading()
    from tsg_agent.cli.app import main as run  # noqa: PLC0415 - slow: the Ctrl-C handler must be installed first

    run()
