"""`python -m tsg_agent` is the command line."""

from tsg_agent.cli import main

main()
