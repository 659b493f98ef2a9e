"""The command line: thin commands that parse, call the service and show."""

__all__ = ["main"]


def main() -> None:
    """Run the command line. Imports its modules only after the Ctrl-C handler is installed."""
    from tsg_agent.cli import startup
    from tsg_agent.cli.imports import loading

    startup.with_streams()
    startup.in_utf8()
    loading()
    try:
        from tsg_agent.cli.app import main as run

        run()
    except ImportError as error:
        startup.refuse_broken_installation(error)
