"""The command line: thin commands that parse, call the service and show."""

from tsg_agent.cli.app import main

__all__ = ["main"]
