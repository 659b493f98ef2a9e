"""A server that can be killed: goes on with what was interrupted, begins new investigations, and waits for all."""

import asyncio
import sys
from pathlib import Path

from tsg_agent import Service, Settings, TsgError


async def main(telemetry: str, state: str, workers: str, *texts: str) -> None:
    """Print the ids, and `ended` when all have."""
    settings = Settings(state_dir=Path(state))
    async with Service({"shop": telemetry}, settings=settings, workers=int(workers)) as service:
        recovered = [one.id for one in await service.recover()]
        begun = [await service.start(text) for text in texts]
        print(*recovered, *begun, flush=True)
        for identity in (*recovered, *begun):
            try:
                await service.ended(identity)
            except TsgError as error:
                print(identity, error, file=sys.stderr)
        print("ended", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
