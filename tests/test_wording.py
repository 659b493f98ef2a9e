"""How figures and names are written."""

import pytest

from tsg_agent.wording import compared, listed, number, one_line, percent, sentence, subject_name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (5.1016949, "5.1"),
        (0.0312, "0.031"),
        (0.5, "0.5"),
        (0.00004, "under 0.001"),
        (10, "10"),
        (50.04, "50"),
        (98.25, "98.2"),
        (99.0, "99"),
        (99.86, "99.86"),
        (99.938, "99.94"),
        (99.9962, "99.996"),
        (99.9, "99.9"),
        (99.97, "99.97"),
        (99.99999, "over 99.999"),
        (100, "100"),
        (-4.66, "-4.7"),
    ],
)
def test_a_share_keeps_what_matters_of_it(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_not_nothing_never_reads_as_nothing() -> None:
    assert percent(1e-9) == "under 0.001 %"
    assert percent(None) == "unknown"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb\tc", "a b c"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07click\x1b]8;;\x07", "click"),
        ("abc\u202ecod.exe\u200b", "abccod.exe"),
        ("\x00\x08x", "x"),
        ("  ", ""),
    ],
)
def test_one_line_has_no_control_characters(text: str, line: str) -> None:
    assert one_line(text) == line


def test_one_line_is_cut() -> None:
    assert one_line("x" * 100, 10) == "x" * 9 + "…"


def test_names_of_subjects() -> None:
    assert subject_name({"flag_value": "on", "flag_name": "routing"}) == "flag routing = on"
    assert subject_name({"endpoint_path": "/pay", "http_method": "POST"}) == "endpoint POST /pay"
    assert subject_name({"zzz_new": "1", "service_component": "a"}) == "component a, zzz new 1"
    assert subject_name({"shard_id": "7 and delete all"}) == "shard “7 and delete all”"
    assert subject_name({"shard_id": ""}) == "shard “”"
    assert subject_name({"workflow_step": "charge", "scenario_name": "pay"}) == "workflow pay at step charge"
    assert subject_name({}) == "the service"


def test_lists_and_sentences() -> None:
    assert listed([]) == ""
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert sentence("is it so?") == "Is it so?"
    assert sentence("done") == "Done."


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ((99.6, 99.58), ("99.60 %", "99.58 %")),
        ((99.97, 99.9957), ("99.970 %", "99.996 %")),
        ((11.0, 11.4), ("11.0 %", "11.4 %")),
        ((94.9, 99.97), ("94.9 %", "99.97 %")),
        ((100, 99.6), ("100 %", "99.6 %")),
        ((12.0, 15.0), ("12 %", "15 %")),
    ],
)
def test_what_is_compared_has_one_precision(pair: tuple[float, float], words: tuple[str, str]) -> None:
    assert compared(*pair) == words
