"""What an incident's text brings up: names that the telemetry has, and what reads as a name and is not there."""

import pytest

from tsg_agent.suspects import MOST, mentioned

NAMES = {
    "service_version": ["3.14.1", "3.14.2", "3.15.0"],
    "flag_name": ["basket", "gift_cards"],
    "dependency_name": ["card-processor", "orders-db", "price-cache", "vendor-feed", "catalog-db"],
    "service_component": ["orders", "payments", "recommendations"],
    "customer_tier": ["FREE", "PREMIUM"],
    "availability_zone": ["us-east-1b"],
    "endpoint_path": ["/cart", "/cart/items"],
}


def found(text: str, *told: str) -> list[tuple[str, dict[str, str] | None]]:
    return [(one.words, one.subject) for one in mentioned(text, NAMES, told)]


@pytest.mark.parametrize(
    ("text", "words", "subject"),
    [
        ("is the card processor down again?", "card processor", {"dependency_name": "card-processor"}),
        ("Surely it is orders-db.", "orders-db", {"dependency_name": "orders-db"}),
        ("3.15.0 just went out", "3.15.0", {"service_version": "3.15.0"}),
        ("since v3.15.0", "v3.15.0", {"service_version": "3.15.0"}),
        ("we did roll out 3.15.0 at that time", "3.15.0", {"service_version": "3.15.0"}),
        ("roll it back!", "roll it back", {"service_version": "3.15.0"}),
        ("is it the cache?", "cache", {"dependency_name": "price-cache"}),
        ("premium customers cannot pay", "premium customers", {"customer_tier": "PREMIUM"}),
        ("I restarted us-east-1b", "us-east-1b", {"availability_zone": "us-east-1b"}),
        ("/cart is slow", "/cart", {"endpoint_path": "/cart"}),
        ("Ist die Datenbank weg?", "Datenbank", None),
        ("it is DNS", "DNS", None),
        ("Was version 3.16.1 not planned?", "3.16.1", None),
        ("The flag dark_mode was switched on.", "dark_mode", None),
        ("the identity-provider service is down", "identity-provider", None),
    ],
)
def test_what_is_brought_up(text: str, words: str, subject: dict[str, str] | None) -> None:
    assert found(text) == [(words, subject)]


@pytest.mark.parametrize(
    "text",
    [
        "The SLA is 99.9% since 2026-03-10T14:00:00Z, from 10.1.2.3.",
        "errors on every page; it is still ongoing",
        "/cart/items/7 is not /carts",
        "premium quality, free of charge",
    ],
)
def test_what_brings_up_nothing(text: str) -> None:
    assert found(text) == []


def test_parameters_are_no_suspicion() -> None:
    assert found("orders in us-east: errors", "orders") == []


def test_each_is_told_once_in_the_texts_order_and_not_too_many() -> None:
    text = "gift_cards, then payments, then gift cards again, " + ", ".join(f"version 9.9.{i}" for i in range(20))
    words = [one for one, _ in found(text)]
    assert words[:2] == ["gift_cards", "payments"]
    assert len(words) == MOST
