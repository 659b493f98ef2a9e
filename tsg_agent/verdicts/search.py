"""Which descriptions explain the failures that the time before does not? A search over conjunctions. Pure numpy.

A description is a conjunction of dimension=value pairs. Every description has a failing share of its own before the
incident. "Nothing special about it" means that its share rises by as many points as everybody else's; a cause rises by
points of its own. What that explains, in log-likelihood, less what the description costs, is its score: each pair costs
the logarithm of how many values there are, so that a longer description must pay for itself and for having been
chosen among all of its length (minimum description length; the same as Bonferroni's correction).

What is found is taken out and all is asked again; then the set as a whole is improved by local moves.
Source: docs/verdicts.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tsg_agent.evidence.measurement import COMPONENT
from tsg_agent.models import Subject
from tsg_agent.statistics import Bools, Floats, g2_z
from tsg_agent.verdicts.members import (
    AFTER_FAILED,
    AFTER_OK,
    BEFORE_FAILED,
    BEFORE_OK,
    PRIOR,
    SUPPORT,
    TOLD_FAILED,
    TOLD_OK,
    Bits,
    Key,
    Members,
    base_share,
)

ANCHORS, BEAM, EXACT, LONGEST = 40, 24, 60, 3
"""Values that one of a pair must be among; conjunctions that are made longer; those that are kept; pairs in one."""
ONE_BY_ONE = 8
"""Anchors that are looked at together."""
KEEP = 0.9
"""A further pair must raise what is explained by a tenth: no real rise is even…"""
MOST_SAME = 6
"""Other names of the same requests that are told."""
CONFOUNDERS = 12
"""Descriptions that the first is compared with where all of them are recorded."""
NO_MORE = 1e-6
"""Nats that are rounding."""
ALIKE = 0.25
"""…and where what it leaves out rises by a quarter as much, it goes."""
LEAST_Z = 3.3
"""…and that is beyond chance."""
SPLIT = 0.5
"""Two descriptions in one's place must explain half as much again."""
ALPHA = 0.001


@dataclass(frozen=True)
class DescriptionPart:
    """Requests since the start, those of them that failed, and the failing share before (…)."""

    failed: Floats
    asked: Floats
    base: Floats

    @classmethod
    def of(cls, counts: Floats, base: Floats) -> "DescriptionPart":
        """From requests by before/after and ok/failed, (…, 4)."""
        return cls(counts[..., AFTER_FAILED], counts[..., AFTER_OK] + counts[..., AFTER_FAILED], base)

    @property
    def rise(self) -> Floats:
        """Points, 0 to 1, by which the share rose."""
        result: Floats = self.failed / np.maximum(self.asked, 1) - self.base
        return result

    def at(self, rise: Floats | float) -> Floats:
        """Log-likelihood of the failures if the share rose by so many points."""
        p = np.clip(self.base + rise, 1e-6, 1 - 1e-6)
        result: Floats = self.failed * np.log(p) + (self.asked - self.failed) * np.log1p(-p)
        return result


def _total(parts: Sequence[Floats]) -> Floats:
    """The sum, entry by entry."""
    added: Floats = np.sum(np.stack(parts), axis=0)
    return added


def _together(parts: Sequence[DescriptionPart]) -> float:
    """Points by which the share of several together rose."""
    more = sum(float(part.failed - part.asked * part.base) for part in parts)
    return more / max(sum(float(part.asked) for part in parts), 1.0)


def _cells(one: Bits, other: Bits) -> list[Bits]:
    """The requests of both, of one alone, of the other alone, and of neither."""
    return [one & other, one & ~other, other & ~one, ~(one | other)]


@dataclass(frozen=True)
class Scored:
    """A description, what it explains less its cost (nats), and its requests by before/after and ok/failed."""

    subject: Subject
    score: float
    counts: Floats


class Search:
    """The search over one outcome. `phi`: overdispersion of the service's own share, which all gains are divided by."""

    def __init__(self, members: Members, phi: float = 1.0, *, inner: bool = False, alpha: float = ALPHA) -> None:
        """`inner`: rows are calls of components to each other, where one fault makes many components rise.

        `alpha`: the chance that a description is found where nothing is special.
        """
        self.members, self.phi = members, phi
        self.apart: Bools = np.array([inner and COMPONENT in item for item in members.items], bool)
        """Items for which no rise is common: callers rise with what fails behind them."""
        self.total = members.count(members.everything)
        self.base0 = base_share(self.total)
        self.cost = float(np.log(max(members.values, 2)))
        self.least = float(np.log(1 / alpha))
        self.considered: list[Scored] = []

    def causes(self, most: int) -> list[Key]:
        """The set of descriptions that explains most for what it costs, in the order of what each explains."""
        keys: list[Key] = []
        while len(keys) < most:
            ranked = self.best(keys)
            if not self.considered:
                self.considered = [
                    Scored(self.members.subject(k), s, self.members.count(self.members.mask(k))) for s, k in ranked
                ]
            if not ranked or ranked[0][0] < self.least:
                break
            keys.append(ranked[0][1])
        keys = self._shortened(self._improved(keys, most))
        return sorted(keys, key=lambda key: (-self.worth(key, keys), key))

    def worth(self, key: Key, keys: Collection[Key]) -> float:
        """What a description explains beside the others of its set (nats)."""
        alive = self._without([other for other in keys if other != key])
        return float(self.gain(self.members.counted(key, alive), self.members.count(alive), self._is_apart(key)))

    def same_as(self, key: Key) -> list[Subject]:
        """Other descriptions, no longer than this one, of exactly the same requests: no data tell them apart."""
        members, mask = self.members, self.members.mask(key)
        around = [int(item) for item in np.flatnonzero((members.member & mask == mask).all(axis=1))]
        others = [other for size in range(1, len(key) + 1) for other in combinations(around, size) if other != key]
        return [members.subject(other) for other in others if np.array_equal(members.mask(other), mask)][:MOST_SAME]

    def base(self, counts: Floats) -> Floats:
        """Failing share of requests before (ok, failed, …), drawn to the service's own where few say."""
        failed, ok = counts[..., BEFORE_FAILED], counts[..., BEFORE_OK]
        drawn: Floats = (failed + PRIOR * self.base0) / (ok + failed + PRIOR)
        return drawn

    def _is_apart(self, key: Key) -> bool:
        return bool(self.apart[list(key)].any())

    def gain(self, inside: Floats, total: Floats, apart: Bools | bool) -> Floats:
        """Log-likelihood gained by giving `inside` (…, 6) a rise of its own among the requests `total` (4,).

        `apart`: for which of them no rise is common.
        """
        own, rest = self._sides(inside, total)
        stands = (own.rise > 0) & (own.failed >= SUPPORT) & (apart | ((own.rise > rest.rise) & (rest.asked > 0)))
        # A share before is itself uncertain: what a change from it can explain is no more than its own test says.
        z = g2_z(inside[..., TOLD_FAILED], inside[..., TOLD_OK:].sum(axis=-1), own.failed, own.asked)
        gained = np.where(apart, self._gained([own], [], rest), self._gained([], [own], rest))
        return np.where(stands, np.minimum(gained, z**2 / 2 / self.phi), -np.inf)

    def _sides(self, inside: Floats, total: Floats) -> tuple["DescriptionPart", "DescriptionPart"]:
        outside = total - inside[..., :4]
        own = DescriptionPart.of(inside, self.base(inside[..., TOLD_OK:]))
        return own, DescriptionPart.of(outside, self.base(outside))

    def _gained(
        self, apart: Sequence["DescriptionPart"], parts: Sequence["DescriptionPart"], rest: "DescriptionPart"
    ) -> Floats:
        """Log-likelihood by which "each part its own rise" beats "one common rise", or, for those `apart`, none."""
        alone = [part.at(part.rise) - part.at(0.0) for part in apart]
        if not parts:
            return _total(alone) / self.phi
        everything = [*parts, rest]
        expected = sum(part.asked * part.base for part in everything)
        asked = sum(part.asked for part in everything)
        common = (sum(part.failed for part in everything) - expected) / np.maximum(asked, 1)
        return _total([*alone, *(part.at(part.rise) - part.at(common) for part in everything)]) / self.phi

    def best(
        self, gone: Collection[Key], within: Key = (), longest: int = LONGEST, many: int = 12
    ) -> list[tuple[float, Key]]:
        """The best descriptions of the requests outside of all in `gone`, best first.

        `within`: only among its requests.
        """
        members = self.members
        alive = self._without(gone)
        if within:
            alive = alive & members.mask(within)
        total = members.count(alive)
        single = members.each(alive)
        fixed = {members.dimension[item] for item in within}
        enough = np.flatnonzero(single[:, AFTER_FAILED] >= SUPPORT).tolist()
        index = [item for item in enough if members.dimension[item] not in fixed]
        if not index:
            return []
        found: dict[Key, float] = {
            (i,): float(g)
            for i, g in zip(index, self.gain(single[index], total, self.apart[index]) - self.cost, strict=True)
        }
        top: list[Key] = []
        for size in range(2, longest + 1):
            longer = self._pairs(index, alive, total) if size == 2 else self._longer(top, index, alive, total)
            best = sorted(longer, key=lambda k: (-longer[k], k))[:EXACT]
            found |= {k: longer[k] for k in best}
            top = best[:BEAM]
        ranked = sorted(
            ((s, k) for k, s in found.items() if np.isfinite(s)), key=lambda sk: (-sk[0], len(sk[1]), sk[1])
        )
        return self._compared(ranked, alive)[:many]

    def _compared(self, ranked: list[tuple[float, Key]], alive: Bits) -> list[tuple[float, Key]]:
        """The first is the one that explains most beside its confounder, by the requests that record both.

        A few failures that do not say their client count against the client, and for the version that its requests
        mostly are of. Where the requests that record both are the same, all are compared: what a request lacks, as
        one that calls nothing lacks a dependency, is then all that tells them apart. Confounders are as long and
        explain nearly as much.
        """
        if not ranked or ranked[0][0] <= 0:
            return ranked
        first, least, length = ranked[0], KEEP * ranked[0][0], len(ranked[0][1])
        for other in ranked[1:CONFOUNDERS]:
            if len(other[1]) == length and other[0] >= least:
                known = alive & ~self.members.lacking((*first[1], *other[1]))
                more = self._likelier(other[1], first[1], known)
                if abs(more) < NO_MORE:
                    more = self._likelier(other[1], first[1], alive)
                first = other if more >= NO_MORE else first
        return [first, *(one for one in ranked if one is not first)]

    def _likelier(self, one: Key, other: Key, alive: Bits) -> float:
        """By how much a rise of the first's requests explains more than one of the other's (nats).

        Each of the requests of both, of either and of neither fails as it did before but for that rise: what a
        description holds that did not rise counts against it.
        """
        mine, its, told, theirs = (self.members.mask(key, told=told) for told in (False, True) for key in (one, other))
        sides = zip(_cells(mine, its), _cells(told, theirs), strict=True)
        cells = [
            np.concatenate([self.members.count(own & alive), self.members.count(of & alive)[:2]]) for own, of in sides
        ]
        both, only, others, rest = (DescriptionPart.of(counts, self.base(counts[TOLD_OK:])) for counts in cells)

        def explained(key: Key, inside: Sequence[DescriptionPart], outside: Sequence[DescriptionPart]) -> float:
            common = 0.0 if self._is_apart(key) else _together(outside)
            rises = ((inside, _together(inside)), (outside, common))
            return sum(float(part.at(rise)) for parts, rise in rises for part in parts)

        return explained(one, (both, only), (others, rest)) - explained(other, (both, others), (only, rest))

    def _pairs(self, index: list[int], alive: Bits, total: Floats) -> dict[Key, float]:
        """Descriptions of two values, one of them an anchor. What was paired with an anchor is not paired again."""
        found: dict[Key, float] = {}
        for first in range(0, min(ANCHORS, len(index)), ONE_BY_ONE):
            anchors: list[Key] = [(item,) for item in index[first : min(first + ONE_BY_ONE, ANCHORS)]]
            found |= self._longer(anchors, index[first:], alive, total)
        return found

    def _longer(self, keys: list[Key], index: list[int], alive: Bits, total: Floats) -> dict[Key, float]:
        """Descriptions, all as long, with one value more."""
        if not keys:
            return {}
        counts, dimension = self.members.longer(keys, index, alive), self.members.dimension
        apart = (dimension[np.array(keys)][:, :, None] != dimension[index]).all(axis=1)
        one, two = np.nonzero(apart & (counts[..., AFTER_FAILED] >= SUPPORT))
        alone = self.apart[np.array(keys)].any(axis=1)[one] | self.apart[index][two]
        size = len(keys[0]) + 1
        scores = self.gain(counts[one, two], total, alone) - self.cost * size
        # The others would not be kept: each description is here once for each of its values at most.
        least = np.partition(scores, -EXACT * size)[-EXACT * size] if len(scores) > EXACT * size else -np.inf
        return {
            tuple(sorted((*keys[one[place]], index[two[place]]))): float(scores[place])
            for place in np.flatnonzero((scores >= least) & np.isfinite(scores)).tolist()
        }

    def objective(self, keys: Sequence[Key]) -> float:
        """What a set of descriptions explains less its cost (nats); a later one has no request of an earlier."""
        alive = self.members.everything
        apart, parts = list[DescriptionPart](), list[DescriptionPart]()
        for key in keys:
            counts = self.members.counted(key, alive)
            part = DescriptionPart.of(counts, self.base(counts[TOLD_OK:]))
            if part.failed < SUPPORT or part.rise <= 0:
                return -np.inf
            (apart if self._is_apart(key) else parts).append(part)
            alive = alive & ~self.members.settled(key)
        rest = self.members.count(alive)
        cost = sum(self.cost * len(key) + self.least for key in keys)
        gained = self._gained(apart, parts, DescriptionPart.of(rest, self.base(rest))) if keys else np.zeros(1)
        return float(np.sum(gained)) - cost

    def _improved(self, keys: list[Key], most: int) -> list[Key]:
        """Local moves, while one improves the whole set."""
        best, done = self.objective(keys), {tuple(sorted(keys))}
        for _ in range(8):
            scored = [(self.objective(moved) - best - needed, moved) for needed, moved in self._moves(keys, best, most)]
            gained, moved = max(scored, key=lambda one: (one[0], one[1]), default=(0.0, keys))
            if gained <= NO_MORE or tuple(sorted(moved)) in done:
                break
            keys = moved
            done.add(tuple(sorted(keys)))
            best = self.objective(keys)
        return keys

    def _moves(self, keys: list[Key], best: float, most: int) -> list[tuple[float, list[Key]]]:
        """Neighbours of a set, each with what it must gain, or may lose, to be taken."""
        moves: list[tuple[float, list[Key]]] = []
        for n, key in enumerate(keys):
            before, after = keys[:n], keys[n + 1 :]
            rest = [*before, *after]
            own = max(best - self.objective(rest), 1.0)
            moves.append((0.0, rest))
            shorter = [tuple(item for item in key if item != gone) for gone in key if len(key) > 1]
            moves += [
                ((KEEP - 1) * own, [*before, short, *after]) for short in shorter if not self._spared(key, short, rest)
            ]
            if len(key) > LONGEST:
                continue
            inner = [tuple(sorted(key + more)) for _, more in self.best(rest, key, longest=2, many=4)]
            moves += [((1 / KEEP - 1) * own * (len(k) - len(key)), [*before, k, *after]) for k in inner]
            if inner and len(keys) < most:
                second = [tuple(sorted(key + more)) for _, more in self.best([*rest, inner[0]], key, longest=2, many=3)]
                moves += [(SPLIT * own, [*before, inner[0], k, *after]) for k in second]
        for part in {p for key in keys for size in range(1, len(key)) for p in combinations(key, size)}:
            apart = [key for key in keys if not set(part) <= set(key)]
            if len(keys) - len(apart) > 1:  # several descriptions into the one part that they share
                own = max(best - self.objective(apart), 1.0)
                moves.append((-SPLIT / (1 + SPLIT) * own * KEEP, [*apart, part]))
        return moves

    def _spared(self, key: Key, parent: Key, others: list[Key]) -> bool:
        """True if the requests that the longer description leaves out are clearly healthy: then its further value
        belongs to it."""
        alive = self._without(others)
        mine = self.members.counted(key, alive)
        rest = self.members.count(self.members.mask(parent) & alive) - mine[:4]
        z = float(g2_z(rest[AFTER_FAILED], rest[2:].sum(), mine[AFTER_FAILED], mine[2:4].sum())) / self.phi**0.5
        return z >= LEAST_Z and self._rise(np.concatenate([rest, rest[:2]])) < ALIKE * self._rise(mine)

    def _shortened(self, keys: list[Key]) -> list[Key]:
        """Drop a value if the requests that it leaves out rise too, by a good part of the description's own rise."""
        keys = list(keys)
        for n in range(len(keys)):
            while (shorter := self._parent(keys[n], keys[:n] + keys[n + 1 :])) is not None:
                keys[n] = shorter
        whole = [key for key in keys if not any(set(other) < set(key) for other in keys)]
        return list(dict.fromkeys(whole))

    def _parent(self, key: Key, others: list[Key]) -> Key | None:
        alive = self._without(others)
        mine = self.members.counted(key, alive)
        own, best = self._rise(mine), None
        for gone in key if len(key) > 1 and own > 0 else ():
            parent = tuple(item for item in key if item != gone)
            rest = self.members.count(self.members.mask(parent) & alive) - mine[:4]
            share = self._rise(np.concatenate([rest, rest[:2]])) / own
            z = float(g2_z(rest[BEFORE_FAILED], rest[:2].sum(), rest[AFTER_FAILED], rest[2:].sum())) / self.phi**0.5
            if share >= ALIKE and rest[AFTER_FAILED] >= SUPPORT and z >= LEAST_Z and (best is None or share > best[0]):
                best = share, parent
        return None if best is None else best[1]

    def _rise(self, counts: Floats) -> float:
        """Points (0 to 1) by which the failing share of a description rose; (6,)."""
        part = DescriptionPart.of(counts, self.base(counts[TOLD_OK:]))
        return float(part.rise)

    def _without(self, keys: Collection[Key]) -> Bits:
        alive = self.members.everything
        for key in keys:
            alive = alive & ~self.members.settled(key)
        return alive
