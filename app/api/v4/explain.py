"""Why a client may or may not do something: an addition to the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import success
from app.broker.explaining import Explanation, Step
from app.services import Services


def step_row(step: Step) -> dict[str, object]:
    """Return one check as the API shows it."""
    return {
        "check": step.check,
        "by": step.by,
        "answer": step.answer,
        "verdict": step.verdict,
        "why": list(step.why),
    }


def explanation_row(found: Explanation) -> dict[str, object]:
    """Return what comes of a question, and the checks in their order."""
    return {
        "allowed": found.is_allowed,
        "reason": found.reason,
        "connected": found.is_connected,
        "is_superuser": found.is_superuser,
        "decided_by": step_row(found.decided_by),
        "steps": [step_row(step) for step in found.steps],
    }


def explain(services: Services, call: Call) -> Answer:
    """Ask every check that a client would have to pass, and say what each answers and why."""
    return success(explanation_row(services.explain.explain(call.params)))


ENDPOINTS = (
    Endpoint(
        "v4:POST /explain",
        "explain",
        "POST",
        "/explain",
        explain,
        "Explain why a client may or may not connect, publish or subscribe",
    ),
)
