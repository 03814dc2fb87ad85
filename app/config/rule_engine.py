"""Settings of the rule engine: what it hears of, how its actions deliver, what it keeps."""

from __future__ import annotations

from app.config.kinds import above_zero, between, duration, event_message, flag, size, whole, word
from app.config.table import Setting

RULE_ENGINE_IGNORE_SYS = Setting(
    "rule_engine.ignore_sys_message",
    flag,
    "on",
    "Whether the broker's own messages, below `$SYS`, concern no rule.",
    hot=True,
)
RULE_ENGINE_EVENTS = Setting(
    "rule_engine.events.$name",
    event_message,
    "off",
    "Whether an event such as `client_connected` is published as a message, on `$events/client_connected`, and how.",
    hot=True,
)
RULE_ENGINE_QUEUE = Setting(
    "rule_engine.action_queue.max_len",
    whole(1, 1_000_000),
    "1000",
    "How many results of a rule may wait at one action for a target that answers later; what comes beyond is dropped.",
    hot=True,
)
RULE_ENGINE_MAX_RETRIES = Setting(
    "rule_engine.action_queue.max_retries",
    whole(0, 1_000),
    "5",
    "How often such a result is tried again before the action has failed.",
    hot=True,
)
RULE_ENGINE_RETRY_INTERVAL = Setting(
    "rule_engine.action_queue.retry_interval",
    between(duration, "10ms", "1h"),
    "500ms",
    "The pause before the first retry; each further one is twice as long, up to 30s.",
    hot=True,
)
RULE_ENGINE_DISK_MAX_LEN = Setting(
    "rule_engine.disk_cache.max_len",
    whole(1, 100_000_000),
    "1000000",
    "How many results may wait on disk, in `outbox.db` of the instance folder, at one action with `disk_cache`; what "
    "comes beyond is dropped.",
    hot=True,
)
RULE_ENGINE_DISK_RETRY_TIME = Setting(
    "rule_engine.disk_cache.max_retry_time",
    above_zero(duration),
    "1d",
    "How long such a result is tried again before the action has failed.",
    hot=True,
)
RULE_ENGINE_DEAD_LETTERS = Setting(
    "rule_engine.dead_letters.max_len",
    whole(0, 10_000_000),
    "10000",
    "How many results that were given up are kept, in the same file, to be looked at and tried once more; the oldest "
    "make room.",
    hot=True,
)
RULE_ENGINE_DEAD_LETTERS_SIZE = Setting(
    "rule_engine.dead_letters.max_size",
    between(size, "64KB", "64GB"),
    "100MB",
    "How much they may be together.",
    hot=True,
)
RULE_ENGINE_RECORDER = Setting(
    "rule_engine.recorder.max_len",
    whole(0, 10_000),
    "0",
    "How many of the latest messages and events a rule keeps in memory to try statements on, where its recorder is "
    "switched on through the API; 0 has no rule keep any.",
    hot=True,
)
RULE_ENGINE_FILES = Setting(
    "rule_engine.files.folder",
    word,
    "rule_files",
    "The folder below which rules write files and SQLite databases, and nowhere else; a path that is not absolute is "
    "one in the instance folder.",
)

RULE_ENGINE_ROWS = (
    RULE_ENGINE_IGNORE_SYS,
    RULE_ENGINE_EVENTS,
    RULE_ENGINE_QUEUE,
    RULE_ENGINE_MAX_RETRIES,
    RULE_ENGINE_RETRY_INTERVAL,
    RULE_ENGINE_DISK_MAX_LEN,
    RULE_ENGINE_DISK_RETRY_TIME,
    RULE_ENGINE_DEAD_LETTERS,
    RULE_ENGINE_DEAD_LETTERS_SIZE,
    RULE_ENGINE_RECORDER,
    RULE_ENGINE_FILES,
)
