"""Each attack against the full sandbox, where it must fail, and against the control, where it must work."""

import time
from collections import Counter

import pytest

from tests.sandbox import attacks
from tests.sandbox.attacks import Attack
from tests.sandbox.world import World, is_root, read_memory_check
from tsg_agent.sandbox import Result, RunStatus, Session

IDS = [f"{attack.group}: {attack.name}" for attack in attacks.ALL]
# Of the others the limits, the clean environment or this kernel's settings refuse some in the control too.
CLAIMING = [attack for attack in attacks.ALL if attack.claim != attacks.LIMITS]


def attempt(session: Session, world: World, attack: Attack) -> Result:
    return session.run(world.prelude() + attack.code, 5)


def got_through(result: Result, world: World) -> bool:
    """The attack has what it wanted, by its own word or by what is seen outside."""
    victim_harmed = world.victim.poll() is not None
    precious = world.folder / "victim.txt"
    changed = not precious.exists() or precious.read_text() != "precious"
    return bool(result.value) or bool(world.reached) or victim_harmed or changed or world.token in result.stdout


@pytest.mark.parametrize("attack", attacks.ALL, ids=IDS)
def test_the_sandbox_holds(attack: Attack, sandbox: Session, world: World) -> None:
    before = sorted(path.name for path in world.folder.iterdir())
    result = attempt(sandbox, world, attack)
    assert "seccomp" in result.isolation
    assert result.status in {RunStatus.ERROR, RunStatus.OK, RunStatus.KILLED, RunStatus.ENDED}
    assert not got_through(result, world), result
    assert sorted(path.name for path in world.folder.iterdir()) == before


@pytest.mark.parametrize("attack", CLAIMING, ids=[f"{attack.group}: {attack.name}" for attack in CLAIMING])
def test_the_control_shows_what_the_kernel_layers_do(attack: Attack, control: Session, world: World) -> None:
    result = attempt(control, world, attack)
    assert result.isolation == "none"
    if attack.claim == attacks.ROOT and not is_root():
        pytest.skip("shows a kernel layer only when it is tried as root")
    if attack.name == "become a program":  # the program's own output, not a result
        assert world.token in result.stdout
        return
    assert got_through(result, world) or killed(world), result


def killed(world: World) -> bool:
    """Waits a moment for a signal to do its work."""
    deadline = time.monotonic() + 1
    while world.victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return world.victim.poll() is not None


def test_the_attacks_are_given_the_right_address(world: World) -> None:
    assert read_memory_check(world) == world.memory


def test_there_are_at_least_sixty_and_most_claim_a_kernel_layer() -> None:
    groups = Counter(attack.group for attack in attacks.ALL)
    assert set(groups) == {"files", "secrets", "network", "processes", "kernel"}
    assert len(attacks.ALL) >= 60
    assert len(set(IDS)) == len(IDS)
    assert len(CLAIMING) >= 60
