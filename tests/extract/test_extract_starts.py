"""An incident's start in many words, and what is no start though a time stands beside it. Now is 20 Jan, 10:00."""

from datetime import datetime, timedelta

import pytest

from tests.extract.extracting import KNOWN, NOW, PLACE, asked, iso, run

AT_HALF_PAST_SIX = [
    # broke
    "It broke at 06:30Z", "api.gateway.main went down at 06:30Z today", "the API crashed at 6:30 am UTC",
    "service degraded at 06:30", "checkout stopped working at 06:30", "The site became unreachable around 06:30 UTC.",
    "at 06:30 everything broke", "06:30 - checkout breaks", "06:30Z checkout went down", "it all went wrong at 06:30",
    "Deployed 3.15 at 06:25. Broke at 06:30.", "The gateway stopped responding at 06:30Z; recovered at 08:00Z.",
    # availability fell, errors rose
    "the hit ratio fell at 06:30", "replication lag rose at 06:30", "the backlog grew at 06:30",
    "misses doubled at 06:30",
    "availability dropped at 06:30 UTC", "availability dropped to 92% at 06:30", "availability fell below SLA at 06:30",
    "availability fell from 99.9% to 92% at 06:30", "success rate tanked at 06:30", "availability plunged around 06:30",
    "At 06:30 UTC availability dropped to 92 %.", "availability went down at 06:30", "It dropped to 92% at 06:30",
    "error rate spiked at 06:30", "errors jumped to 8% at 06:30", "5xx went through the roof at 06:30",
    "latency rose at 06:30", "06:30 UTC: error rate jumped to 8 %",
    # began
    "first seen at 06:30 UTC", "First seen: 06:30 UTC", "first errors 06:30 UTC", "the first 503s were logged at 06:30",
    "06:30 first failed requests", "problem appeared at 06:30", "errors kicked in at 06:30",
    "The incident happened at 06:30", "Start: 06:30", "latency and errors appeared at 06:30",
    "Started at: 06:30", "Down since: 06:30", "Since 06:30 we see 503s",
    "everything failed from 06:30", "checkout has not worked since 06:30", "customers can't pay since 06:30",
    "06:30 UTC: errors start", "began around 6:30 am",
    # counted back from now
    "half an hour ago, that is at 9:30, we looked; it broke at 06:30", "Errors for three and a half hours",
    "it has been down for the last three and a half hours", "It started about 3h30m ago",
    "the 503s started 3 hours and a half ago", "outage for 3.5 hours now", "failing for 210 minutes",
    # what is said more plainly wins
    "Errors began at 06:30Z. Availability dropped to 92% at 06:40Z.", "Availability fell at 06:35Z. Started: 06:30Z",
]  # fmt: skip

NO_START = [
    "the lag fell at 06:30", "our team grew at 06:30",
    "latency dropped at 06:30", "errors dropped at 06:30", "the error rate fell back at 06:30", "CPU spiked at 06:30",
    "traffic dropped at 06:30", "we dropped the table at 06:30", "a server crashed at 06:30", "pods crashed at 06:30",
    "complaints spiked at 06:30", "errors as of 06:30", "we noticed errors at 06:30", "the deploy broke at 06:30",
    "availability dropped further at 06:30", "errors went down at 06:30", "I broke the build at 06:30",
    "it did not break at 06:30", "availability would drop at 06:30", "Last week it broke at 06:30",
    "first deployed at 06:30", "the first call was at 06:30", "availability increased at 06:30",
]  # fmt: skip


@pytest.mark.parametrize("text", AT_HALF_PAST_SIX)
def test_a_start_is_read_in_many_words(text: str) -> None:
    result = run(PLACE + "\n" + text)
    assert result.parameters, result.questions
    assert iso(result.parameters.incident_start) == "20T06:30", (result.parameters.origins, result.notes)


@pytest.mark.parametrize("text", NO_START)
def test_a_time_at_which_something_else_happened_is_no_start_and_is_told(text: str) -> None:
    result = run(PLACE + "\n" + text)
    assert result.parameters and result.parameters.incident_start is None, result.questions
    told = "2024-01-20T06:30:00Z" in "".join(result.notes)
    assert told or iso(result.parameters.end_time) == "20T06:30", result.notes


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        ("an hour and a half", 90), ("the last hour and a half", 90), ("1h15m", 75), ("an hour and a quarter", 75),
        ("75 minutes", 75), ("three quarters of an hour", 45), ("the past hour", 60), ("2.25 hours", 135),
        ("half an hour", 30), ("about two hours", 120),
    ],
)  # fmt: skip
def test_how_long_it_has_failed_says_when_it_began(words: str, minutes: int) -> None:
    found = run(PLACE + f"Checkout has been failing for {words}.").parameters
    assert found and found.incident_start
    assert datetime.fromisoformat("2024-01-20T10:00Z") - found.incident_start == timedelta(minutes=minutes)


def test_a_text_without_times_is_of_the_last_hours_and_says_so() -> None:
    result = run(PLACE + "The gateway fails.")
    assert result.parameters and result.parameters.incident_start is None
    assert (iso(result.parameters.start_time), iso(result.parameters.end_time)) == ("20T06:00", "20T10:00")
    assert "does not say when it began" in result.parameters.origins["start_time"]


def test_the_last_hours_reach_back_to_a_time_that_the_text_names() -> None:
    found = run(PLACE + "Complaints at 02:30Z today.").parameters
    assert found and (found.incident_start, iso(found.start_time)) == (None, "20T00:30")


def test_an_exact_start_is_asked_for_where_the_text_has_none() -> None:
    assert asked(run(PLACE + "We noticed errors at 06:30.", exact_start=True)) == {
        "incident_start": ("2024-01-20T06:30:00Z",)
    }
    found = run(PLACE + "Errors began at 06:30.", exact_start=True).parameters
    assert found and found.exact_start and iso(found.incident_start) == "20T06:30"


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ("The api was fine until 06:30.", "20T06:30"),
        ("The api was not fine until 06:30.", None),
        ("It is no longer failing since 06:30.", None),
        ("There have been no errors since 06:30.", None),
        ("The outage did not start at 07:10 but at 06:30.", "20T06:30"),
        ("Errors began at half past six in the evening on 19 January.", "19T18:30"),
        ("Errors began at 06:10. We went through the proxy logs: the first 503 is at 06:30.", "20T06:30"),
        ("Fehler begannen um 06:10 Uhr. Laut den Logs kam der erste Fehler um 06:30 Uhr.", "20T06:30"),
        ("Los errores empezaron a las 06:10. Según los logs, empezaron a las 06:30.", "20T06:30"),
        ("Les erreurs ont commencé à 06:10. D'après les logs, elles ont commencé à 06:30.", "20T06:30"),
        ("errs 12,5 % from 0630z", "20T06:30"),
        ("5xx 4.1% from 0630z", "20T06:30"),
    ],
)
def test_a_start_is_said_by_what_ended_or_corrected(said: str, start: str | None) -> None:
    found = run(PLACE + said).parameters
    assert found and iso(found.incident_start) == start


def test_a_spoken_time_is_the_latest_before_now() -> None:
    found = run(PLACE + "Errors since half past six.")
    assert found.parameters and iso(found.parameters.incident_start) == "20T06:30"
    evening = NOW + timedelta(hours=9)
    later = run(PLACE + "Errors since half past six.", KNOWN.model_copy(update={"last": evening}), now=evening)
    assert later.parameters and iso(later.parameters.incident_start) == "20T18:30"
    assert any("it may be 2024-01-20T06:30:00Z" in note for note in later.notes)


def test_a_chat_says_when_it_began_and_that_it_is_over() -> None:
    talk = "08:02 <ann> 500s again\n08:03 <ben> since when?\n08:05 <ann> graph says 07:54\n08:48 <ben> recovered"
    found = run(PLACE + "\n" + talk).parameters
    assert found and (iso(found.incident_start), iso(found.end_time)) == ("20T07:54", "20T08:48")


def test_a_copied_chat_is_read_and_its_zone_is_what_it_answers() -> None:
    said = ["2:03 503s everywhere", "2:05 since when?", "2:05 1:31", "2:06 EST?", "2:07 yes, EST"]
    talk = "\n".join(f"ann  {at} AM\n{words}" for at, _, words in (one.partition(" ") for one in said))
    found = run(PLACE + "\n" + talk).parameters
    assert found and iso(found.incident_start) == "20T06:31"


@pytest.mark.parametrize("said", ["down in us-east 210 minutes ago", "gateway caído en us-east hace 210 minutos"])
def test_what_fails_and_how_long_ago_says_when_it_began(said: str) -> None:
    found = run(PLACE + said).parameters
    assert found and iso(found.incident_start) == "20T06:30"


@pytest.mark.parametrize("said", ["Error rate 6.2 % over the last 5 min.", "errors dropped 20 minutes ago"])
def test_how_long_a_share_was_measured_over_and_when_it_fell_are_no_start(said: str) -> None:
    found = run(PLACE + said).parameters
    assert found and (found.incident_start, iso(found.start_time)) == (None, "20T06:00")


def test_a_day_that_the_telemetry_does_not_cover_is_not_carried_over() -> None:
    result = run(PLACE + "Like INC-7 of 5 January (08:30-09:15)? This time errors began at 06:30 UTC.")
    assert result.parameters and iso(result.parameters.incident_start) == "20T06:30"
    assert any("it may be 2024-01-05T06:30:00Z" in note for note in result.notes), result.notes
    covered = run(PLACE + "Like INC-7 of 19 January (08:30-09:15)? This time errors began at 06:30 UTC.")
    assert covered.parameters and iso(covered.parameters.incident_start) == "19T06:30"


@pytest.mark.parametrize(
    ("reply", "start"),
    [
        ("Berichtigung: Nicht um 06:10, sondern erst um 06:30 Uhr ging es los.", "20T06:30"),
        ("Correction: it did not begin at 06:10 but at 06:30 UTC.", "20T06:30"),
        ("Corrección: no empezó a las 06:10 sino a las 06:30, y es así.", "20T06:30"),
        ("Correction : ça n'a pas commencé à 06:10 mais à 06:30, et c'est tout.", "20T06:30"),
        ("Correction: it began at 05:50 UTC.", "20T05:50"),
    ],
)
def test_a_reply_corrects_the_report_that_it_quotes(reply: str, start: str) -> None:
    quoted = "> PetSite in us-east (prod) returns 503 since 06:10 UTC.\n> We promised 99.95 %."
    found = run(f"{reply}\n\nOn Saturday Ann wrote:\n{quoted}").parameters
    assert found and (iso(found.incident_start), found.threshold) == (start, 99.95)


def test_a_quoted_target_is_asked_about_where_the_reply_corrects_nothing() -> None:
    found = run("PetSite in us-east (prod) fails since 06:30 UTC.\n\n> We promised 99.95 %.")
    assert "threshold" in asked(found)
