"""What the broker watches about its machine and itself, and what it keeps of the alarms that it raised.

Keys are EMQX 4's `alarm.*`, `os_mon.*` and `vm_mon.*`.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.config.kinds import above_zero, duration, share, whole
from app.config.table import setting

_interval = above_zero(duration)


@dataclass(frozen=True, slots=True)
class AlarmConfig:
    """How much of past alarms is kept."""

    size_limit: int = setting(
        "alarm.size_limit", whole(1), "1000", "Most past alarms that are kept.", hot=True
    )
    validity_period_s: float = setting(
        "alarm.validity_period",
        _interval,
        "24h",
        "How long a past alarm is kept.",
        hot=True,
    )


@dataclass(frozen=True, slots=True)
class MonitorConfig:
    """When the machine and the node are looked at, and what is too much."""

    cpu_check_interval_s: float = setting(
        "os_mon.cpu_check_interval",
        _interval,
        "60s",
        "How often the machine's CPU usage is looked at.",
    )
    cpu_high_watermark: float = setting(
        "os_mon.cpu_high_watermark",
        share,
        "80%",
        "CPU usage of the machine above which `high_cpu_usage` is raised.",
        hot=True,
    )
    cpu_low_watermark: float = setting(
        "os_mon.cpu_low_watermark",
        share,
        "60%",
        "CPU usage of the machine below which `high_cpu_usage` ends.",
        hot=True,
    )
    mem_check_interval_s: float = setting(
        "os_mon.mem_check_interval", _interval, "60s", "How often memory is looked at."
    )
    sysmem_high_watermark: float = setting(
        "os_mon.sysmem_high_watermark",
        share,
        "70%",
        "Share of the machine's memory in use above which `high_system_memory_usage` is raised.",
        hot=True,
    )
    procmem_high_watermark: float = setting(
        "os_mon.procmem_high_watermark",
        share,
        "50%",
        "Share of the machine's memory held by this process above which `high_process_memory_usage` is raised; "
        "EMQX's 5% is meant for one of its many processes.",
        hot=True,
    )
    refuse_watermark: float = setting(
        "os_mon.refuse_watermark",
        share,
        "95%",
        "Memory usage of the machine above which new clients are refused, so that those who are connected lose "
        "nothing; 100% refuses nobody.",
        hot=True,
    )
    refuse_check_interval_s: float = setting(
        "os_mon.refuse_check_interval",
        _interval,
        "1s",
        "How often memory is compared with that watermark: queues can take gigabytes within mem_check_interval.",
    )
    long_schedule_s: float = setting(
        "sysmon.long_schedule",
        duration,
        "240ms",
        "A turn of the broker's loop that takes longer is told on `$SYS/…/sysmon/long_schedule` and in the log; "
        "0 tells nothing.",
    )
    long_gc_s: float = setting(
        "sysmon.long_gc",
        duration,
        "0",
        "A garbage collection that takes longer is told on `$SYS/…/sysmon/long_gc` and in the log; 0 tells nothing.",
    )
    disk_check_interval_s: float = setting(
        "os_mon.disk_check_interval",
        _interval,
        "60s",
        "How often the disk with the instance folder is looked at.",
    )
    disk_high_watermark: float = setting(
        "os_mon.disk_high_watermark",
        share,
        "90%",
        "Share of that disk in use above which `high_disk_usage` is raised.",
        hot=True,
    )
    disk_low_watermark: float = setting(
        "os_mon.disk_low_watermark",
        share,
        "85%",
        "Share of that disk in use below which `high_disk_usage` ends.",
        hot=True,
    )
    check_interval_s: float = setting(
        "vm_mon.check_interval",
        _interval,
        "30s",
        "How often connections are compared with the descriptors that this process may open, and those of each "
        "listener with its `max_connections`.",
    )
    listener_high_watermark: float = setting(
        "vm_mon.listener_high_watermark",
        share,
        "100%",
        "Share of a listener's `max_connections` from which on `listener/…/max_connections` is raised, as it is "
        "where one was refused.",
        hot=True,
    )
    listener_low_watermark: float = setting(
        "vm_mon.listener_low_watermark",
        share,
        "90%",
        "Share of a listener's `max_connections` below which that alarm ends.",
        hot=True,
    )
    process_high_watermark: float = setting(
        "vm_mon.process_high_watermark",
        share,
        "80%",
        "Share of the descriptors taken by connections above which `too_many_processes` is raised.",
        hot=True,
    )
    process_low_watermark: float = setting(
        "vm_mon.process_low_watermark",
        share,
        "60%",
        "Share of the descriptors taken by connections below which `too_many_processes` ends.",
        hot=True,
    )
