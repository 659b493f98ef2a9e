"""What a cause may be named by: a column, or a flag's two, and the step that is about it."""

from dataclasses import dataclass

from tsg_agent.columns import SUBJECTS, Nature


@dataclass(frozen=True)
class Dimension:
    """One or two columns whose values are subjects.

    `change`: a value is something that somebody changed, and may be new: its before is then the service's own.
    """

    columns: tuple[str, ...]
    step: int
    change: bool = False

    @property
    def table(self) -> str:
        """The table that has it."""
        return SUBJECTS[self.columns[0]].table

    @property
    def nature(self) -> Nature:
        """What its values are."""
        nature = SUBJECTS[self.columns[0]].nature
        assert nature is not None  # noqa: S101 - subjects are the columns that have one
        return nature

    @property
    def error_only(self) -> bool:
        """The values say what an error was, so only failures have them; any other dimension may turn out so."""
        return self.nature is Nature.ERROR
