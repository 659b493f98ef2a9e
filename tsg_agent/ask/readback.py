"""A query read back against its question: each word that means something must be found in a field of the query.

What fills the fields notes which words it has read; this asks the query itself. A word that was read, and is in no
field, would make the answer that of another question.
"""

from tsg_agent.ask.intent import AskedFields
from tsg_agent.ask.measures import measure_of
from tsg_agent.ask.phrases import is_failure
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import TypedQuery


def unexpressed(reading: TokenizedQuestion, asked: AskedFields, query: TypedQuery) -> list[str]:
    """The words of a question that stand for nothing in its query."""
    return [one.text for one in reading.tokens if not _expressed(one, asked, query)]


def _expressed(one: Token, asked: AskedFields, query: TypedQuery) -> bool:  # noqa: PLR0911 - one return for each kind
    measures = [measure_of(name) for name in query.all_measures]
    if one.kind == "value":
        held = [value for filter_ in query.filters for value in filter_.values]
        return one.text in held or one.text == asked.about or one.value == "region"
    if one.kind == "figure":
        return one.amount == query.limit or any(bound.value == one.amount for bound in query.bounds)
    if one.kind == "bound":
        named = {name.split("_")[2] for name in _conditions(query) if "er_than_" in name}
        certain = (one.value, one.amount) in ((">=", 1.0), (">", 0.0))  # "users with at least one failure"
        return certain or f"{one.amount:.0f}" in named or any(bound.value == one.amount for bound in query.bounds)
    if one.kind == "function":
        return any(measure.function == one.value for measure in measures)
    if one.kind == "number":
        return any(measure.column == one.value for measure in measures) or any(
            "er_than_" in c for c in _conditions(query)
        )
    if one.kind == "condition":
        runs = one.value == "failures" and any(
            name in ("failed_runs", "completion_rate", "failed_run_rate") for name in query.all_measures
        )
        narrower = one.value == "failures" and any(map(is_failure, _conditions(query)))  # "503 errors"
        return runs or narrower or one.value in _conditions(query)
    if one.kind == "bucket":
        return bool(query.bucket_seconds)
    if one.kind == "sides":
        return query.split_at is not None
    if (one.kind, one.value) == ("word", "not"):
        return _negated(query)
    if one.kind == "rank" and one.value in ("high", "low") and not asked.decides:
        return query.is_ascending == (one.value == "low") or _extreme(query)
    return True


def _conditions(query: TypedQuery) -> set[str]:
    """What its requests must be, or are counted as."""
    named = {measure_of(name).condition for name in query.all_measures}
    return named | {name.removeprefix("not ") for name in query.conditions} | set(query.all_measures)


def _negated(query: TypedQuery) -> bool:
    zero = any(bound.sign in ("=", "<") for bound in query.bounds)
    return zero or any(one.without for one in query.filters) or any(one.startswith("not ") for one in query.conditions)


def _extreme(query: TypedQuery) -> bool:
    """ "the highest CPU" of all is its maximum."""
    return any(measure_of(name).function in ("max", "min") for name in query.measures)
