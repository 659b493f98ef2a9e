"""resume list: the investigations that are kept."""

import json

import typer

from tsg_agent.settings import Settings
from tsg_agent.store import Store
from tsg_agent.wording import one_line

TITLE = 90


def list_kept(settings: Settings, *, limit: int, as_json: bool) -> None:
    """Print the newest first: id, when, whether it was interrupted, and what it is about."""
    store = Store(settings.state_dir)
    every = store.identities()
    kept = [store.about(identity) for identity in every[:limit]]
    more = len(every) - len(kept)
    if as_json:
        held = [{**one._asdict(), "when": one.when.isoformat(timespec="seconds")} for one in kept]
        typer.echo(json.dumps({"investigations": held, "more": more}, ensure_ascii=False, indent=2))
        return
    for one in kept:
        typer.echo(f"{one.id}  {one.when:%Y-%m-%d %H:%M} UTC  {one.state:11}  {one_line(one.title, TITLE)}")
    if more:
        typer.echo(f"{more} older ones: --limit {len(every)} lists them too.", err=True)
    if not every:
        typer.echo("No investigation is kept.", err=True)
