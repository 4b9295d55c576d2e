"""Draw a bin's history with matplotlib, from the extra `plot`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firmware_sim.plot.bin_history import BinHistory

ENGLISH = {
    "truth": "true fill",
    "readings": "readings",
    "estimates": "estimate, ± 2 sd",
    "emptied": "emptied",
    "detected_emptied": "emptying detected",
    "fill": "fill, %",
}
CHINESE = {
    "truth": "真实满溢度",
    "readings": "读数",
    "estimates": "估计值，± 2 标准差",
    "emptied": "清运",
    "detected_emptied": "识别到的清运",
    "fill": "满溢度，%",
}
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
)
COLOURS = ("#b3261e", "#8e4ec6", "#0f766e", "#946200", "#374151")


class PlotError(Exception):
    """A plot cannot be drawn; the text says what is missing."""


def _words(language: str) -> tuple[dict[str, str], str]:
    """Return the labels of a language, and a font for them. Raises PlotError."""
    if language == "en":
        return ENGLISH, "DejaVu Sans"
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    for name in CHINESE_FONTS:
        if name in installed:
            return CHINESE, name
    raise PlotError(
        "no Chinese font on this machine: install one (such as Noto Sans CJK SC) "
        "or use --lang en"
    )


def _moments(times: list[int]) -> list[datetime]:
    return [datetime.fromtimestamp(at / 1000, UTC) for at in times]


def _curves(axes: Any, history: BinHistory, words: dict[str, str]) -> None:
    truth = _moments([at for at, _ in history.truth])
    fills = [fill for _, fill in history.truth]
    axes.plot(truth, fills, color="#374151", lw=1.2, label=words["truth"])
    times = _moments([at for at, _ in history.readings])
    points = [fill for _, fill in history.readings]
    axes.plot(times, points, ".", ms=3, color="#c2410c", label=words["readings"])
    if history.estimates:
        at = _moments([row[0] for row in history.estimates])
        low = [fill - 2 * sd for _, fill, sd in history.estimates]
        high = [fill + 2 * sd for _, fill, sd in history.estimates]
        middle = [fill for _, fill, _ in history.estimates]
        axes.fill_between(at, low, high, color="#2563eb", alpha=0.2, lw=0)
        axes.plot(at, middle, color="#2563eb", lw=1, label=words["estimates"])


def _events(axes: Any, history: BinHistory, words: dict[str, str]) -> None:
    marks = (
        ("emptied", history.emptied, "v"),
        ("detected_emptied", history.detected_emptied, "^"),
    )
    for (name, times, sign), colour in zip(marks, ("#374151", "#2563eb"), strict=True):
        if times:
            height = [-4.0 if name == "emptied" else -10.0] * len(times)
            axes.plot(_moments(times), height, sign, color=colour, label=words[name])
    rules = sorted({rule for _, _, rule in history.alerts})
    for row, rule in enumerate(rules):
        for since, until, name in history.alerts:
            if name == rule:
                ends = _moments([since, until])
                colour = COLOURS[row % len(COLOURS)]
                axes.plot(ends, [122 + 5 * row] * 2, "|-", color=colour, lw=4)
        axes.annotate(
            rule, (1.005, 122 + 5 * row), xycoords=("axes fraction", "data"), fontsize=8
        )


def draw(
    history: BinHistory, days: tuple[float, float] | None, out: Path, lang: str
) -> None:
    """Write the plot to `out`; `days`: first and last from the start; `lang`: en or zh.

    Raises PlotError.
    """
    if not history.truth:
        raise PlotError(f"no true fill of {history.asset} in this trace")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotError(
            "plots need matplotlib: pip install 'sensorhub[plot]'"
        ) from None
    words, font = _words(lang)
    with matplotlib.rc_context({"font.family": font}):
        figure = Figure(figsize=(11, 5), layout="constrained")
        axes = figure.add_subplot()
        _curves(axes, history, words)
        _events(axes, history, words)
        begin = history.truth[0][0]
        since, until = days or (0, (history.truth[-1][0] - begin) / 86_400_000)
        limits = [begin + int(day * 86_400_000) for day in (since, until)]
        axes.set(ylabel=words["fill"], title=history.asset, xlim=_moments(limits))
        axes.axhline(100, color="#9ca3af", lw=0.8, ls="--")
        axes.grid(alpha=0.25)
        figure.autofmt_xdate()
        figure.legend(loc="outside lower center", fontsize=8, ncols=5)
        figure.savefig(out, dpi=100)
