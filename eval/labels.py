"""Reads label files. An invalid label is an error, never silently another true answer."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
SHOWN = 5
"""Mistakes of one file that are named."""


class LabelError(ValueError):
    """A label is unreadable or invalid; names the file, the key and the allowed values."""


def read_label(path: Path) -> Any:
    """The data of a JSON or YAML file. Raises LabelError, also for duplicate keys."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=_once) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise LabelError(f"{path} cannot be read: {why}.") from error


def validated(model: type[M], data: Any, path: Path) -> M:
    """The data as a model. Raises LabelError."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = list(dict.fromkeys(_mistakes(model, error)))
        more = f" And {len(wrong) - SHOWN} more." if len(wrong) > SHOWN else ""
        raise LabelError(f"{path}: {' '.join(wrong[:SHOWN])}{more}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if twice:
        raise ValueError(f"`{twice[0]}` is there twice")
    return dict(pairs)


def _mistakes(model: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False):
        place = ".".join(map(str, one["loc"]))
        if one["type"] == "extra_forbidden":
            allowed = list(_model_at(model, one["loc"][:-1]).model_fields)
            near = get_close_matches(str(one["loc"][-1]), allowed, 1, 0.6)
            meant = f" (did you mean `{near[0]}`?)" if near else ""
            yield f"`{place}` is not a key of it{meant}; allowed: {', '.join(allowed)}."
        elif one["type"] == "value_error":
            said = one["msg"].removeprefix("Value error, ").rstrip(".")
            yield f"`{place}`: {said}." if place else f"{said[0].upper()}{said[1:]}."
        else:
            given = f" (given: {one['input']!r})" if isinstance(one["input"], str | int | float | None) else ""
            yield f"{f'`{place}`' if place else 'The file'}: {one['msg']}{given}."


def _model_at(model: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that contains the last key of a path."""
    for part in place:
        if part in model.model_fields:
            model = next(_models(model.model_fields[str(part)].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
