"""Every error the package raises on purpose: typed, and saying what to do next."""


class TsgError(Exception):
    """Base of all. `exit_code` is what the command line ends with; `fix` is the next step for a person."""

    exit_code = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class SettingsError(TsgError):
    """A setting, a flag or a settings file is wrong."""

    exit_code = 2


class OutputError(TsgError):
    """What was found cannot be written to standard output: no room is left, or it is broken."""


class ParameterError(TsgError):
    """A parameter of the incident has a value that cannot hold (a window that ends before it starts)."""

    exit_code = 2


class QuestionError(TsgError):
    """The incident's text leaves parameters open, and nobody is there to be asked.

    `questions`: (parameter, text, candidates) of each.
    """

    exit_code = 3

    def __init__(self, questions: list[tuple[str, str, tuple[str, ...]]], *, by_name: bool = False) -> None:
        """`by_name`: the parameters are those of a guide, and have no flags of their own."""
        lines = [f"{text} [{', '.join(candidates)}]" if candidates else text for _, text, candidates in questions]
        self.flags = {
            parameter: f"--parameter {parameter}=…" if by_name else f"--{parameter.replace('_', '-')}"
            for parameter, _, _ in questions
        }
        super().__init__(" ".join(lines), fix=f"Answer with {', '.join(self.flags.values())}.")
        self.questions = questions


class GuideError(TsgError):
    """A troubleshooting guide's file cannot be read, or asks for what may not run."""

    exit_code = 2


class TelemetryError(TsgError):
    """The telemetry cannot be read: no files, a broken file, a wrong type, a mapping that does not fit."""

    exit_code = 4


class QueryError(TelemetryError):
    """The engine refused or failed a query."""


class QueryTimeout(TelemetryError):
    """A query ran over its time limit and was cancelled."""


class TransientTelemetryError(TelemetryError):
    """The engine could not be reached this time; the same query may work on the next try."""


class GraphError(TsgError):
    """The graph was run in a way in which it cannot work: without its context or a text, or synchronously."""


class RecordError(TsgError):
    """An investigation's checkpoint or recording is not there, or was made by something else."""

    exit_code = 5


class WorkerError(TsgError):
    """The process that an investigation ran in ended, again and again, or nothing happened in it any more."""


class ModelError(TsgError):
    """The language model gave no usable answer. `kind` says how it failed, in a word or two; never holds a secret."""

    exit_code = 7

    def __init__(self, message: str, *, kind: str, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.kind = kind


class TransientModelError(ModelError):
    """The same request may be answered on the next try; `wait` is how long the server asks for, in seconds."""

    def __init__(self, message: str, *, kind: str, wait: float | None = None, fix: str = "") -> None:
        super().__init__(message, kind=kind, fix=fix)
        self.wait = wait


class BudgetError(ModelError):
    """The calls, tokens, seconds or money set for the model are used up."""
