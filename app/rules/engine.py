"""The rules of one broker at work: which of them a message or an event concerns, and what becomes of it.

Theory: an enabled rule is found by the filters of its FROM: those of topics in a trie of the engine's own, those of
events by the hook point that tells of them. A hook is joined while an enabled rule wants what it tells, and left when
none does, so that a broker without rules pays nothing. What a message's rules cost is paid where it is published;
what their targets cost is not: it waits in the queues of the actions.

It knows neither where rules are stored nor who asks for a change. To be used on the loop, but for what says otherwise.

Source: EMQX 4.4 `emqx_rule_engine`, `emqx_rule_runtime`, `emqx_rule_events`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.broker.core import BrokerCore
from app.broker.hooks import HOOK_POINTS, Callback, Interest
from app.broker.message import Message
from app.broker.timers import Timer
from app.broker.trie import Trie
from app.rules.actions.base import RESOURCE, ActionSpec, Batches, Later, Now, Surroundings
from app.rules.actions.delivery import CACHE, Delivery, delivery
from app.rules.actions.queue import QueueLimits
from app.rules.actions.running import Keeping, RunningAction
from app.rules.complaints import Complaint
from app.rules.connect_properties import ConnectProperties
from app.rules.errors import BadArguments
from app.rules.events import EVENT_PREFIX, EVENTS, Event, columns_of, event_of, message_columns
from app.rules.events import Surroundings as EventSurroundings
from app.rules.metrics import SAMPLE_EVERY_S, ActionMetrics, RuleMetrics
from app.rules.outbox.file import DeadLetter, DeadLetterLimits, Outbox, Owner
from app.rules.outbox.gate import close_gate
from app.rules.outbox.replay import replay
from app.rules.recorder import RECORDINGS_MAX, Recording
from app.rules.registry import Registry
from app.rules.resources.base import ResourceSpec
from app.rules.rule import RuleSpec, RunningRule
from app.rules.running_resources import RunningResources
from app.rules.templates import as_json
from app.rules.terms.scope import Columns
from app.rules.topic_rules import ON_LANE_MAX, TopicRules

logger = logging.getLogger(__name__)

PUBLISH = "message.publish"
CONNECT = "client.connect"
ACL, OF_ACL = "client.check_acl", "client.check_acl_complete"
OF_CONNECT = frozenset({"client.connected", "client.connack"})
"""Events that tell what CONNECT said."""
HOOK_PRIORITY = -100
"""After those who change messages, so that a rule sees what receivers will see."""
OURS = ("$SYS/", EVENT_PREFIX)
"""What the topics of the broker's own messages begin with."""
KNOWN_TOPICS_MAX = 4_096
"""Topic names of which it is remembered which rules they concern."""
_MESSAGE_IN = {
    spec.name: spec.fields.index("message") if "message" in spec.fields else None
    for spec in HOOK_POINTS
}
"""Which argument of a hook point is the message that it is about."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an operator may choose."""

    queue: QueueLimits = field(default_factory=QueueLimits)
    ignore_sys_message: bool = True
    """Whether the broker's own messages, below `$SYS` and `$events`, concern no rule."""
    event_messages: Mapping[str, int] = field(default_factory=dict)
    """Events that are published as messages, by name, with the QoS of each."""
    disk: QueueLimits = field(
        default_factory=lambda: QueueLimits(max_retries=None, max_retry_s=86_400.0)
    )
    """Of actions whose results wait on disk; what their queues hold of it in memory."""
    disk_max_len: int = 1_000_000
    """Of what waits on disk, an action."""
    dead_letters: DeadLetterLimits = field(default_factory=DeadLetterLimits)
    recorder_max_len: int = 0
    """How many messages and events a rule keeps to try statements on; 0 has no rule keep any."""
    files_folder: str = "rule_files"
    """Where files of resources are, below the engine's own folder where it is no absolute path."""


class RuleEngine:
    """All rules and resources of one broker."""

    def __init__(
        self, registry: Registry, outbox: Outbox | None = None, folder: Path = Path()
    ) -> None:
        """Stand still; `start` begins.

        Args:
            registry: The kinds of actions and resources.
            outbox: Keeps what has to outlive the process; opened by somebody else. None keeps nothing.
            folder: Where the folder of resources' files is, if the settings do not say otherwise.
        """
        self._folder = folder
        self.registry = registry
        self.outbox = outbox
        self.resources = RunningResources(registry)
        self._core: BrokerCore | None = None
        self._around: EventSurroundings
        self._settings = EngineSettings()
        self._rules: dict[str, RunningRule] = {}
        self._by_topic: Trie[tuple[RunningRule, ...]] = Trie()
        self._known: dict[str, tuple[RunningRule, ...]] = {}
        self._hooked: list[tuple[str, Callback]] = []
        self._kv_store: dict[Any, Any] = {}
        self._proc_dict: dict[str, MutableMapping[Any, Any]] = {}
        """What statements keep for connections, by client id."""
        self._connect_properties = ConnectProperties()
        self._sampling: Timer | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether it works; any thread may ask."""
        return self._core is not None

    def start(
        self,
        core: BrokerCore,
        settings: EngineSettings,
        resources: Iterable[ResourceSpec],
        rules: Iterable[RuleSpec],
    ) -> None:
        """Begin to work, with what is stored. A resource that cannot work is logged and stays down."""
        self._core = core
        self._around = EventSurroundings(
            core.config.node_name, core.clock.wall_ms, core.cm.get, self._connect_properties.of
        )
        self._settings = settings
        if self.outbox is not None:
            self.outbox.limits = settings.dead_letters
            self.outbox.replaying.clear()
        try:
            self.resources.start(core, self._folder / settings.files_folder, resources)
            for rule in rules:
                self._rules[rule.id] = self._made_rule(rule)
            self._bury_strays()
            self._join()
        except BaseException:
            self.stop()
            raise
        self._sampling = core.after(SAMPLE_EVERY_S, self._sample)

    def stop(self) -> None:
        """End; what waits in queues is given up. Doing it twice is no error."""
        if self._core is None:
            return
        self._leave()
        if self._sampling is not None:
            self._sampling.cancel()
        for rule in self._rules.values():
            _close(rule.actions)
        self.resources.stop()
        self._rules = {}
        self._core = None

    def providers_changed(self) -> None:
        """Begin with what has become possible, and end with what is possible no more."""
        if self._core is None:
            return
        self.resources.providers_changed()
        for rule in list(self._rules.values()):
            self._rules[rule.spec.id] = self._made_rule(rule.spec, rule)
        self._join()

    # -- rules -------------------------------------------------------------------------------------

    def put_rule(self, spec: RuleSpec) -> None:
        """Begin with a rule, or go on with one that is there in its new form; it keeps what it has counted."""
        self._rules[spec.id] = self._made_rule(spec, self._rules.get(spec.id))
        self._join()

    def remove_rule(self, rule_id: str) -> None:
        """End with a rule; one that is not there is no error."""
        rule = self._rules.pop(rule_id, None)
        if rule is not None:
            _close(rule.actions)
            self._bury_all_of(rule_id, rule.actions)
            self._join()

    def reset_metrics(self, rule_id: str) -> None:
        """Have a rule count from zero again."""
        rule = self._rules.get(rule_id)
        if rule is not None:
            rule.reset_metrics()

    def figures(self, rule_id: str) -> tuple[RuleMetrics, Mapping[str, ActionMetrics]]:
        """Return what a rule has counted, and its actions by id; any thread may ask."""
        rule = self._rules.get(rule_id)
        if rule is None:
            return RuleMetrics(), {}
        return rule.metrics, {one.id: one.metrics for top in rule.actions for one in top.walk()}

    def complaints(self, rule_id: str) -> list[tuple[str, Complaint]]:
        """Return the latest failures of a rule and of its actions, the newest first, each with the id of whose it is.

        Any thread may ask.
        """
        rule = self._rules.get(rule_id)
        if rule is None:
            return []
        found = [(rule_id, one) for one in list(rule.complaints.recent)]
        for action in (one for top in rule.actions for one in top.walk()):
            found += [(action.id, one) for one in list(action.complaints.recent)]
        return sorted(found, key=lambda one: one[1].at_ms, reverse=True)

    def is_recording(self, rule_id: str) -> bool:
        """Tell whether a rule keeps what it is about; any thread may ask."""
        rule = self._rules.get(rule_id)
        return rule is not None and rule.recording is not None

    def _made_rule(self, spec: RuleSpec, old: RunningRule | None = None) -> RunningRule:
        kept = {action.id: action for action in old.actions} if old is not None else {}
        actions = []
        for wanted in spec.actions:
            same = kept.get(wanted.id)
            if same is not None and self._is_current(same, wanted):
                # What waits in its queue goes on waiting there.
                actions.append(kept.pop(wanted.id))
            else:
                actions.append(self._made_action(wanted, spec.id))
        _close(kept.values())
        rule = RunningRule(spec, actions, self._kv_store, self._proc_dict)
        if old is not None:
            rule.metrics = old.metrics
            rule.recording = old.recording
            wanted_ids = {one.id for top in actions for one in top.walk()}
            gone = [one for top in old.actions for one in top.walk() if one.id not in wanted_ids]
            self._bury_all_of(spec.id, gone)
        return rule

    def _is_current(self, action: RunningAction, wanted: ActionSpec) -> bool:
        known = self.registry.action(wanted.name) is not None
        return action.spec == wanted and action.is_known == known

    def _made_action(self, spec: ActionSpec, rule_id: str) -> RunningAction:
        kind = self.registry.action(spec.name)
        work: Now | Delivery | None = None
        if kind is not None:
            try:
                params = self._with_cache(kind.checked(spec.params))
                surroundings = Surroundings(self._running_core(), self.resources.get)
                made = kind.make(ActionSpec(spec.id, spec.name, params), surroundings)
                work = made if isinstance(made, Now) else self._delivery(made, params)
            except BadArguments as error:
                # It was imported, or is older than what is checked today.
                logger.warning("The action %s cannot work: %s", spec.id, error)
        fallbacks = [self._made_action(one, rule_id) for one in spec.fallbacks]
        return RunningAction(spec, work, fallbacks, self._keeping(rule_id))

    def _with_cache(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have results wait on disk where the resource wants it, as EMQX's bridges may, and the action does not say."""
        resource = self.resources.spec_of(params.get(RESOURCE, ""))
        if CACHE in params or resource is None or resource.config.get(CACHE) != "on":
            return params
        return {**params, CACHE: True}

    def _delivery(self, work: Later | Batches, params: Mapping[str, Any]) -> Delivery:
        made = delivery(work, params, self._settings.queue, self._settings.disk)
        if made.is_on_disk and self.outbox is not None:
            close_gate(self._running_core(), self.outbox)
        return made

    # -- what is on disk ---------------------------------------------------------------------------

    def _keeping(self, rule_id: str) -> Keeping | None:
        if self.outbox is None:
            return None
        clock = self._running_core().clock
        return Keeping(self.outbox, rule_id, clock, self._settings.disk_max_len)

    def _bury_strays(self) -> None:
        """Put aside what stands on disk for actions that are there no more."""
        if self.outbox is not None:
            owners = [
                Owner(rule.spec.id, one.id)
                for rule in self._rules.values()
                for top in rule.actions
                for one in top.walk()
            ]
            self.outbox.bury_others(owners, self._running_core().clock.wall_ms())

    def _bury_all_of(self, rule_id: str, actions: Iterable[RunningAction]) -> None:
        if self.outbox is not None:
            now_ms = self._running_core().clock.wall_ms()
            for one in (one for top in actions for one in top.walk()):
                self.outbox.bury_all(Owner(rule_id, one.id), now_ms)

    def replay(self, letters: Sequence[DeadLetter]) -> int:
        """Try dead letters once more: those that succeed are gone, the others stay.

        Returns:
            How many of them, from the first one on, were taken up; the next one found no action, or no room.
        """
        return replay(self._rules, self.outbox, letters, self._running_core().clock)

    # -- recordings --------------------------------------------------------------------------------

    def record(self, rule_id: str, *, is_on: bool) -> None:
        """Have a rule keep the messages and events that it is about, or forget them.

        Raises:
            BadArguments: There is no such rule, the recorder is off, or enough rules record.
        """
        rule = self._rules.get(rule_id)
        if rule is None:
            raise BadArguments("{rule_does_not_run}")
        if not is_on:
            rule.recording = None
        elif not self._settings.recorder_max_len:
            raise BadArguments('{recorder_is_off,<<"rule_engine.recorder.max_len">>}')
        elif rule.recording is None:
            if sum(one.recording is not None for one in self._rules.values()) >= RECORDINGS_MAX:
                raise BadArguments(f"{{too_many_recorders,{RECORDINGS_MAX}}}")
            rule.recording = Recording(self._settings.recorder_max_len)
        self._join()

    def recorded(self, rule_id: str) -> Sequence[Columns] | None:
        """Return what a rule has kept, the oldest first; None where it does not record."""
        rule = self._rules.get(rule_id)
        return rule.recording.rows() if rule is not None and rule.recording is not None else None

    # -- hooks -------------------------------------------------------------------------------------

    def _join(self) -> None:
        """Join the hook points that enabled rules need, and those only."""
        self._leave()
        by_topic: dict[str, list[RunningRule]] = {}
        by_event: dict[str, list[RunningRule]] = {}
        for rule in self._rules.values():
            if rule.is_listening:
                for name in dict.fromkeys(rule.spec.query.topics):
                    event = event_of(name)
                    if event is None:
                        by_topic.setdefault(name, []).append(rule)
                    elif rule not in by_event.setdefault(event.name, []):
                        by_event[event.name].append(rule)
        for topic_filter, rules in by_topic.items():
            self._by_topic.insert(topic_filter, tuple(rules))
        if by_topic:
            self._hook(PUBLISH, self._on_publish, self._interest)
        for name, rules in by_event.items():
            self._hook(EVENTS[name].hook, self._teller(EVENTS[name], tuple(rules)))
        for name, qos in self._settings.event_messages.items():
            self._hook(EVENTS[name].hook, self._publisher(EVENTS[name], qos))
        wanted = by_event.keys() | self._settings.event_messages.keys()
        if OF_CONNECT & wanted:
            self._hook(CONNECT, self._connect_properties.note)
        if OF_ACL in wanted:
            # Where no rule says what may be published, nobody asks, and there would be no verdict to hear of.
            self._hook(ACL, _listen_only)

    def _leave(self) -> None:
        core = self._running_core()
        for point, callback in self._hooked:
            core.hooks.point(point).remove(callback)
        self._hooked = []
        self._connect_properties.clear()
        self._by_topic = Trie()
        self._known = {}

    def _hook(self, point: str, callback: Callback, interest: Interest | None = None) -> None:
        self._running_core().hooks.point(point).add(callback, HOOK_PRIORITY, interest=interest)
        self._hooked.append((point, callback))

    def _on_publish(self, message: Message) -> None:
        rules = self._rules_about(message.topic)
        if rules:
            columns = message_columns(self._around, message)
            for rule in rules:
                rule.apply(columns)

    def _interest(self, topic: str) -> bool | TopicRules:
        """Say who hears of a topic's messages on the broker's express lane, where those that no rule is about stay."""
        rules = self._rules_about(topic)
        if not rules or len(rules) > ON_LANE_MAX:
            return bool(rules)
        return TopicRules(self._around, rules)

    def _rules_about(self, topic: str) -> tuple[RunningRule, ...]:
        rules = self._known.get(topic)
        return self._search(topic) if rules is None else rules

    def _search(self, topic: str) -> tuple[RunningRule, ...]:
        found: tuple[RunningRule, ...] = ()
        if not (self._settings.ignore_sys_message and topic.startswith(OURS)):
            # A rule with two filters that match is meant once.
            matches = (rule for rules in self._by_topic.match(topic) for rule in rules)
            found = tuple(dict.fromkeys(matches))
        if len(self._known) >= KNOWN_TOPICS_MAX:
            self._known.clear()
        self._known[topic] = found
        return found

    def _teller(self, event: Event, rules: Sequence[RunningRule]) -> Callback:
        place = _MESSAGE_IN[event.hook] if self._settings.ignore_sys_message else None

        def tell(*arguments: Any) -> None:
            if place is not None and is_ours(arguments[place]):
                return
            columns = columns_of(event, self._around, *arguments)
            for rule in rules:
                rule.apply(columns)

        return tell

    def _publisher(self, event: Event, qos: int) -> Callback:
        place = _MESSAGE_IN[event.hook]
        core = self._running_core()

        def tell(*arguments: Any) -> None:
            # That a message about an event was delivered is an event, too.
            if place is not None and is_ours(arguments[place]):
                return
            columns = columns_of(event, self._around, *arguments)
            payload = as_json(columns.everything())
            core.publish(Message(event.topic, payload, qos, False, core.clock.wall_ms()))

        return tell

    # -- the insides -------------------------------------------------------------------------------

    def _sample(self) -> None:
        for rule in self._rules.values():
            rule.metrics.speed.sample(rule.metrics.matched, SAMPLE_EVERY_S)
        self._forget_connections()
        self._sampling = self._running_core().after(SAMPLE_EVERY_S, self._sample)

    def _forget_connections(self) -> None:
        """Let go of what statements kept for connections that have ended."""
        get = self._running_core().cm.get
        for clientid in list(self._proc_dict):
            channel = get(clientid)
            if channel is None or not channel.is_connected:
                del self._proc_dict[clientid]

    def _running_core(self) -> BrokerCore:
        if self._core is None:
            raise BadArguments("{plugin_not_loaded,emqx_rule_engine}")
        return self._core


def is_ours(message: Message) -> bool:
    """Tell whether the broker speaks of itself in a message."""
    return message.topic.startswith(OURS)


def _listen_only(*_: object) -> None:
    """Have no opinion on what a client may do."""


def _close(actions: Iterable[RunningAction]) -> None:
    for action in actions:
        action.close()
