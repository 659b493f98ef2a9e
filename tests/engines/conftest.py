"""Servers for all tests of engines; where one or its client is missing they skip, saying so."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from examples.engines import spark as sparks
from examples.engines.postgres import PASSWORD, Server, programs


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if find_spec("psycopg") is None or find_spec("psycopg_pool") is None:
        pytest.skip("psycopg is not installed: make test-engines installs it")
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    made = Server()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PGPASSWORD", PASSWORD)  # credentials come from there
        try:
            made.make()
            made.start()
            made.account()
            yield made
            made.stop()
        finally:
            made.remove()


@pytest.fixture(scope="session")
def spark() -> Iterator[sparks.Cluster]:
    """One process; the example has a master and workers."""
    if problem := sparks.missing():
        pytest.skip(problem)
    made = sparks.Cluster()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(sparks.VARIABLE, sparks.TOKEN)
        try:
            made.start_alone()
            yield made
        finally:
            made.stop()
