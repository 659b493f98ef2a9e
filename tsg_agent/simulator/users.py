"""The users: home region, shard, tenant, tier. Their traffic is heavy-tailed."""

import numpy as np

from tsg_agent.simulator import shop
from tsg_agent.simulator.frame import Column, Text
from tsg_agent.simulator.randomness import Ints, Keys, RandomStream
from tsg_agent.simulator.scenario import Scenario

TAIL = 2.0  # user k gets traffic in proportion to k ** -(1 - 1 / TAIL): the busiest tenth makes a third
ABROAD = 0.03  # share of a user's requests from another region than home


def count(scenario: Scenario) -> int:
    """Number of users."""
    return scenario.users or int(min(max(scenario.total / 8, 300), 50_000))


def attributes(scenario: Scenario, keys: Keys) -> dict[str, Column]:
    """The user's columns, one entry per key: user, region, shard, tenant, client, API version, tier."""
    users = count(scenario)
    stream = RandomStream(scenario.seed, "users")
    user = np.minimum((stream.uniform(keys) ** TAIL * users).astype(np.int64), users - 1)
    regions = np.array(list(scenario.regions.values()))
    home = stream.sub("home").choice(user, regions)
    abroad = stream.sub("abroad").chance(keys, ABROAD)
    region = np.where(abroad, stream.sub("away").choice(keys, regions), home)
    shards = shop.PARTITIONS * shop.SHARDS_PER_PARTITION
    shard = np.minimum((stream.sub("shard").uniform(user) * shards).astype(np.int64), shards - 1)
    return {
        "user_id": Text(user, tuple(f"user-{number:06d}" for number in range(1, users + 1))),
        "region": Text(region.astype(np.int64), tuple(scenario.regions)),
        "shard_id": Text(shard, tuple(f"shard-{number:02d}" for number in range(1, shards + 1))),
        "partition_id": Text(
            shard // shop.SHARDS_PER_PARTITION, tuple(f"partition-{n}" for n in range(1, shop.PARTITIONS + 1))
        ),
        "tenant_category": _drawn(stream.sub("tenant"), user, shop.TENANTS),
        "client_type": _drawn(stream.sub("client"), user, shop.CLIENTS),
        "api_version": _drawn(stream.sub("api"), user, shop.API_VERSIONS),
        **_plan(stream, user),
    }


def _drawn(stream: RandomStream, keys: Ints, shares: dict[str, float]) -> Text:
    return Text(stream.choice(keys, list(shares.values())), tuple(shares))


def _plan(stream: RandomStream, user: Ints) -> dict[str, Column]:
    tier = _drawn(stream.sub("tier"), user, shop.TIERS)
    plans = tuple(dict.fromkeys(plan for options in shop.SUBSCRIPTIONS.values() for plan in options))
    options = np.array([[plans.index(plan) for plan in shop.SUBSCRIPTIONS[name]] for name in shop.TIERS])
    second = stream.sub("plan").chance(user, 0.4).astype(np.int64)
    return {"customer_tier": tier, "subscription_type": Text(options[tier.codes, second], plans)}
