"""Prints expected errors."""

import json

import typer

from tsg_agent.errors import QuestionError, TsgError


def show_error(error: TsgError, *, as_json: bool) -> None:
    """Print the message and the fix on standard error, or with `as_json` as an object on standard output."""
    if as_json:
        body: dict[str, object] = {"type": type(error).__name__, "message": error.message, "fix": error.fix}
        if isinstance(error, QuestionError):
            body["questions"] = [
                {"parameter": parameter, "question": text, "candidates": list(candidates)}
                for parameter, text, candidates in error.questions
            ]
        typer.echo(json.dumps({"error": body}, ensure_ascii=False, indent=2))
        return
    if isinstance(error, QuestionError):
        typer.echo("The incident's text leaves this open:", err=True)
        for parameter, text, candidates in error.questions:
            known = f" ({', '.join(candidates[:8])})" if candidates else ""
            typer.echo(f"  {error.flags[parameter]}: {_line(text)}{_line(known)}", err=True)
        return
    typer.echo(f"Error: {_line(error.message)}", err=True)
    if error.fix:
        typer.echo(f"Next: {_line(error.fix)}", err=True)


def show_next(app: typer.Typer, command: str) -> None:
    """Print the command's usage on standard error, after a usage error."""
    called = {one.name or getattr(one.callback, "__name__", ""): one.callback for one in app.registered_commands}
    text = (getattr(called.get(command), "__doc__", None) or "").strip()
    example = text.partition("Example: ")[2].partition("\n")[0].strip()
    shown = f"tsg-agent {command} --help" if command in called else "tsg-agent --help"
    typer.echo(f"Next: {f'for example `{example}`; ' if example else ''}`{shown}` lists what there is.", err=True)


def _line(text: str) -> str:
    """Strip control characters: messages quote file names and telemetry."""
    return "".join(character if character.isprintable() else " " for character in text)[:2000]
