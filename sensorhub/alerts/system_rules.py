"""Rules for alerts about the hub itself: built in, always on, asset `hub`."""

from zoneinfo import ZoneInfo

from sensorhub.alerts.rules import Rule, SeverityLimit
from sensorhub.model import Category, Severity
from sensorhub.registry.subjects import HUB
from sensorhub.rules.schema import RuleSettings
from sensorhub.rules.schema_parts import RuleLevel, RuleText

HUB_ID = HUB.id

_TEXTS = {
    "hub_outage": (
        "平台曾中断接收 {value} 小时",
        "the hub received nothing for {value} h",
    ),
    "hub_clock": (
        "平台时钟可能不准：{value} 台设备的时间比平台超前",
        "the hub's clock may be wrong: {value} devices are ahead of it",
    ),
    "journal_damaged": (
        "数据日志有 {value} 条记录损坏，已隔离保存",
        "{value} corrupt journal rows were quarantined",
    ),
    "codec_off": (
        "已停用 {value} 个解码脚本",
        "{value} payload codecs are switched off",
    ),
    "influx_stuck": (
        "InfluxDB 无法写入，读数暂存于平台",
        "InfluxDB accepts no readings; they wait in the hub",
    ),
    "disk_low": (
        "磁盘空间不足（剩余 {value} MB）：消息暂存于消息服务器，腾出空间后继续接收",
        "the disk is nearly full ({value} MB left): uplinks wait at the broker until"
        " there is space",
    ),
    "rules_refused": (
        "rules.toml 有 {value} 处错误，沿用原规则",
        "rules.toml has {value} faults; the old rules stay in force",
    ),
    "internal_error": (
        "有 {value} 条消息无法处理，已转入死信",
        "{value} uplinks caused an internal error and are dead letters",
    ),
}


def _rule(id_: str, zh: str, en: str) -> Rule:
    settings = RuleSettings.model_construct(
        id=id_,
        kind="overdue",
        category=Category.SYSTEM,
        measurement=None,
        levels=(RuleLevel.model_validate({"severity": "urgent", "raise": 0}),),
        schedule=None,
        text=RuleText.model_validate({"zh-CN": zh, "en": en}),
    )
    return Rule(
        id=id_,
        settings=settings,
        kind="system",
        category=Category.SYSTEM,
        code=0,
        limits=(SeverityLimit(Severity.URGENT, 0, 0),),
        above=True,
        hold=0,
        clear_hold=0,
        max_gap=None,
        k=1,
        n=1,
        zone=ZoneInfo("UTC"),
    )


SYSTEM_RULES = {id_: _rule(id_, zh, en) for id_, (zh, en) in _TEXTS.items()}
