"""list, show and feedback: stored investigations."""

import json
import sys
from pathlib import Path

import typer

from tsg_agent.cli.drawing import draw
from tsg_agent.cli.requested import form_of
from tsg_agent.cli.streams import writing
from tsg_agent.errors import ParameterError
from tsg_agent.investigation.sources import open_for
from tsg_agent.report.postmortem import to_postmortem
from tsg_agent.report.terminal import print_report
from tsg_agent.service.feedback import export, feedback_of
from tsg_agent.service.sections import rendered
from tsg_agent.settings import Settings, load_settings
from tsg_agent.store import Store
from tsg_agent.wording import one_line

TITLE = 90


def list_kept(settings: Settings, *, limit: int, as_json: bool) -> None:
    """Print the newest first: id, time, state, and headline."""
    store = Store(settings.state_dir)
    kept, every = store.kept(limit), len(store.identities())
    more = every - len(kept)
    if as_json:
        held = [{**one._asdict(), "when": one.when.isoformat(timespec="seconds")} for one in kept]
        typer.echo(json.dumps({"investigations": held, "more": more}, ensure_ascii=False, indent=2))
        return
    for one in kept:
        typer.echo(f"{one.id}  {one.when:%Y-%m-%d %H:%M} UTC  {one.state:11}  {one_line(one.title, TITLE)}")
    if more:
        typer.echo(f"{more} older ones: --limit {every} lists them too.", err=True)
    if not every:
        typer.echo("No investigation is kept.", err=True)


def follows_another_guide(identity: str) -> bool:
    """True if an investigation follows another guide than the built-in one. Raises RecordError."""
    store = Store(load_settings().state_dir)
    return identity.isalnum() and store.recall_guide(identity) is not None


def show_kept(identity: str, form: str | None, *, png: Path | None, whole: bool, events: bool) -> None:
    """Print a report as `run` does, or in the given form; or its events. Raises RecordError, ParameterError."""
    store = Store(load_settings().state_dir)
    if not events and follows_another_guide(identity):
        show_kept_guide(store, identity, form, png=png)
        return
    if png is not None:
        draw(store.report(identity), png)
    if events:
        store.recall(identity)
        for event in store.events.after(identity):
            typer.echo(event.model_dump_json())
    elif form is None:
        print_report(store.report(identity), brief=not whole, left=f"All of it: tsg-agent show {identity} --all")
    else:
        sys.stdout.write(rendered(store, identity, form_of(form, as_json=False) or "brief"))


def show_kept_guide(store: Store, identity: str, form: str | None, *, png: Path | None) -> None:
    """Print the report of a run of another guide. Raises RecordError, ParameterError."""
    from tsg_agent.cli.guides import show_report
    from tsg_agent.guides.kept_runs import report_of
    from tsg_agent.guides.run_page import to_html

    report = report_of(store, identity)
    if png is not None or form not in (None, "json", "html"):
        raise ParameterError("The report of another guide has no such form.", fix="Use --format json or html.")
    if form == "html":
        sys.stdout.write(to_html(report))
    else:
        show_report(report, as_json=form == "json", html=None)


def draft_postmortem(identity: str, out: Path | None) -> None:
    """Print the draft, or write it. Raises RecordError, ParameterError."""
    text = to_postmortem(Store(load_settings().state_dir).report(identity))
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise ParameterError(
            f"{out} cannot be written: {error.strerror or error}.", fix="Give --out another path."
        ) from error
    typer.echo(f"{out} is written.", err=True)


def keep_feedback(
    identity: str, causes: list[str], right: bool | None, *, no_incident: bool, note: str, export_to: Path | None
) -> None:
    """Store feedback on an investigation, and export it as a case if asked for. Raises TsgError."""
    settings = load_settings()
    store = Store(settings.state_dir)
    said = feedback_of(store.report(identity), cause=_cause(causes), right=right, no_incident=no_incident, note=note)
    store.judge(identity, said)
    typer.echo(f"Kept: the conclusion was {'right' if said.right else 'wrong'}.", err=True)
    if export_to is None:
        return
    request = store.recall(identity)
    with (
        writing(export_to, "--export"),
        open_for(request, settings) as engine,
    ):
        place = export(identity, export_to, store, engine, settings)
    typer.echo(str(place.resolve()))


def _cause(causes: list[str]) -> dict[str, str] | str | None:
    """`column=value` pairs, or one component's name. Raises ParameterError for a mixture."""
    if not causes:
        return None
    if len(causes) == 1 and "=" not in causes[0]:
        return causes[0]
    pairs = [cause.partition("=") for cause in causes]
    if not all(column and mark and value for column, mark, value in pairs):
        raise ParameterError(
            "--cause is column=value, or one component's name.", fix="For example: --cause shard_id=shard-07."
        )
    return {column.strip(): value.strip() for column, _, value in pairs}
