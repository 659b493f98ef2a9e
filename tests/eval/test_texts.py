"""The incident texts: what the rules read of them, and that their score can fail."""

import pytest

from eval.texts import Setting, Text, expected, load, score, summary

EVERY = load()
SETTING, _ = EVERY[-1]
TEXTS = [text for _, text in EVERY if not text.sealed]
OUTCOMES = [score(text, setting) for setting, text in EVERY if not text.sealed]


def test_the_texts_are_many_and_half_of_them_held_back() -> None:
    assert len(TEXTS) >= 120
    assert sum(text.held for text in TEXTS) >= len(TEXTS) // 2
    assert {"en", "de", "es", "fr"} < {text.language for text in TEXTS}


def test_the_rules_read_them() -> None:
    exact, wrong = (sum(len(getattr(one, name)) for one in OUTCOMES) for name in ("exact", "wrong"))
    assert exact / (exact + wrong) >= 0.9
    assert [one.id for one in OUTCOMES if one.silent] == []
    assert sum(bool(one.needless) for one in OUTCOMES) <= 0.05 * len(OUTCOMES)
    assert dict(summary(OUTCOMES))["texts"] == str(len(TEXTS))


def test_the_sealed_ones_are_read_no_worse_than_when_they_were_counted() -> None:
    outcomes = [score(text, setting) for setting, text in EVERY if text.sealed]
    assert len(outcomes) == 35
    assert sum(len(one.exact) for one in outcomes) >= 218
    assert [one.id for one in outcomes if one.silent] == []


def text_of(text: str, **expect: object) -> Text:
    return Text(id="one", text=text, expect=expect)


def test_what_is_read_wrong_is_silent_where_no_note_names_the_right_value() -> None:
    said = "checkout us-east-1 prod failing since 14:00 UTC"
    assert score(text_of(said, began="14:00"), SETTING).wrong == ()
    missed = score(text_of(said, began="14:10"), SETTING)
    assert set(missed.silent) == {"incident_start", "start_time"}
    told = score(text_of(f"{said}. Deployed 14:20 UTC.", began="14:00", to="14:20"), SETTING)
    assert (len(told.wrong), told.silent) == (1, ())


def test_a_question_is_needless_where_the_text_holds_the_answer() -> None:
    open_one = "checkout us-east-1 prod failing since 14:00 XKT"
    assert score(text_of(open_one, began="14:00"), SETTING).needless == ("incident_start",)
    assert score(text_of(open_one, asks=["incident_start"]), SETTING).wrong == ()
    unasked = score(text_of("checkout us-east-1 prod failing since 14:00 UTC", asks=["incident_start"]), SETTING)
    assert unasked.silent == ("incident_start",)


@pytest.mark.parametrize(("setting", "text"), [pytest.param(*one, id=one[1].id) for one in EVERY])
def test_gold_is_in_order(setting: Setting, text: Text) -> None:
    gold = expected(text, setting)
    assert "asks" in text.expect or gold["start_time"] < gold["end_time"] <= setting.now
