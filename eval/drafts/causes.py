"""Single cause: a workflow step (Step 9), a component or dependency (Step 10)."""

from eval.drafts.draft import NO_TIER, Draft, fault
from tsg_agent.simulator.scenario import FaultEffect, FaultKind

WORKFLOWS = (
    Draft(
        "payment-authorization",
        "Payments are not authorized, behind answers of 200",
        "step 9",
        (
            fault(
                FaultKind.WORKFLOW,
                0.4,
                FaultEffect.WORKFLOW_FAILURE,
                scenario_name="payment_processing",
                workflow_step="payment_authorization",
            ),
        ),
        {},
        {"hand": "email", "symptom": "orders are charged but never confirmed"},
        ("smoke", "strong", "silent"),
    ),
    Draft(
        "login-workflow-weak",
        "One login in eight does not complete, behind answers of 200",
        "step 9",
        (
            fault(
                FaultKind.WORKFLOW,
                0.12,
                FaultEffect.WORKFLOW_FAILURE,
                scenario_name="account_login",
                workflow_step="verify_password",
            ),
        ),
        {"requests_per_minute": 400},
        {"symptom": "people must log in twice"},
        ("weak", "silent"),
    ),
    Draft(
        "carrier-booking",
        "Carriers are not booked, behind answers of 200",
        "step 9",
        (
            fault(
                FaultKind.WORKFLOW,
                0.5,
                FaultEffect.WORKFLOW_FAILURE,
                scenario_name="order_fulfillment",
                workflow_step="book_carrier",
            ),
        ),
        {"requests_per_minute": 400},
        {"hand": "email", "symptom": "parcels stay in the warehouse"},
        ("strong", "silent"),
        tiers=NO_TIER,
    ),
    Draft(
        "order-placement",
        "Orders of the checkout flow fail with 5xx at their last step",
        "step 9",
        (fault(FaultKind.WORKFLOW, 0.7, scenario_name="checkout_flow", workflow_step="place_order"),),
        {"requests_per_minute": 400},
        {"hand": "chat", "symptom": "the last click fails"},
        ("strong",),
        tiers=NO_TIER,
    ),
    Draft(
        "payment-uncompensated",
        "Payments fail at capture and nothing undoes them",
        "step 9",
        (
            fault(
                FaultKind.WORKFLOW,
                0.35,
                FaultEffect.WORKFLOW_FAILURE,
                scenario_name="payment_processing",
                workflow_step="payment_capture",
                more={"compensation": 0.1},
            ),
        ),
        {"requests_per_minute": 400},
        {"symptom": "customers are charged twice"},
        ("strong", "silent"),
    ),
)
ERRORS = (
    Draft(
        "identity-db",
        "Calls to a database fail",
        "step 10",
        (fault(FaultKind.ERROR, 0.4, dependency_name="identity-db"),),
        {},
        {"hand": "alert", "symptom": "errors at login"},
        ("smoke", "strong"),
    ),
    Draft(
        "shipping-component",
        "A component fails",
        "step 10",
        (fault(FaultKind.ERROR, 0.4, service_component="shipping"),),
        {"requests_per_minute": 400},
        {"symptom": "no shipping costs are shown"},
        ("strong",),
        actions=(("fix_error", "fix_endpoint"),),
    ),
    Draft(
        "orders-db-weak",
        "Calls to a database fail one time in fifteen",
        "step 10",
        (fault(FaultKind.ERROR, 0.07, dependency_name="orders-db"),),
        {"requests_per_minute": 400},
        {"hand": "email", "symptom": "sometimes an order is lost"},
        ("weak",),
    ),
    Draft(
        "catalog-cascade",
        "A database fails, and what depends on it follows",
        "step 10",
        (fault(FaultKind.ERROR, 0.25, dependency_name="catalog-db", more={"cascading": 0.6}),),
        {},
        {"hand": "chat", "symptom": "product pages fail", "hints": ("the cart fails too, is it the cart?",)},
        ("strong", "cascading"),
    ),
    Draft(
        "session-store-slow-burn",
        "A store runs full over an hour",
        "step 10",
        (fault(FaultKind.ERROR, 0.4, dependency_name="session-store", more={"ramp_minutes": 60}),),
        {},
        {"symptom": "carts are lost, more and more"},
        ("slow burn",),
    ),
)
