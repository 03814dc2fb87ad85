"""The file of access rules that `emqx_mod_acl_internal` reads: shown, tried on a client before it holds, and replaced.

A file is replaced whole and in one step, and only by rules that can be read; whoever changed it meanwhile in a shell
is not overwritten. Knows nothing of pages.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import orjson

from app.broker.channel.subscribe import split_filter
from app.broker.explaining import ERROR, STOP, Explanation, Step
from app.broker.records import ClientRecord
from app.errors import ResultCode, ServiceError
from app.plugins.acl_internal import AclInternal, Rule, RuleError, RuleSet, parse_rules
from app.plugins.base import MODULE
from app.services.audit import AuditService
from app.services.clients import ClientsService
from app.services.control import ControlService
from app.services.explain import ExplainService
from app.services.extensions import Extensions

MAX_BYTES: Final = 128 * 1024
_AUDITED_LINES: Final = 200
_POINTS: Final = ("client.check_acl", "client.check_acl_subscribe", "client.explain_acl")
_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The file as it is now, whether or not it was read since it was changed."""

    path: str
    text: str | None
    """None where it cannot be read."""
    is_outdated: bool
    is_read: bool
    """Whether the module runs, so that the file is asked at all."""

    @property
    def digest(self) -> str:
        """Return what says whether somebody has changed it meanwhile."""
        return _digest(self.text or "")


class RuleFileRefused(ServiceError):
    """Rules that cannot be read."""

    def __init__(self, error: RuleError) -> None:
        """Keep what is wrong with them, and where, both counted from 1."""
        super().__init__(ResultCode.BAD_PARAMETER, str(error))
        self.sentence = error.sentence
        self.line = error.line
        self.column = error.column


@dataclass(frozen=True, slots=True)
class Trial:
    """What a draft would decide for somebody."""

    now: Explanation
    """What is decided without it."""
    decided_by: Step | None
    """Who decides before the file is asked; None where the file is."""
    rule: Rule | None
    """The rule of the draft that decides; None where none fits, or another decides."""

    @property
    def is_allowed(self) -> bool | None:
        """Return the verdict; None where no rule fits, so that `acl_nomatch` decides."""
        if self.decided_by is not None:
            return self.now.is_allowed
        return None if self.rule is None else self.rule.allows


@dataclass(frozen=True, slots=True)
class _Asker:
    clientid: str
    username: str | None
    peerhost: str


class AclFileService:
    """The file. Request threads share it."""

    def __init__(
        self,
        extensions: Extensions,
        audit: AuditService,
        explain: ExplainService,
        clients: ClientsService,
        control: ControlService,
    ) -> None:
        """Take what it works with.

        Args:
            extensions: Has the module.
            audit: Where changes are written down.
            explain: Says who decides about somebody before the file is asked.
            clients: Know user name and address of who is connected.
            control: Makes clients forget what they were told.
        """
        self._extensions = extensions
        self._audit = audit
        self._explain = explain
        self._clients = clients
        self._control = control

    @property
    def _module(self) -> AclInternal:
        return cast("AclInternal", self._extensions.find(MODULE, AclInternal.name))

    def file(self) -> RuleFile:
        """Return the file."""
        module = self._module
        try:
            text = module.file.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            text = None
        is_read = self._extensions.is_loaded(module)
        return RuleFile(str(module.file), text, module.is_outdated(), is_read)

    def check(self, text: str) -> int:
        """Return how many rules a text has.

        Raises:
            RuleFileRefused: It is none of rules.
            ServiceError: BAD_PARAMETER; it is too large.
        """
        return len(_rules(_lines(text)))

    def try_out(self, text: str, params: Mapping[str, object]) -> Trial:
        """Return what a text would decide if it were the file; nothing is changed.

        Args:
            text: The rules.
            params: As for `ExplainService.explain`; the action is to publish or to subscribe.

        Raises:
            RuleFileRefused: They cannot be read.
            ServiceError: BAD_PARAMETER; the question is none.
        """
        rules = _rules(_lines(text))
        now = self._explain.explain(params)
        action, topic = str(params.get("action", "")), str(params.get("topic", ""))
        if action not in ("publish", "subscribe") or not topic:
            raise ServiceError(
                ResultCode.BAD_PARAMETER, "say to publish or to subscribe, and to which topic"
            )
        if (before := _decides_before(now)) is not None:
            return Trial(now, before, None)
        inner = split_filter(topic).inner if action == "subscribe" else topic
        return Trial(now, None, RuleSet(rules).find(self._asker(params, now), action, inner))

    def save(self, text: str, seen: str) -> None:
        """Replace the file, and have its rules hold at once where the module runs.

        Args:
            text: The rules.
            seen: `RuleFile.digest` of what the author began with.

        Raises:
            RuleFileRefused: They cannot be read; the file is as it was.
            ServiceError: BAD_PARAMETER: somebody else has changed the file meanwhile, or it cannot be written.
        """
        text = _lines(text)
        _rules(text)
        file = self.file()
        if file.digest != seen:
            raise ServiceError(
                ResultCode.BAD_PARAMETER,
                "the file was changed meanwhile: open it again, and make your changes there",
            )
        self._audit.note("acl_file.write", file.path, after={"lines": _changes(file.text, text)})
        try:
            _replace(Path(file.path).resolve(), text)
        except OSError as error:
            raise ServiceError(
                ResultCode.BAD_PARAMETER, f"{file.path} cannot be written ({error.strerror})"
            ) from None
        if file.is_read:
            self._extensions.reload(MODULE, AclInternal.name)
            self._control.drain_acl_caches()

    def _asker(self, params: Mapping[str, object], now: Explanation) -> _Asker:
        """Return who asks; of who is connected the rest is known."""
        clientid = str(params["clientid"])
        if now.is_connected:
            found = orjson.loads(b"[%b]" % self._clients.connection(clientid, _names))
            if found:
                return _Asker(clientid, found[0]["username"], found[0]["peerhost"])
        username = params.get("username")
        peerhost = str(params.get("peerhost") or _LOOPBACK)
        return _Asker(clientid, None if username is None else str(username), peerhost)


def _names(client: ClientRecord) -> dict[str, object]:
    """Return what rules ask about a client; runs on the loop."""
    return {"username": client.username, "peerhost": client.ip_address}


def _decides_before(now: Explanation) -> Step | None:
    """Return the step that decides before the file is asked, if there is one."""
    asked = [step for step in now.steps if step.check in _POINTS]
    if not asked and now.steps[-1].check != "acl_nomatch":
        # A superuser, somebody who may not even come in, or a zone without access rules.
        return now.steps[-1]
    for step in asked:
        if step.by == AclInternal.name:
            return None
        if step.answer in (STOP, ERROR):
            return step
    return None


def _rules(text: str) -> tuple[Rule, ...]:
    if len(text.encode()) > MAX_BYTES:
        raise ServiceError(
            ResultCode.BAD_PARAMETER, f"the file must not be larger than {MAX_BYTES} bytes"
        )
    try:
        return parse_rules(text)
    except RuleError as error:
        raise RuleFileRefused(error) from None


def _lines(text: str) -> str:
    """Return a text with the line ends of this system, which browsers do not keep, and one at its end."""
    lines = text.replace("\r\n", "\n").rstrip("\n")
    return f"{lines}\n" if lines else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _changes(before: str | None, after: str) -> list[str]:
    """Return the lines that go and come, within a bound: a log is no archive."""
    compared = difflib.unified_diff(
        (before or "").splitlines(), after.splitlines(), n=0, lineterm=""
    )
    changed = [line for line in compared if not line.startswith(("---", "+++"))]
    left = len(changed) - _AUDITED_LINES
    return changed if left <= 0 else [*changed[:_AUDITED_LINES], f"and {left} lines more"]


def _replace(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it has the old one or the new one, whole."""
    mode = path.stat().st_mode if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode & 0o777)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
