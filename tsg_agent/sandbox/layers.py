"""The sandbox's measured layers, and whether they suffice to run code.

Shared by both sides: child and parent refuse by the same rule.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

RLIMITS: Final = "rlimits"
CREDENTIALS: Final = "credentials"
NO_NEW_PRIVS: Final = "no_new_privs"
SECCOMP: Final = "seccomp"
PROBES: Final = "probes"
LANDLOCK: Final = "landlock"
EMPTY_ROOT: Final = "empty_root"
NETWORK_NAMESPACE: Final = "network_namespace"

REQUIRED: Final = (RLIMITS, CREDENTIALS, NO_NEW_PRIVS, SECCOMP, PROBES)
FILE_LAYERS: Final = (LANDLOCK, EMPTY_ROOT)  # at least one of them, in addition to seccomp
ALL: Final = (*REQUIRED, *FILE_LAYERS, NETWORK_NAMESPACE)

ISOLATION_NONE: Final = "none"
DESCRIPTORS: Final = 64  # the zygote's limit on open descriptors, all of which a child closes and checks
FRAMES: Final = 48  # each frame holds one of the zygote's descriptors; the others are reserved


@dataclass(frozen=True)
class Layer:
    """One layer as measured in the process that will run the code. `errno` is 0 if no call failed."""

    name: str
    held: bool
    errno: int = 0
    detail: str = ""

    def reason(self) -> str:
        """Why it did not hold, for a person."""
        return self.detail or (os.strerror(self.errno) if self.errno else "it was not set up")


def lacking(layers: Iterable[Layer]) -> Layer | None:
    """The first missing layer that is required to run code; None if the layers suffice.

    A layer that is reported several times holds only if it held each time.
    """
    found: dict[str, Layer] = {}
    for layer in layers:
        if layer.name not in found or found[layer.name].held:
            found[layer.name] = layer
    for name in REQUIRED:
        layer = found.get(name, Layer(name, False))
        if not layer.held:
            return layer
    files = [found.get(name, Layer(name, False)) for name in FILE_LAYERS]
    return None if any(layer.held for layer in files) else files[0]


def isolation(layers: Iterable[Layer]) -> str:
    """The layers that held, as a result's stamp: "seccomp+landlock+namespaces", or "none"."""
    layers = list(layers)
    if lacking(layers) is not None:
        return ISOLATION_NONE
    held = {layer.name for layer in layers if layer.held}
    parts = [SECCOMP]
    if LANDLOCK in held:
        parts.append(LANDLOCK)
    if EMPTY_ROOT in held:
        parts.append("namespaces" if NETWORK_NAMESPACE in held else EMPTY_ROOT)
    return "+".join(parts)
