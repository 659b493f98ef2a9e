"""What a text says and nothing uses is told: it may be what was meant."""

import pytest

from tests.extract.extracting import PLACE, asked, iso, run


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It began at 06:30. Alarm at 06:50.", "2024-01-20T06:50:00Z"),
        ("It began at 06:30, and 06:40 is when it hurt.", "2024-01-20T06:40:00Z"),
        ("Errors for the third time. 45 minutes already.", "since 2024-01-20T09:15:00Z"),
        ("It began at 06:30. Availability of 99.95 is what we owe.", "99.95"),
        ("It began at 06:30. Budget 0.05 %.", "it would be 99.95 %"),
        ("It began at 06:30. SLA 99.5 % but internal SLO 99.7 %.", "99.5"),
        ("It began at 06:30. payments is fine.", 'service "payments"'),
        ("It began at 06:30. us-west-2 was looked at, too.", 'region "us-west-2"'),
        ("It began at 06:30, says Berlin.", "2024-01-20T05:30:00Z (Europe/Berlin)"),
        ("It began at 06:30. Mail of 2024-01-20T09:00:00-03:00.", "2024-01-20T09:30:00Z (-03:00)"),
    ],
)
def test_what_serves_for_nothing_is_told(text: str, told: str) -> None:
    result = run(PLACE + text)
    said = [*result.notes, *(f"{one.text} {one.candidates}" for one in result.questions)]
    assert any(told in one for one in said), said


def test_a_text_whose_times_all_serve_has_no_notes() -> None:
    assert not run(PLACE + "It began at 06:30 and ended at 09:10. The SLA is 99.5 %.").notes


@pytest.mark.parametrize(
    "text",
    [
        "Failing since 9:2x UTC.",
        "Failing since around two.",
        "It began at 0725.",
        "Kaputt seit kurz nach zwei.",
        "Seit dreiviertel drei.",
    ],
)
def test_a_time_that_is_not_read_is_told(text: str) -> None:
    result = run(PLACE + text)
    assert result.parameters and result.parameters.incident_start is None
    assert any("Not understood as a time" in note and text[-6:-1] in note for note in result.notes), result.notes


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("It began at 08:30 (+0200).", "20T06:30"),
        ("It began at 01:30 NYC time.", "20T06:30"),
        ("Kaputt seit halb acht heute früh, berliner zeit.", "20T06:30"),
        ("Kaputt, Fehler seit 07:30 Uhr deutscher Zeit.", "20T06:30"),
        ("[20.01.24, 06:45] Tom: since when?\n[20.01.24, 06:46] Eva: errors since 06:30", "20T06:30"),
        ("It began at 1705732200.512", "20T06:30"),
        ("start_epoch: 1705732200", "20T06:30"),
        ("En panne depuis environ 06h.", "20T06:00"),
        ("The outage lasted 35 minutes, over since 07:05 UTC.", "20T06:30"),
        (
            "\nService: api.gateway.main\n20 January\n* down since 06:30 UTC\n* payments was fixed yesterday at 18:20",
            "20T06:30",
        ),
        ("Bouncing, errors since quarter past six UTC.", "20T06:15"),
    ],
)
def test_times_in_other_hands(text: str, start: str) -> None:
    result = run(PLACE + text)
    assert result.parameters is not None, result.questions
    assert iso(result.parameters.incident_start) == start, (result.parameters.origins, result.notes)


def test_an_alert_s_rule_is_no_window() -> None:
    found = run(PLACE + "5xx above 5 % over the last 10 minutes. Triggered at 06:30 UTC.").parameters
    assert found is not None
    assert iso(found.start_time) == "20T04:30"


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("Under the SLA 0.5 % of the requests may fail.", 99.5),
        ("> On Jan 3 it was down, SLA 95 %\nIt is down again.", 99.9),
    ],
)
def test_what_may_fail_is_the_rest_of_the_target(text: str, threshold: float) -> None:
    found = run(PLACE + f"It began at 06:30.\n{text}").parameters
    assert found is not None
    assert found.threshold == threshold


@pytest.mark.parametrize(
    ("text", "region", "environment"),
    [
        ("payments down in us-east? no, us-west-2 prod. us-east is clean", "us-west-2", "prod"),
        (
            "The bot says us-east prod: the host is in us-west-2 and us-east has no errors. payments",
            "us-west-2",
            "prod",
        ),
        ("payments in us-east: betroffen ist nur prod, staging läuft sauber", "us-east", "prod"),
        ("payments us-east prod: all green at 05:50 UTC, red at 06:30 UTC", "us-east", "prod"),
        ("payments in us-east, us-west fine, prod", "us-east", "prod"),
        ("Host: payments-prod-us-west-2-01", "us-west-2", "prod"),
        ("payments, eu-central, live", "eu-central", "prod"),
    ],
)
def test_what_is_well_is_not_what_fails(text: str, region: str, environment: str) -> None:
    found = run(f"{text}\nIt began at 06:30.")
    assert found.parameters is not None, found.questions
    assert (found.parameters.region, found.parameters.environment) == (region, environment)


@pytest.mark.parametrize(
    "text", ["in all regions", "all regions: errors", "not in all regions", "Region: mars, all regions"]
)
def test_all_regions_are_no_region(text: str) -> None:
    assert set(asked(run(f"payments prod fails; {text}.\nIt began at 06:30."))) == {"region"}


def test_all_but_one_region_is_not_that_one() -> None:
    assert set(asked(run("payments prod in every region but us-east. It began at 06:30."))) == {"region"}
