"""Caches models validated from a graph's state, so that each value is validated once."""

from typing import Any, TypeVar

from tsg_agent.models.base import Model

M = TypeVar("M", bound=Model)


class Validated:
    """The models of one run's state, by the identity of their values: nodes replace values, and never mutate them.

    A value restored from a checkpoint is a new object, and is validated again.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[Any, Model]] = {}  # keeps the value alive, so that its id() is not reused

    def keep(self, model: Model) -> dict[str, Any]:
        """A model as plain JSON for the state; `read` returns the same model for it."""
        value = model.model_dump(mode="json")
        self._held[id(value)] = (value, model)
        return value

    def read(self, kind: type[M], value: Any) -> M:
        """The model of a value. Raises pydantic's ValidationError."""
        _, model = self._held.get(id(value), (None, None))
        if not isinstance(model, kind):
            model = kind.model_validate(value)
            self._held[id(value)] = (value, model)
        return model
