"""Ranges of times: when the incident was on, a window to look at, neither, or not to be told. Now is 20 Jan, 10:00."""

import pytest

from tests.extract.extracting import PLACE, iso, run

# The incident was on then: what comes before it is the baseline. Text -> incident_start, end_time
INCIDENT = [
    ("Incident on api.gateway.main in us-east (prod), 2024-01-20 06:30 - 08:00 UTC", "20T06:30", "20T08:00"),
    ("the outage ran from 06:30 to 08:00 UTC", "20T06:30", "20T08:00"),
    ("availability was low between 06:30 and 08:00", "20T06:30", "20T08:00"),
    ("errors from 06:30 until 08:00", "20T06:30", "20T08:00"),
    ("Errors today between 6:30 am and 8 am UTC", "20T06:30", "20T08:00"),
    ("Outage 06:30\u201308:00 UTC", "20T06:30", "20T08:00"),
    ("Outage: 2024-01-20 06:30 \u2013 08:00 UTC", "20T06:30", "20T08:00"),
    ("outage from 2024-01-20T06:30Z to 2024-01-20T08:00Z", "20T06:30", "20T08:00"),
    ("outage from 2024-01-20T08:30+02:00 to 2024-01-20T10:00+02:00", "20T06:30", "20T08:00"),
    ("Requests failed from 7:30 to 9:00 CET on 20 January", "20T06:30", "20T08:00"),
    ("All times are in CET.\nThe site was down from 07:30 to 09:00 on 2024-01-20.", "20T06:30", "20T08:00"),
    ("Yesterday from 14:00 to 15:15 UTC customers got errors", "19T14:00", "19T15:15"),
    ("there was an outage yesterday, 2pm to 3:15pm UTC", "19T14:00", "19T15:15"),
    ("Availability was below target last night from 23:10 to 01:20 UTC.", "19T23:10", "20T01:20"),
    ("The outage of Friday ran 23:30 - 00:40 UTC", "19T23:30", "20T00:40"),
    ("Incident window: 06:30-08:00", "20T06:30", "20T08:00"),
    ("Outage period: 2024-01-20 06:30 to 08:00 UTC", "20T06:30", "20T08:00"),
    ("- **Impact:** 06:30 to 08:00 UTC today", "20T06:30", "20T08:00"),
    ("| Duration | 06:30 - 08:00 UTC |", "20T06:30", "20T08:00"),
    ("When: 06:30 - 08:00 UTC", "20T06:30", "20T08:00"),
    ("Time of incident: 06:30 - 08:00 UTC", "20T06:30", "20T08:00"),
    ("06:30-08:00 UTC: 5xx on the gateway", "20T06:30", "20T08:00"),
    ("[06:30 - 08:00 UTC] error rate at 8%", "20T06:30", "20T08:00"),
    ("Between 06:30 and 08:00 UTC requests failed", "20T06:30", "20T08:00"),
    ("From 06:30 to 08:00 UTC, checkout was unavailable.", "20T06:30", "20T08:00"),
    ("Availability 92% from 06:30 to 08:00 UTC", "20T06:30", "20T08:00"),
    ("availability 06:30-08:00 UTC: 92.3 %", "20T06:30", "20T08:00"),
    ("Availability dropped to 92% between 06:30 and 08:00 UTC", "20T06:30", "20T08:00"),
    ("Error rate was higher than normal between 06:30 and 08:00.", "20T06:30", "20T08:00"),
    ("Errors spiked between 06:30 and 08:00", "20T06:30", "20T10:00"),
    ("It started between 07:30 and 07:40 CET. Deployed at 05:00 UTC.", "20T06:30", "20T10:00"),
    ("Errors spiked from 06:30 to 06:40", "20T06:30", "20T06:40"),
    ("The incident lasted 06:30 until 08:00 UTC.", "20T06:30", "20T08:00"),
    ("Users were affected from 06:30 up until about 08:00.", "20T06:30", "20T08:00"),
    ("incident 06:30 \u2192 08:00 UTC", "20T06:30", "20T08:00"),
    ("failing since 06:30Z until 08:00Z today", "20T06:30", "20T08:00"),
    ("Please investigate the outage from 06:30 to 08:00", "20T06:30", "20T08:00"),
    ("Please find out why checkout failed between 06:30 and 08:00", "20T06:30", "20T08:00"),
    ("[08:12] ann: can someone check? errors from 06:30 to 08:00", "20T06:30", "20T08:00"),
    ("The deploy ran from 06:10 to 06:25. Errors from 06:30 until 08:00", "20T06:30", "20T08:00"),
    ("No errors between 04:00 and 06:00. Errors from 06:30 until 08:00", "20T06:30", "20T08:00"),
    ("Errors between 06:30 and 08:00. Last week's outage ran from 01:00 to 02:00.", "20T06:30", "20T08:00"),
    ("Incident time range: 06:30 - 08:00", "20T06:30", "20T08:00"),
    ("Deploy 06:10-06:25, errors 06:30-08:00", "20T06:30", "20T08:00"),
    ("Status page: Major outage (06:30 UTC \u2013 08:00 UTC)", "20T06:30", "20T08:00"),
    ("errors 06:30 - now", "20T06:30", "20T10:00"),
    ("Today's incident (06:30 UTC till now)", "20T06:30", "20T10:00"),
    ("errors from 06:30 until now", "20T06:30", "20T10:00"),
    ("Start time: 2024-01-20 06:30\nEnd time: 2024-01-20 08:00", "20T06:30", "20T08:00"),
    ("Outage from 06:30 to 06:50, and another outage from 07:30 to 08:00 UTC", "20T06:30", "20T08:00"),
    ("errors spiked between 06:30 and 06:40", "20T06:30", "20T10:00"),
    ("checkout broke between 06:30 and 06:35", "20T06:30", "20T10:00"),
    # what says more plainly when it began or ended wins
    ("Errors between 06:30 and 08:00 UTC. They began at 06:20Z.", "20T06:20", "20T08:00"),
    ("Errors between 06:30 and 08:00 UTC, fully resolved at 08:20Z.", "20T06:30", "20T08:20"),
]  # fmt: skip

# A window that is written out. Text -> start_time, end_time
WINDOW = [
    ("Window: 06:30-08:00", "20T06:30", "20T08:00"),
    ("window 06:30 to 08:00", "20T06:30", "20T08:00"),
    ("Time range: 2024-01-20 06:30 - 08:00 UTC. Errors on checkout.", "20T06:30", "20T08:00"),
    ("Analysis window: 06:30\u201308:00", "20T06:30", "20T08:00"),
    ("- **Time window:** 2024-01-20T06:30Z \u2013 2024-01-20T08:00Z", "20T06:30", "20T08:00"),
    ("analysis window for the outage: 06:30 to 08:00", "20T06:30", "20T08:00"),
    ("Please use the time range 06:30 - 08:00 UTC", "20T06:30", "20T08:00"),
    ("look at 06:30 - 08:00", "20T06:30", "20T08:00"),
    ("Please check from 06:30 until now", "20T06:30", "20T10:00"),
    ("Please look at yesterday 14:00 - 15:15 UTC", "19T14:00", "19T15:15"),
    ("investigate from 06:30 to 08:00", "20T06:30", "20T08:00"),
    ("Investigate from 7:30 to 9:00 CET why requests fail", "20T06:30", "20T08:00"),
    ("Check availability between 06:30 and 08:00 UTC please", "20T06:30", "20T08:00"),
    ("Can you look between 06:30 and 08:00? Users complain.", "20T06:30", "20T08:00"),
    ("start_time: 2024-01-20T06:30Z, end_time: 2024-01-20T08:00Z", "20T06:30", "20T08:00"),
]

# It may be either: the window opens before it, and it is no start. Text -> end_time
EITHER = [
    ("06:30-08:00 UTC", "20T08:00"),
    ("06:30 UTC - now", "20T10:00"),
    ("Please look at the errors between 06:30 and 08:00", "20T08:00"),
    ("availability between 06:30 and 08:00 UTC", "20T08:00"),
    ("Period of low availability: 06:30 to 08:00 UTC", "20T08:00"),
]

# Something else's: the last hours are looked at, and what was read is told.
NEITHER = [
    ("The deploy ran from 06:10 to 06:25 UTC.", ("T06:10", "T06:25")),
    ("No errors between 04:00 and 06:00 UTC.", ("T04:00", "T06:00")),
    ("Maintenance is planned from 08:00 to 09:00 UTC.", ("T08:00", "T09:00")),
]


@pytest.mark.parametrize(("text", "start", "end"), INCIDENT, ids=lambda value: ascii(value)[:60])
def test_a_range_of_the_incident_is_its_start_and_end(text: str, start: str, end: str) -> None:
    result = run(PLACE + "\n" + text)
    assert result.parameters, result.questions
    found = result.parameters
    assert (iso(found.incident_start), iso(found.end_time)) == (start, end), (found.origins, result.notes)
    assert found.incident_start and (found.incident_start - found.start_time).total_seconds() == 2 * 3600
    assert found.origins["start_time"] == "incident_start - 2 h"
    assert found.origins["incident_start"].startswith("text")


@pytest.mark.parametrize(("text", "start", "end"), WINDOW, ids=lambda value: ascii(value)[:60])
def test_a_window_to_look_at_says_nothing_of_the_start(text: str, start: str, end: str) -> None:
    result = run(PLACE + "\n" + text)
    assert result.parameters, result.questions
    found = result.parameters
    assert (iso(found.incident_start), iso(found.start_time), iso(found.end_time)) == (None, start, end), found.origins


@pytest.mark.parametrize(("text", "end"), EITHER, ids=lambda value: ascii(value)[:60])
def test_a_range_that_may_be_either_opens_the_window_before_it(text: str, end: str) -> None:
    result = run(PLACE + "\n" + text)
    assert result.parameters, result.questions
    found = result.parameters
    assert (found.incident_start, iso(found.start_time), iso(found.end_time)) == (None, "20T04:30", end)
    assert any("may be when the incident was on, or only the window" in note for note in result.notes)


@pytest.mark.parametrize(("text", "told"), NEITHER, ids=lambda value: ascii(value)[:60])
def test_a_range_of_something_else_is_told(text: str, told: tuple[str, ...]) -> None:
    result = run(PLACE + "\n" + text)
    assert result.parameters and result.parameters.incident_start is None
    assert all(any(piece in note for note in result.notes) for piece in told), result.notes


def test_days_without_a_time_open_the_window_before_the_first() -> None:
    found = run(PLACE + "\noutage from 18 January to 19 January").parameters
    assert found and (found.incident_start, iso(found.start_time)) == (None, "17T22:00")


def test_a_flag_settles_what_a_range_may_be() -> None:
    text = PLACE + "\nPlease look at the errors between 06:30 and 08:00"
    ran = run(text, incident_start="2024-01-20T06:30Z").parameters
    assert ran and (iso(ran.start_time), iso(ran.end_time)) == ("20T04:30", "20T08:00")
    later = run(text, incident_start="2024-01-20T07:10Z").parameters
    assert later and (iso(later.start_time), iso(later.end_time)) == ("20T05:10", "20T08:00")
    window = run(text, start_time="2024-01-20T06:30Z").parameters
    assert window and (window.incident_start, iso(window.end_time)) == (None, "20T08:00")


def test_a_window_beside_the_time_the_incident_ran_stays_the_window() -> None:
    found = run(PLACE + "Window: 05:00-09:00 UTC. The outage ran from 06:30 to 08:00 UTC.").parameters
    assert found
    assert (iso(found.start_time), iso(found.incident_start), iso(found.end_time)) == (
        "20T05:00",
        "20T06:30",
        "20T09:00",
    )


def test_a_window_given_from_the_range_s_first_time_makes_it_the_window() -> None:
    text = PLACE + "Errors from 06:30 to 08:00"
    window = run(text, start_time="2024-01-20T06:30Z").parameters
    assert window and (window.incident_start, iso(window.end_time)) == (None, "20T08:00")
    ran = run(text, start_time="2024-01-20T05:00Z").parameters
    assert ran and (iso(ran.incident_start), iso(ran.end_time)) == ("20T06:30", "20T08:00")


def test_in_a_question_every_range_is_what_to_look_at() -> None:
    for text in ("Which endpoints failed between 06:30 and 08:00?", "Why was there an outage from 06:30 to 08:00?"):
        found = run(PLACE + text, ranges_are_windows=True).parameters
        assert found
        assert (iso(found.start_time), found.incident_start, iso(found.end_time)) == ("20T06:30", None, "20T08:00")


@pytest.mark.parametrize(
    "other",
    [
        "The cron window, 01:00Z to 03:00Z, came later.",
        "The import window, 01:00Z to 03:00Z, has nothing to do with it.",
        "Das Zeitfenster 01:00Z bis 03:00Z hat nichts damit zu tun.",
        "Nosotros hemos mirado: la ventana de las 01:00Z a las 03:00Z no tiene nada que ver con la incidencia.",
        "Nous avons regardé : la fenêtre de 01:00Z à 03:00Z est sans rapport avec la panne.",
    ],
)
def test_a_window_of_something_else_is_not_the_incident_s(other: str) -> None:
    found = run(f"{PLACE}Errors began 2024-01-19 23:12Z, gone 2024-01-20 00:03Z. {other}").parameters
    assert found and (iso(found.incident_start), iso(found.end_time)) == ("19T23:12", "20T00:03")
