"""The same reports in German, Spanish and French; zones by their place; how long it was. Now is 20 Jan, 10:00."""

import pytest

from tests.extract.extracting import iso, run
from tsg_agent.extract.words import LANGUAGES, data, words_in

# text -> incident_start, end_time
READ = [
    ("Desde las ocho y media de la mañana (hora de Madrid) PetSite (us-east, prod) acaba en error.",
     "20T07:30", "20T10:00"),
    ("Depuis 8 h 20 ce matin, heure de Paris, PetSite (us-east, prod) échoue.", "20T07:20", "20T10:00"),
    ("Das läuft seit anderthalb Stunden: PetSite antwortet in us-east (prod) mit 504.", "20T08:30", "20T10:00"),
    ("PetSite (us-east, prod) falla desde hace una hora y media.", "20T08:30", "20T10:00"),
    ("PetSite (us-east, prod) est en panne depuis deux heures et quart.", "20T07:45", "20T10:00"),
    ("PetSite (us-east, prod) est en panne depuis deux heures et quart UTC.", "20T02:15", "20T10:00"),
    ("PetSite (producción, us-east) falla desde la 1:15 de la madrugada UTC.", "20T01:15", "20T10:00"),
    ("PetSite, us-east, Produktion. Los ging es um 6:30 Uhr UTC, vorbei war es um 8:00 Uhr UTC.",
     "20T06:30", "20T08:00"),
    ("PetSite, us-east, prod\n20/01/2024 06:00 UTC se activa el flag\n20/01/2024 06:30 UTC primeras reservas fallidas",
     "20T06:30", "20T10:00"),
    ("Seit 07:30 Uhr MEZ wirft PetSite (us-east, prod) nur noch Fehler.", "20T06:30", "20T10:00"),
    ("PetSite us-east prod ist vor 40 Minuten ausgefallen, das war alles.", "20T09:20", "20T10:00"),
    ("Die Störung bei PetSite (us-east, prod) begann gestern um 14 Uhr 05 UTC und wurde um 15:20 Uhr UTC behoben.",
     "19T14:05", "19T15:20"),
    ("Zwischen 06:30 und 08:00 Uhr UTC war PetSite in us-east (prod) nicht erreichbar.", "20T06:30", "20T08:00"),
    ("Dienst: PetSite\nRegion: us-east\nUmgebung: Produktion\nBeginn: 20.01.2024 07:30 MEZ\nEnde: 20.01.2024 09:00 MEZ",
     "20T06:30", "20T08:00"),
    ("Der Ausfall von PetSite (us-east, prod) begann um 06:30 UTC und dauerte eine Stunde und 10 Minuten.",
     "20T06:30", "20T07:40"),
    ("PetSite (us-east, prod) está caído desde las 06:30 UTC; se resolvió a las 08:00 UTC.", "20T06:30", "20T08:00"),
    ("Los errores en PetSite (us-east, producción) empezaron ayer a las 14:05 UTC y terminaron a las 15:20 UTC.",
     "19T14:05", "19T15:20"),
    ("Entre las 06:30 y las 08:00 UTC PetSite no respondía en us-east (prod).", "20T06:30", "20T08:00"),
    ("La caída de PetSite (us-east, prod) empezó hace media hora.", "20T09:30", "20T10:00"),
    ("Servicio: PetSite\nRegión: us-east\nEntorno: prod\nInicio: 20/01/2024 06:30 UTC\nFin: 20/01/2024 08:00 UTC",
     "20T06:30", "20T08:00"),
    ("PetSite est en panne sur us-east (prod) depuis 06h30 UTC, rétabli à 8h UTC.", "20T06:30", "20T08:00"),
    ("L'incident sur PetSite (us-east, prod) a débuté le 19 janvier vers 14h05 UTC ; retour à la normale à 15h20 UTC.",
     "19T14:05", "19T15:20"),
    ("Entre 6h30 et 8h00 UTC, PetSite était en panne sur us-east (prod).", "20T06:30", "20T08:00"),
    ("La panne de PetSite (us-east, prod) a commencé à 06:30 UTC et a duré 1h10.", "20T06:30", "20T07:40"),
    # --- the window's end in English
    ("PetSite us-east prod errors up, started 2024-01-20T06:30Z, now 2024-01-20T08:00Z", "20T06:30", "20T08:00"),
    ("PetSite us-east prod failing since 06:30Z. It is 08:00Z now.", "20T06:30", "20T08:00"),
    ("PetSite us-east prod: errors began 06:30Z; we stopped looking at 08:00Z", "20T06:30", "20T08:00"),
    ("PetSite us-east prod: outage of 90 minutes starting 06:30Z", "20T06:30", "20T08:00"),
    ("PetSite us-east prod: 90-minute outage, resolved 08:00Z", "20T06:30", "20T08:00"),
    ("PetSite us-east prod broke at 06:30Z (T0). T+5m: paged. T+90m: resolved.", "20T06:30", "20T08:00"),
    ("PetSite us-east prod broke at 06:30Z; it recovered 90 minutes later", "20T06:30", "20T08:00"),
    # --- zones
    ("Notes from Bangalore (all times IST), 20 January 2024: PetSite us-east prod\n12:00 errors begin\n13:30 resolved",
     "20T06:30", "20T08:00"),
    ("PetSite us-east prod, UTC\n0610 deploy\n0630 errors begin\n0700 page\n0800 recovered", "20T06:30", "20T08:00"),
    ("Vorfall PetSite, us-east, prod. Beginn gegen 07:30, Ende gegen 09:00 (alle Zeiten MEZ).", "20T06:30", "20T08:00"),
    ("The PetSite service (us-east, prod) dropped to 91% at 06:30Z and was fine by 08:00Z", "20T06:30", "20T08:00"),
    ("PetSite us-east prod: it began at 1:30 AM and was resolved at 3:00 AM (Eastern)", "20T06:30", "20T08:00"),
    ("PetSite us-east prod: Fehler seit 07:30 Uhr MEZ, behoben um 09:00 Uhr", "20T06:30", "20T08:00"),
    ("PetSite us-east prod falla desde las 07:30 (hora de Madrid), resuelto a las 09:00 (hora de Madrid)",
     "20T06:30", "20T08:00"),
    ("PetSite us-east prod down from 06:30 UTC (07:30 in Munich) until 08:00 UTC", "20T06:30", "20T08:00"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "start", "end"), READ, ids=lambda value: ascii(value)[:60])
def test_reports_are_read_in_four_languages(text: str, start: str, end: str) -> None:
    result = run(text)
    assert result.parameters, result.questions
    found = result.parameters
    assert (iso(found.incident_start), iso(found.end_time)) == (start, end), (found.origins, result.notes)
    assert (found.service_name, found.region, found.environment) == ("PetSite", "us-east", "prod")


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ("PetSite ist in us-east (prod) kaputt, ging gestern nachmittag um halb zwei los.", "19T13:30"),
        ("PetSite us-east prod ist tot, ging heut früh um fünf nach halb sieben los (utc), Neustart hat nix gebracht",
         "20T06:35"),
        ("Seit Viertel nach Mitternacht ist PetSite in us-east (prod) nicht erreichbar.", "20T00:15"),
        ("Die Störung bei PetSite (us-east, prod) begann gestern um zwanzig nach vierzehn.", "19T14:20"),
        ("PetSite est en panne sur us-east (prod) depuis minuit vingt.", "20T00:20"),
        ("PetSite est en panne sur us-east (prod) depuis hier à midi moins le quart UTC.", "19T11:45"),
        ("La panne de PetSite (us-east, prod) a commencé hier à quatorze heures dix.", "19T14:10"),
        ("PetSite está caído en us-east (prod) desde ayer a las catorce y veinte UTC.", "19T14:20"),
        ("PetSite está caído en us-east (prod) desde ayer al mediodía y cuarto UTC.", "19T12:15"),
        ("PetSite us-east prod has been failing since a quarter past midnight.", "20T00:15"),
        ("PetSite us-east prod: errors began yesterday at ten to noon UTC.", "19T11:50"),
    ],
)  # fmt: skip
def test_a_clock_is_spoken_in_four_languages(said: str, start: str) -> None:
    found = run(said)
    assert found.parameters and iso(found.parameters.incident_start) == start, (found.parameters, found.notes)


@pytest.mark.parametrize("zone", ["(hora de Springfield)", "(heure de Trifouillis)", "Entenhausener Zeit", "XKT"])
def test_a_zone_that_is_not_known_is_asked_and_never_utc(zone: str) -> None:
    (question,) = run(f"PetSite us-east prod failing since 06:30 {zone}").questions
    assert question.parameter == "incident_start"


@pytest.mark.parametrize(
    "said",
    [
        "Seit 06:30 ist PetSite in us-east (prod) kaputt, und das ganz.",
        "PetSite (us-east, prod), depuis 06h30, est en panne, et les erreurs montent.",
    ],
)
def test_a_verb_behind_a_time_is_no_zone(said: str) -> None:
    found = run(said).parameters
    assert found and iso(found.incident_start) == "20T06:30"


@pytest.mark.parametrize("rule", ["5xx>5% for 10m", "errors over 5 % for 10 minutes", "availability below 95% for 5m"])
def test_how_long_an_alert_waits_is_not_how_long_it_has_failed(rule: str) -> None:
    found = run(f"PetSite: {rule} (us-east prod), fired 08:30 UTC").parameters
    assert found and (found.incident_start, iso(found.start_time)) == (None, "20T06:30")


def test_another_event_s_time_is_no_start_in_any_language() -> None:
    for text in (
        "PetSite us-east prod: das Deployment begann um 06:30 Uhr, sonst ist nichts bekannt.",
        "PetSite us-east prod: el despliegue empezó a las 06:30, no se sabe más.",
        "PetSite us-east prod : le déploiement a commencé à 06:30, on ne sait pas plus.",
    ):
        result = run(text)
        assert result.parameters and result.parameters.incident_start is None, result.parameters
        assert any("2024-01-20T06:30:00Z" in note for note in result.notes)


def test_a_language_is_told_by_two_of_its_marks() -> None:
    assert words_in("The gateway fails, die APIs too").languages == ("en",)
    assert words_in("seit heute fällt das aus").languages == ("en", "de")
    assert words_in("hier ist nichts, wir haben gestern gesucht").languages == ("en", "de")  # and not French


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_all_months_and_weekdays(language: str) -> None:
    calendar = data(language)["calendar"]
    assert (len(calendar["months"]), len(calendar["weekdays"])) == (12, 7)
