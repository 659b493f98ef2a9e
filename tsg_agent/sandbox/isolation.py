"""The isolation that this machine provides, layer by layer: measured by a real run, not derived from versions."""

import platform
import sys
from dataclasses import dataclass

from tsg_agent.sandbox import layers
from tsg_agent.sandbox.failures import SandboxUnavailable, fix_for
from tsg_agent.sandbox.layers import Layer
from tsg_agent.sandbox.session import Session

_MEANINGS = {
    layers.RLIMITS: "memory, CPU time, files and processes are limited",
    layers.CREDENTIALS: "no root, no capabilities",
    layers.NO_NEW_PRIVS: "no program can give more rights",
    layers.SECCOMP: "only system calls for computing",
    layers.PROBES: "the closed doors were tried",
    layers.LANDLOCK: "no file, no TCP port",
    layers.EMPTY_ROOT: "the file system is empty",
    layers.NETWORK_NAMESPACE: "there is no network interface",
}


@dataclass(frozen=True)
class LayerReport:
    """One layer: its purpose, whether it is required, whether it held, why not, and the fix."""

    name: str
    meaning: str
    required: bool
    held: bool
    errno: int = 0
    detail: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """The machine's isolation. `available`: whether code would run; `isolation`: the stamp of its results."""

    platform: str
    available: bool
    isolation: str
    layers: tuple[LayerReport, ...]
    problem: str = ""
    fix: str = ""


def diagnose(python: tuple[str, ...] = ()) -> Diagnosis:
    """Starts a sandbox, and reports each layer of its attestation, in about a second. Missing layers do not raise."""
    here = f"{sys.platform} {platform.machine()}, kernel {platform.release()}"
    try:
        with Session(python=python) as session:
            result = session.run("")
    except SandboxUnavailable as error:
        reports = _reports(error.layers)
        return Diagnosis(here, False, layers.ISOLATION_NONE, reports, problem=error.message, fix=error.fix)
    return Diagnosis(here, True, result.isolation, _reports(result.layers))


def _reports(found: tuple[Layer, ...]) -> tuple[LayerReport, ...]:
    if not found:
        return ()  # it failed before it measured the layers
    by_name = {layer.name: layer for layer in found}
    return tuple(_report(by_name.get(name, Layer(name, False))) for name in layers.ALL)


def _report(layer: Layer) -> LayerReport:
    return LayerReport(
        layer.name,
        _MEANINGS[layer.name],
        layer.name in layers.REQUIRED,
        layer.held,
        layer.errno,
        layer.detail if layer.held else layer.reason(),
        "" if layer.held else fix_for(layer.name),
    )
