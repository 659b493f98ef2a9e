"""Models that were read out of a graph's state: each value once, however many nodes read it."""

from typing import Any, TypeVar

from tsg_agent.models.base import Model

M = TypeVar("M", bound=Model)


class Validated:
    """The models of one run's state. A value is known by its identity: nodes give new values, and change none.

    One that a checkpoint brings back is another value, and is validated as that.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[Any, Model]] = {}  # the value is held too: its identity stays its own

    def keep(self, model: Model) -> dict[str, Any]:
        """A model as plain JSON, for the state; whoever reads that gets the model."""
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
