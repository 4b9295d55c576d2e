"""The zones and sites of the demo's town; places and people are made up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoZone:
    """A crew's area; its sites as (id, name)."""

    id: str
    name: str
    crew: str
    contractor: str
    contact: str
    latitude: float
    longitude: float
    sites: tuple[tuple[str, str], ...]


ZONES = (
    DemoZone(
        id="laocheng",
        name="老城区",
        crew="环卫一班",
        contractor="",
        contact="李班长",
        latitude=30.5861,
        longitude=103.6571,
        sites=(
            ("gulou", "鼓楼街"),
            ("wenmiao", "文庙巷"),
            ("dongmen", "东门广场"),
            ("binhe", "滨河公园"),
        ),
    ),
    DemoZone(
        id="shichang",
        name="农贸市场片区",
        crew="环卫二班",
        contractor="洁城保洁公司",
        contact="王队长",
        latitude=30.5792,
        longitude=103.6688,
        sites=(
            ("caishi", "中心菜市场"),
            ("xiaochi", "小吃街"),
            ("nanjie", "南街小区"),
            ("huoyun", "货运站"),
        ),
    ),
    DemoZone(
        id="xincheng",
        name="车站新区",
        crew="环卫三班",
        contractor="绿源环境服务公司",
        contact="陈队长",
        latitude=30.5937,
        longitude=103.6745,
        sites=(
            ("chezhan", "汽车站"),
            ("xuexiao", "实验学校"),
            ("yiyuan", "人民医院"),
            ("huayuan", "花园小区"),
        ),
    ),
)
