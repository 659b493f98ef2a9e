"""Twenty concurrent investigations: the longest stall of the server's event loop, and its threads.

Variants, each in its own process and in turn, so that machine load affects all alike: idle; a Service that runs them
in-process; a Service with two worker processes; with TSG_BENCH_AGAINST (checkout of a version without Service), its
ainvestigate(). Half of the investigations are about another region; wrong or mixed-up results are counted.
"""

import json
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.processes import python
from tsg_agent.simulator.demos import demo_named, write_demo

AT_ONCE, RUNS, WORKERS = 20, 3, 2
IDLE_S = 10
PROGRAM = """
import asyncio, json, sys, threading, time
from pathlib import Path
from tsg_agent import Given, Request, Settings, ainvestigate, open_telemetry
telemetry, incident, how, at_once, state = sys.argv[1:]
text = Path(incident).read_text("utf-8")
regions = ["us-east", "eu-central"] * (int(at_once) // 2)

async def without_a_service():
    with open_telemetry(telemetry) as engine:
        return await asyncio.gather(*[
            ainvestigate(Request(text=text, telemetry=telemetry, given=Given(region=region)), engine=engine)
            for region in regions
        ])

async def served():
    from tsg_agent import Service
    async with Service({"shop": telemetry}, settings=Settings(state_dir=Path(state)), workers=int(how)) as service:
        begun = [await service.start(text, given=Given(region=region)) for region in regions]
        await asyncio.gather(*[service.settled(identity) for identity in begun])
        stalls.stop()
        return [await service.ended(identity) for identity in begun]

class Stalls:
    longest, threads, going = 0.0, 0, True
    async def watch(self):
        while self.going:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            if self.going:
                self.longest = max(self.longest, time.perf_counter() - began - 0.005)
                self.threads = max(self.threads, threading.active_count())
    def stop(self):
        self.going = False

stalls = Stalls()

async def main():
    watching = asyncio.create_task(stalls.watch())
    await asyncio.sleep(0.2)
    stalls.longest = 0.0
    began = time.perf_counter()
    reports = []
    if how == "idle":
        await asyncio.sleep(IDLE_S)
    else:
        reports = await (without_a_service() if how == "before" else served())
    stalls.stop()
    seconds = time.perf_counter() - began
    await watching
    wrong = sum(one.parameters.region != region for one, region in zip(reports, regions))
    for place in (0, 1):
        first = [str(one.causes and one.causes[0].subject) for one in reports[place::2]]
        wrong += sum(one != first[0] for one in first)
    print(json.dumps({"stall": stalls.longest, "threads": stalls.threads, "seconds": seconds, "wrong": wrong}))

asyncio.run(main())
""".replace("IDLE_S", str(IDLE_S))


def measure() -> None:
    """Print the longest stall, threads and seconds of each variant, and the stall relative to the other version's."""
    against = os.environ.get("TSG_BENCH_AGAINST")
    ways = {"idle": ("idle", None), "in this process": ("0", None), f"{WORKERS} workers": (str(WORKERS), None)}
    if against:
        ways = {"the other version": ("before", against), **ways}
    else:
        print("at_once: TSG_BENCH_AGAINST names no checkout of another version to compare with")
    told: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        incident = write_demo(demo_named("checkout"), Path(folder))
        for run in range(RUNS):
            for name, (how, tree) in ways.items():
                arguments = [str(incident.parent / "telemetry"), str(incident), how, str(AT_ONCE)]
                said = python("-c", PROGRAM, *arguments, str(Path(folder) / f"state{run}"), path=tree)
                told[name].append(json.loads(said))
    print(f"{AT_ONCE} at once, {RUNS} runs: longest stall of the event loop, the median run's and the worst's")
    others = [one["stall"] for one in told.get("the other version", [])]
    for name, runs in told.items():
        stalls = [one["stall"] for one in runs]
        part = f" {statistics.median(stalls) / statistics.median(others):7.3f} of it" if others else ""
        threads, seconds = max(one["threads"] for one in runs), statistics.median(one["seconds"] for one in runs)
        wrong = sum(one["wrong"] for one in runs)
        print(
            f"{name:18} {statistics.median(stalls):7.3f} s {max(stalls):7.3f} s{part}  {threads:3.0f} threads  "
            f"{seconds:6.1f} s  {wrong:.0f} wrong"
        )
