"""Regions, services and environments are only ever the telemetry's own; anything unclear is asked."""

import pytest

from tests.extract.extracting import KNOWN, asked, run
from tsg_agent.errors import ParameterError
from tsg_agent.extract import Known
from tsg_agent.extract.names import KnownNames

BEGAN = " It began at 2024-01-20T06:30Z."
ONE = KNOWN.model_copy(update={"regions": ("us-east",), "services": ("PetSite",), "environments": ("prod",)})

# text -> region, service, environment, other regions
SETTLED = [
    ("api.gateway.main fails in us-east (prod).", "us-east", "api.gateway.main", "prod", ()),
    ("PetSite fails in US East, production.", "us-east", "PetSite", "prod", ()),
    ("No es us-west, es us-east. PetSite, prod.", "us-east", "PetSite", "prod", ()),
    ("PetSite, us-east, prod. SLA of the service: four nines.", "us-east", "PetSite", "prod", ()),
    ("It is us-west. No, wait, us-east. PetSite, prod.", "us-east", "PetSite", "prod", ("us-west",)),
    ("PetSite on gw-us-west-2-01.prod.example", "us-west-2", "PetSite", "prod", ()),
    ("petsite fails in us_west_2, staging environment.", "us-west-2", "PetSite", "staging", ()),
    ("Pet Site fails in US-WEST-2 PROD", "us-west-2", "PetSite", "prod", ()),
    ("PetSite fails in us-west in prod, since the morning", "us-west", "PetSite", "prod", ()),
    ("PetSite's 5xx in us-west/us-east, prd", "us-west", "PetSite", "prod", ("us-east",)),
    ('Alarm "payments-prod-5xx" in us-west-2', "us-west-2", "payments", "prod", ()),
    ("[FIRING] 5xx region=us-west-2 service=PetSite env=prod", "us-west-2", "PetSite", "prod", ()),
    ('{"region": "eu-central", "serviceName": "payments", "environment": "dev"}', "eu-central", "payments", "dev", ()),
    ("Region: eu-central, Service: payments, Env: staging", "eu-central", "payments", "staging", ()),
    ("- **Region:** us-west\n- **Service name:** `PetSite`\n- **Environment:** Production",
     "us-west", "PetSite", "prod", ()),
    ("| Region | us-west |\n| Service | PetSite |\n| Environment | prod |", "us-west", "PetSite", "prod", ()),
    ("Service: PetSite. It calls payments and api.gateway.main. us-east prod", "us-east", "PetSite", "prod", ()),
    ("Affected services: PetSite\npayments is fine\nus-east prod", "us-east", "PetSite", "prod", ()),
    ("Regions:\n- eu-central\n- us-east\n\nPetSite, prod", "eu-central", "PetSite", "prod", ("us-east",)),
    ("PetSite prod fails, mostly in us-west; us-east a little", "us-west", "PetSite", "prod", ("us-east",)),
    ("PetSite prod: us-west and eu-central are fine. us-east fails.", "us-east", "PetSite", "prod", ()),
    ("payments is healthy, PetSite is not. us-east prod", "us-east", "PetSite", "prod", ()),
    ("PetSite in us-east, prod. The development team and the test engineers look.", "us-east", "PetSite", "prod", ()),
    ("PetSite in us-east, prod (not staging)", "us-east", "PetSite", "prod", ()),
    ("PetSite, us-east, prod; at this stage nobody knows", "us-east", "PetSite", "prod", ()),
    ("Region: n/a\nPetSite prod us-west", "us-west", "PetSite", "prod", ()),
    ("us\u200b-east \u202ePetSite\u202c prod\x00", "us-east", "PetSite", "prod", ()),
    ("PetSite in us\u2011east, prod", "us-east", "PetSite", "prod", ()),
    ("Region: us-east-1 is what AWS says, here\nregion: us-east\nPetSite prod", "us-east", "PetSite", "prod", ()),
]  # fmt: skip

# text -> the parameter asked for, and its candidates
OPEN = [
    ("PetSite prod fails in us-east-1", "region", ("us-east", "us-west", "us-west-2", "eu-central")),
    ("PetSite prod, region: ap-south", "region", ("us-east", "us-west", "us-west-2", "eu-central")),
    ("PetSite prod fails in US West 3", "region", ("us-east", "us-west", "us-west-2", "eu-central")),
    ("PetSite prod fails", "region", ("us-east", "us-west", "us-west-2", "eu-central")),
    ("PetSite prod fails in EU", "region", ("us-east", "us-west", "us-west-2", "eu-central")),
    ("region: all\nPetSite prod", "region", ("us-east", "us-west", "us-west-2", "eu-central")),
    ("us-east prod: PetSite and payments fail", "service_name", ("PetSite", "payments")),
    ("us-east prod: the shop fails", "service_name", ("api.gateway.main", "PetSite", "payments")),
    ("us-east prod: api.gateway fails", "service_name", ("api.gateway.main", "PetSite", "payments")),
    ("us-east prod: PetSiteX and xpayments fail", "service_name", ("api.gateway.main", "PetSite", "payments")),
    ("us-east prod, Service: payment-api; PetSite is slow",
     "service_name", ("payments", "api.gateway.main", "PetSite")),
    ("Service: PetSite, payments\nus-east prod", "service_name", ("PetSite", "payments")),
    ("PetSite us-east prod and staging", "environment", ("prod", "staging")),
    ("PetSite us-east in pre-prod", "environment", ("prod", "staging", "dev")),
    ("PetSite us-east, the development team", "environment", ("prod", "staging", "dev")),
    ("PetSite us-east, environment: qa", "environment", ("prod", "staging", "dev")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "region", "service", "environment", "others"), SETTLED, ids=lambda value: repr(value)[:60]
)
def test_names_are_matched_to_the_telemetry(
    text: str, region: str, service: str, environment: str, others: tuple[str, ...]
) -> None:
    result = run(text + BEGAN)
    assert result.parameters, result.questions
    found = result.parameters
    assert (found.region, found.service_name, found.environment) == (region, service, environment), found.origins
    assert found.other_regions == others


@pytest.mark.parametrize(
    ("environments", "text", "expected"),
    [
        (("prod", "staging"), "in production", "prod"),
        (("prod", "staging"), "environment: live", "prod"),
        (("prod", "staging"), "the live environment", "prod"),
        (("prod", "staging"), "environment: stage", "staging"),
        (("prod", "dev"), "(development)", "dev"),
        (("production", "stage", "development"), "in prod", "production"),
        (("production", "stage", "development"), "in staging", "stage"),
        (("production", "stage", "development"), "in dev", "development"),
        (("PROD", "STG", "TST"), "environment: production", "PROD"),
        (("PROD", "STG", "TST"), "env=test", "TST"),
        (("prod", "preprod"), "in pre-production", "preprod"),
        (("prod", "preprod"), "in production", "prod"),
        (("live", "qa"), "production is down", "live"),
        # one that the telemetry itself spells so is no synonym; of several, none is picked
        (("prod", "production"), "in production", "production"),
        (("prod", "production"), "environment: live", None),
        (("prod", "staging"), "we live in interesting times", None),
        (("prod", "staging"), "in pre-production", None),
        (("prod", "dev"), "a fix is in development", None),
    ],
)
def test_environments_are_known_by_their_common_names(
    environments: tuple[str, ...], text: str, expected: str | None
) -> None:
    result = run(f"PetSite us-east, {text}.{BEGAN}", KNOWN.model_copy(update={"environments": environments}))
    if expected is None:
        assert set(asked(result)) == {"environment"}
    else:
        assert result.parameters and result.parameters.environment == expected


@pytest.mark.parametrize(("text", "parameter", "candidates"), OPEN, ids=lambda value: repr(value)[:60])
def test_what_is_unclear_is_asked(text: str, parameter: str, candidates: tuple[str, ...]) -> None:
    questions = asked(run(text + BEGAN))
    assert set(questions) == {parameter}
    assert questions[parameter][:1] == candidates[:1] if "Service:" in text else True
    assert set(questions[parameter]) == set(candidates)


def test_the_only_value_in_the_telemetry_serves_and_says_so() -> None:
    extraction = run("Everything is down." + BEGAN, ONE)
    found = extraction.parameters
    assert found and (found.region, found.service_name, found.environment) == ("us-east", "PetSite", "prod")
    for parameter in ("region", "service_name", "environment"):
        assert "the only" in found.origins[parameter]
    assert any("is looked at: it is the only service" in note for note in extraction.notes)


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("region: ap-south", "region"),
        ("Everything in eu-central-1 is down.", "region"),
        ("Service: checkout", "service_name"),
        ("environment: staging", "environment"),
    ],
)
def test_another_than_the_only_value_is_asked_and_never_picked(text: str, parameter: str) -> None:
    assert set(asked(run(text + "\n" + BEGAN, ONE))) == {parameter}


@pytest.mark.parametrize("text", ["region: ap-south", "Everything in eu-central-1 is down."])
def test_telemetry_that_records_no_region_is_looked_at_whole_and_says_so(text: str) -> None:
    found = run(text + "\n" + BEGAN, ONE.model_copy(update={"regions": ("all",)}))
    assert found.parameters and found.parameters.region == "all"
    assert any("does not record regions" in note for note in found.notes)


def test_a_zone_of_the_only_region_is_no_other_region() -> None:
    known = ONE.model_copy(update={"regions": ("us-east-1",)})
    found = run("PetSite prod, hosts in us-east-1a." + BEGAN, known).parameters
    assert found and found.region == "us-east-1"


def test_spellings_alike_are_told_apart_by_the_exact_one() -> None:
    known = ONE.model_copy(update={"regions": ("us-east", "us_east")})
    assert run("in us_east" + BEGAN, known).parameters.region == "us_east"
    assert asked(run("in US East" + BEGAN, known))["region"] == ("us-east", "us_east")


def test_names_with_pattern_characters_and_quotes() -> None:
    odd = Known(regions=("a.*b(", "O'Brien; DROP TABLE x --"), services=("[x]+", "y"), environments=("p+d",))
    result = run("region: O'Brien; DROP TABLE x --\nservice: [x]+\nenvironment: p+d\n" + BEGAN, odd)
    assert result.parameters and result.parameters.region == "O'Brien; DROP TABLE x --"
    assert result.parameters.service_name == "[x]+"


@pytest.mark.parametrize("said", ["fails at AWS::ECS::Fargate.", "(aws::ecs::fargate)", "AWS ECS Fargate is down"])
def test_names_may_hold_more_than_one_mark_in_a_row(said: str) -> None:
    found = KnownNames(("AWS::ECS::Fargate", "AWS::ECS")).find(said)
    assert [hit.values for hit in found] == [("AWS::ECS::Fargate",)]


def test_of_several_services_the_one_with_its_place_is_meant() -> None:
    found = run(
        "PetSite (prod, us-east) is under 99.9 %. Restart payments, it has 502s. Why does api.gateway.main log errors?"
        + BEGAN
    )
    assert found.parameters and found.parameters.service_name == "PetSite"
    assert any("named with where it runs" in note for note in found.notes)
    assert set(asked(run("payments or PetSite (prod, us-east) fails." + BEGAN))) == {"service_name"}


@pytest.mark.parametrize(
    ("region", "short"), [("us-west-2", "usw2"), ("ap-northeast-1", "apne1"), ("eu-central-1", "EUC1")]
)
def test_a_region_is_known_by_its_short_code(region: str, short: str) -> None:
    found = KnownNames((region, "us-east-1", "eu-west-1")).find(f"checkout prod {short} DOWN")
    assert [hit.values for hit in found] == [(region,)]


def test_flags_win_and_are_normalised() -> None:
    text = "region: us-west service: payments env: staging" + BEGAN
    found = run(text, region="US East", service_name="petsite", environment="production").parameters
    assert found and (found.region, found.service_name, found.environment) == ("us-east", "PetSite", "prod")
    assert found.other_regions == ("us-west",)
    assert found.origins["region"] == found.origins["service_name"] == "given"


@pytest.mark.parametrize("parameter", ["region", "service_name", "environment"])
def test_an_unknown_flag_is_an_error_that_names_the_known_ones(parameter: str) -> None:
    with pytest.raises(ParameterError) as caught:
        run("x" + BEGAN, **{parameter: "us-eest"})
    closest = {"region": "us-east", "service_name": "PetSite", "environment": "staging"}[parameter]
    assert closest in caught.value.fix
    if parameter == "region":
        assert caught.value.fix.index("us-east") < caught.value.fix.index("us-west")


def test_a_telemetry_without_names_asks() -> None:
    assert set(asked(run("PetSite" + BEGAN, Known()))) == {"region", "service_name", "environment"}


def test_of_several_services_the_one_that_fails_is_meant() -> None:
    result = run("Certificates of payments were renewed. PetSite in us-east prod fails" + BEGAN)
    assert result.parameters and result.parameters.service_name == "PetSite"
    assert any("only it is said to fail" in note for note in result.notes)
    assert asked(run("payments fails. PetSite in us-east prod fails" + BEGAN)) == {
        "service_name": ("payments", "PetSite")
    }


@pytest.mark.parametrize(
    "said",
    ["Unos dicen que es us-east, otros que us-west.", "Some say us-east, others us-west.",
     "Die einen melden us-east, andere us-west.", "Certains disent us-east, d'autres us-west."],
)  # fmt: skip
def test_what_some_say_and_others_not_is_asked(said: str) -> None:
    assert set(asked(run(f"PetSite in prod fails. {said}" + BEGAN))) == {"region"}


def test_two_open_entries_are_asked() -> None:
    said = "OPEN payments / us-west / prod. Failing since 06:10.\nOPEN PetSite / us-east / prod. Failing since 06:30."
    assert "service_name" in asked(run(said))


def test_where_errors_come_from_is_where_it_fails() -> None:
    found = run("PetSite, prod: all errors come from us-west, in us-east they are few." + BEGAN).parameters
    assert found and found.region == "us-west"


def test_an_alert_from_the_only_region_is_of_it() -> None:
    found = run("The alert was sent from us-west. PetSite, prod." + BEGAN).parameters
    assert found and found.region == "us-west"


@pytest.mark.parametrize("region", ["us-east-2", "us-wext", "eu-cental", "uswest-9"])
def test_a_misspelled_name_is_asked_about(region: str) -> None:
    assert "region" in asked(run(f"Region: {region}. PetSite, prod." + BEGAN))


@pytest.mark.parametrize(
    "place",
    [
        "either in us-east or in us-west",
        "us-east or maybe us-west",
        "Region: us-east or us-west",
        "us-east? us-west?",
        "entweder us-east oder in us-west",
        "soit us-east, soit us-west",
        "us-east o quizás en us-west",
    ],
)
def test_alternatives_are_asked(place: str) -> None:
    assert asked(run(f"PetSite, prod, {place}." + BEGAN)) == {"region": ("us-east", "us-west")}


@pytest.mark.parametrize("said", ["us west two", "us-west-two", "US West Two", "US West (Oregon)"])
def test_a_region_is_named_as_it_is_spoken_or_as_a_console_writes_it(said: str) -> None:
    known = KNOWN.model_copy(update={"regions": ("us-east-1", "us-west-1", "us-west-2")})
    found = run(f"payments fails in {said}, prod, since 06:30.", known=known).parameters
    assert found is not None and found.region == "us-west-2"


def test_a_number_word_alone_is_no_name() -> None:
    assert KnownNames(["2", "us-west-2"]).find("two of us west") == []
