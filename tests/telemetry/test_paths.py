"""Paths that differ in their ids are one endpoint, and it is said; others are left alone."""

import base64
import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.telemetry.sources import said_of
from tests.tools.made import args_for, plugin, requests, written
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB


def read(folder: Path, paths: list[str], mapping: str = "", **options: bool) -> tuple[list[str], str]:
    path = folder / "mapping.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(mapping)
    with DuckDB(
        written(folder, {"api_gateway_logs": requests(len(paths), endpoint_path=paths)}), mapping=path, **options
    ) as engine:
        found = engine.run("SELECT DISTINCT endpoint_path AS p FROM api_gateway_logs ORDER BY p", {}, timeout=10)
        return found["p"].to_pylist(), said_of(engine)


def digest(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()


IDS: dict[str, Callable[[int], str]] = {
    "number": str,
    "uuid": lambda n: str(uuid.UUID(int=n * 7919 * 2**90 + n, version=4)),
    "hash": lambda n: digest(n).hex(),
    "object id": lambda n: digest(n).hex()[:24],
    "upper hash": lambda n: digest(n).hex()[:16].upper(),
    "base64": lambda n: base64.urlsafe_b64encode(digest(n)).decode().rstrip("="),
    "ulid": lambda n: base64.b32encode(digest(n)).decode()[:26],
    "prefixed": lambda n: f"ORD-{10_000 + n}",
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_any_kind_are_one_endpoint(kind: str, tmp_path: Path) -> None:
    own = [f"/v2/order/{IDS[kind](n)}/items" for n in range(300)]
    found, said = read(tmp_path, [*own, *["/v2/login", "/v2/order/new"] * 30])
    assert found == ["/v2/login", "/v2/order/new", "/v2/order/{id}/items"]
    assert "300 different paths are counted as '/v2/order/{id}/items'" in said


def test_two_ids_beside_each_other(tmp_path: Path) -> None:
    found, _ = read(tmp_path, [f"/user/{n % 40}/order/{n}/{n * 3}" for n in range(200)])
    assert found == ["/user/{id}/order/{id}/{id}"]


def test_what_is_no_id_is_left_alone(tmp_path: Path) -> None:
    paths = [
        "/api/1/search",
        "/api/2/search",
        "/oauth2/token",
        "/e00",
        "/p95",
        "/password-reset-confirmation-page",
        "/",
        "/s3",
    ]
    found, said = read(tmp_path, paths * 20)
    assert found == sorted(paths)
    assert not said


def test_few_numbers_stay_beside_many(tmp_path: Path) -> None:
    found, _ = read(tmp_path, [*[f"/api/{n}/search" for n in (1, 2)] * 40, *[f"/order/{n}" for n in range(90)]])
    assert found == ["/api/1/search", "/api/2/search", "/order/{id}"]


def test_a_query_is_no_part_of_an_endpoint(tmp_path: Path) -> None:
    found, said = read(tmp_path, [f"/search?q=word{n}#top" for n in range(50)] + ["/login"] * 5)
    assert found == ["/login", "/search"]
    assert "without its query" in said


def test_it_may_be_switched_off(tmp_path: Path) -> None:
    paths = [f"/order/{n}" for n in range(40)]
    assert len(read(tmp_path / "setting", paths, template_paths=False)[0]) == 40
    assert len(read(tmp_path / "mapping", paths, "[api_gateway_logs]\ntemplate_paths = false\n")[0]) == 40


def test_the_check_of_endpoints_says_it(tmp_path: Path) -> None:
    rows = requests(3000, {503: 900}, http_method="POST", endpoint_path=[f"/order/{n}" for n in range(3000)])
    with DuckDB(written(tmp_path, {"api_gateway_logs": rows})) as engine:
        finding = plugin(6).run(engine, args_for(plugin(6)), Settings())
    assert finding.rows[0]["endpoint_path"] == "/order/{id}"
    assert any("endpoint_path holds ids" in note for note in finding.notes)
