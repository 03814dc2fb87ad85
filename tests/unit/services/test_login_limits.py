"""How often an address may fail to log in."""

from __future__ import annotations

import pytest

from app.broker.metrics import Metrics
from app.clock import FakeClock
from app.config import ManagementSettings
from app.config.kinds import Rate
from app.services import login_limits
from app.services.login_limits import LoginLimits

HERE = "192.0.2.1"
GOOD, BAD = ("admin", "right"), ("admin", "wrong")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def limits(clock: FakeClock, metrics: Metrics) -> LoginLimits:
    return LoginLimits(ManagementSettings(max_login_failures=Rate(3, 60.0)), clock, metrics)


def fail(limits: LoginLimits, address: str = HERE, times: int = 3) -> None:
    for _ in range(times):
        assert limits.wait_s(address, BAD) == 0
        limits.failed(address)


def test_an_address_waits_once_its_failures_are_used_up(
    limits: LoginLimits, metrics: Metrics
) -> None:
    fail(limits)
    assert limits.wait_s(HERE, BAD) == pytest.approx(20)
    assert (metrics.request_auth_failure, metrics.request_auth_limited) == (3, 1)


def test_failures_come_back_with_time(limits: LoginLimits, clock: FakeClock) -> None:
    fail(limits)
    clock.advance(21)
    fail(limits, times=1)
    assert limits.wait_s(HERE, BAD) > 0
    clock.advance(10_000)
    fail(limits)
    assert limits.wait_s(HERE, BAD) > 0


def test_another_address_is_not_concerned(limits: LoginLimits) -> None:
    fail(limits)
    assert limits.wait_s("192.0.2.2", BAD) == 0


def test_whoever_has_logged_in_from_there_before_stays_in(limits: LoginLimits) -> None:
    limits.succeeded(HERE, GOOD)
    fail(limits)
    assert limits.wait_s(HERE, GOOD) == 0
    assert limits.wait_s(HERE, ("admin", "right ")) > 0


def test_one_customers_ipv6_addresses_are_one(limits: LoginLimits) -> None:
    fail(limits, "2001:db8::1")
    assert limits.wait_s("2001:db8::ffff:1", BAD) > 0
    assert limits.wait_s("2001:db8:0:1::1", BAD) == 0


def test_ipv4_within_ipv6_is_ipv4(limits: LoginLimits) -> None:
    fail(limits, "::ffff:192.0.2.1")
    assert limits.wait_s(HERE, BAD) > 0


def test_without_a_rate_nobody_waits(clock: FakeClock, metrics: Metrics) -> None:
    limits = LoginLimits(ManagementSettings(max_login_failures=None), clock, metrics)
    limits.succeeded(HERE, GOOD)
    fail(limits, times=1_000)
    assert metrics.request_auth_failure == 1_000


def test_memory_is_bounded(limits: LoginLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_limits, "MOST_ADDRESSES", 2)
    monkeypatch.setattr(login_limits, "MOST_PROOFS", 2)
    for number in range(10):
        limits.failed(f"198.51.100.{number}")
        limits.succeeded(HERE, ("user", str(number)))
    fail(limits, times=3)
    assert limits.wait_s(HERE, ("user", "7")) > 0
    assert limits.wait_s(HERE, ("user", "9")) == 0
