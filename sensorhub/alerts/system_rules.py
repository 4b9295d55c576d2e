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
        "平台已中断接收 {value} 小时",
        "the hub has received no uplinks for {value} h",
    ),
    "hub_clock": (
        "平台时钟可能不准：{value} 台设备的时间比平台快",
        "the hub's clock may be wrong: {value} devices are ahead of it",
    ),
    "journal_damaged": (
        "发现损坏的日志记录（{value} 条），已隔离保存",
        "damaged journal rows were quarantined ({value})",
    ),
    "codec_off": (
        "解码脚本已停用（{value} 个）",
        "payload codecs are switched off ({value})",
    ),
    "influx_stuck": (
        "InfluxDB 未接收读数，读数暂存于平台",
        "InfluxDB does not accept readings; the hub keeps them until it does",
    ),
    "disk_low": (
        "磁盘空间不足（剩余 {value} MB）：消息暂留在 MQTT 服务器，腾出空间后继续接收",
        "disk space is low ({value} MB left): uplinks wait at the broker until there"
        " is space",
    ),
    "rules_refused": (
        "rules.toml 有 {value} 处错误，未生效，继续使用原规则",
        "rules.toml has errors ({value}); the previous rules stay in force",
    ),
    "internal_error": (
        "消息处理时发生内部错误，消息已转为死信（{value} 条）",
        "uplinks that caused an internal error are dead letters ({value})",
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
