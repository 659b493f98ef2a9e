"""The simulated service: a shop's gateway with its endpoints, components, workflows and products."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Endpoint:
    """One path and method. Latency in ms; shares are of its requests."""

    path: str
    method: str
    component: str
    weight: float
    latency: float
    spread: float
    dependencies: dict[str, float] = field(default_factory=dict)
    cached: float = 0.0
    client_errors: float = 0.01
    sells: bool = False


BROWSING = {"catalog-db": 0.55, "price-cache": 0.3}
PAYING = {"card-processor": 0.65, "payments-db": 0.35}
ENDPOINTS = (
    Endpoint("/products", "GET", "catalog", 20, 55, 0.6, BROWSING, 0.7, 0.006, True),
    Endpoint("/products/item", "GET", "catalog", 16, 40, 0.6, BROWSING, 0.8, 0.02, True),
    Endpoint("/search", "GET", "search", 13, 130, 0.7, {"search-index": 0.85}, 0.35, 0.008),
    Endpoint("/images", "GET", "media", 12, 25, 0.8, {"object-store": 0.4}, 0.9, 0.01),
    Endpoint("/cart", "GET", "cart", 8, 50, 0.5, {"session-store": 0.8}, 0.3, 0.01, True),
    Endpoint("/cart", "POST", "cart", 7, 80, 0.6, {"session-store": 0.6, "catalog-db": 0.3}, 0.0, 0.02, True),
    Endpoint("/login", "POST", "identity", 6, 110, 0.5, {"identity-db": 0.8}, 0.0, 0.07),
    Endpoint("/accounts", "POST", "accounts", 1.5, 160, 0.6, {"identity-db": 0.7}, 0.0, 0.04),
    Endpoint("/checkout", "POST", "checkout", 1.5, 220, 0.7, {"orders-db": 0.5, "tax-service": 0.3}, 0.0, 0.02, True),
    Endpoint("/payments", "POST", "payments", 1.2, 340, 0.6, PAYING, 0.0, 0.015, True),
    Endpoint("/payments/capture", "POST", "payments", 0.6, 260, 0.6, PAYING, 0.0, 0.01, True),
    Endpoint("/orders", "GET", "orders", 5, 90, 0.6, {"orders-db": 0.9}, 0.25, 0.01, True),
    Endpoint("/orders", "POST", "orders", 1, 180, 0.6, {"orders-db": 0.7, "event-bus": 0.3}, 0.0, 0.015, True),
    Endpoint("/shipping/quotes", "GET", "shipping", 2, 190, 0.7, {"carrier-api": 0.7}, 0.3, 0.01, True),
    Endpoint("/inventory", "PUT", "inventory", 1.5, 120, 0.6, {"inventory-db": 0.8, "event-bus": 0.2}, 0.0, 0.01),
    Endpoint("/notifications", "POST", "notifications", 1.5, 70, 0.6, {"mail-relay": 0.7}, 0.0, 0.005),
)

OPTIONAL = Endpoint("/recommendations", "GET", "recommendations", 0, 150, 0.8, {}, 0.2, 0.005)
"""The endpoint of the flaky component; its share of requests is the scenario's."""


@dataclass(frozen=True)
class BusinessWorkflow:
    """A business scenario: its steps in order, each served by one endpoint (method and path)."""

    name: str
    criticality: str
    weight: float
    steps: tuple[tuple[str, str], ...]


WORKFLOWS = (
    BusinessWorkflow(
        "payment_processing",
        "CRITICAL",
        1.6,
        (
            ("validate_cart", "GET /cart"),
            ("calculate_total", "POST /checkout"),
            ("payment_authorization", "POST /payments"),
            ("payment_capture", "POST /payments/capture"),
            ("order_confirmation", "POST /orders"),
        ),
    ),
    BusinessWorkflow(
        "account_login", "CRITICAL", 2.2, (("verify_password", "POST /login"), ("load_profile", "GET /orders"))
    ),
    BusinessWorkflow(
        "checkout_flow",
        "HIGH",
        1.4,
        (
            ("load_cart", "GET /cart"),
            ("shipping_address", "POST /checkout"),
            ("shipping_method", "GET /shipping/quotes"),
            ("review_order", "GET /cart"),
            ("place_order", "POST /orders"),
        ),
    ),
    BusinessWorkflow(
        "order_fulfillment",
        "HIGH",
        1.0,
        (
            ("reserve_stock", "PUT /inventory"),
            ("book_carrier", "GET /shipping/quotes"),
            ("notify", "POST /notifications"),
        ),
    ),
    BusinessWorkflow("product_search", "MEDIUM", 2.0, (("query", "GET /search"), ("open_item", "GET /products/item"))),
    BusinessWorkflow("shipping_calculation", "MEDIUM", 1.0, (("quote", "GET /shipping/quotes"),)),
    BusinessWorkflow(
        "inventory_update", "MEDIUM", 0.9, (("receive", "PUT /inventory"), ("publish", "GET /products/item"))
    ),
    BusinessWorkflow(
        "user_registration", "LOW", 0.7, (("create_account", "POST /accounts"), ("welcome", "POST /notifications"))
    ),
    BusinessWorkflow("email_notification", "LOW", 0.8, (("send", "POST /notifications"),)),
)

CLIENTS = {"web": 0.5, "ios": 0.22, "android": 0.2, "partner": 0.08}
API_VERSIONS = {"v2": 0.75, "v1": 0.25}
TENANTS = {"CONSUMER": 0.6, "BUSINESS": 0.28, "ENTERPRISE": 0.12}
TIERS = {"FREE": 0.5, "STANDARD": 0.33, "PREMIUM": 0.17}
SUBSCRIPTIONS = {"FREE": ("none", "trial"), "STANDARD": ("monthly", "annual"), "PREMIUM": ("monthly", "annual")}
CATEGORIES = ("books", "electronics", "garden", "kitchen")
PRODUCTS = tuple((f"prod-{number:02d}", CATEGORIES[number % len(CATEGORIES)]) for number in range(1, 13))
PARTITIONS = 4
SHARDS_PER_PARTITION = 4


def endpoint_name(endpoint: Endpoint) -> str:
    """The endpoint's name in a workflow's step."""
    return f"{endpoint.method} {endpoint.path}"
