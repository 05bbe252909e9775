"""The curves of a benchmark as parts of a page that has plotly."""

from __future__ import annotations

from typing import Any, Final

COLORS: Final = (
    "#1f5fa8", "#d1495b", "#2e8b57", "#e09f3e", "#6d597a", "#00798c", "#8d5524", "#444444", "#b56576", "#7a9e1f",
    "#3a86ff", "#9d4edd",
)  # fmt: skip
HEIGHT: Final = 380
PALE: Final = 0.14


def error_curves(curve: dict[str, Any], measure: str = "mpjpe_abs") -> str:
    """Mean error of each method along one attribute, with its interval as a pale band; "" when no method has it."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (label, told) in enumerate(curve["methods"].items()):
        if measure not in told:
            continue
        color = COLORS[number % len(COLORS)]
        x, rows = curve["x"], told[measure]
        there = [n for n, value in enumerate(rows["value"]) if value is not None]
        banded = [n for n in there if rows["low"][n] is not None]
        if banded:
            figure.add_scatter(
                x=[x[n] for n in banded] + [x[n] for n in reversed(banded)],
                y=[rows["high"][n] for n in banded] + [rows["low"][n] for n in reversed(banded)],
                fill="toself", fillcolor=_pale(color), line={"width": 0}, hoverinfo="skip", showlegend=False,
                legendgroup=label, mode="lines",
            )  # fmt: skip
        figure.add_scatter(
            x=[x[n] for n in there], y=[rows["value"][n] for n in there], name=label, mode="lines+markers",
            line={"color": color, "width": 2}, marker={"size": 5}, legendgroup=label,
        )  # fmt: skip
    if not figure.data:
        return ""
    unit = f", {curve['unit']}" if curve["unit"] else ""
    said = ["clouds of one camera"] * curve["one_camera"] + [", ".join(curve["parts"])] * bool(curve["parts"])
    where = "".join(f"; {words}" for words in said)
    figure.update_xaxes(title=f"{curve['title']}{unit}{where}", type="log" if curve["logarithmic"] else "linear")
    return _html(figure, "MPJPE, mm (smpl24_abs)" if measure == "mpjpe_abs" else "PVE, mm (absolute)")


def calibration_curves(methods: list[dict[str, Any]]) -> str:
    """True against stated deviation of joints along one axis, in bins of equal count; "" when no method states any."""
    import plotly.graph_objects as go

    figure = go.Figure()
    highest = 0.0
    for number, method in enumerate(methods):
        if not method["calibration"]:
            continue
        bins = method["calibration"]["bins"]
        highest = max(highest, *bins["stated"])
        figure.add_scatter(
            x=bins["stated"], y=bins["true"], name=method["label"], mode="lines+markers",
            line={"color": COLORS[number % len(COLORS)]}, marker={"size": 6},
        )  # fmt: skip
    if not figure.data:
        return ""
    figure.add_scatter(
        x=[0, highest], y=[0, highest], mode="lines", line={"color": "#999", "dash": "dot"}, name="as stated"
    )
    figure.update_xaxes(title="stated deviation of a joint along one axis, mm")
    return _html(figure, "true deviation, mm (rms)")


def reliability_curves(methods: list[dict[str, Any]]) -> str:
    """Share of bodies that did not fail against the confidence in them, in bins of equal width; "" without any.

    The area of a marker grows with the bodies in its bin.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, method in enumerate(methods):
        if not method["confidence"]:
            continue
        bins = method["confidence"]["bins"]
        most = max(bins["count"])
        figure.add_scatter(
            x=bins["stated"], y=[100 * share for share in bins["true"]], name=method["label"], mode="lines+markers",
            line={"color": COLORS[number % len(COLORS)]}, text=[f"{count} bodies" for count in bins["count"]],
            marker={"size": [4 + 14 * (count / most) ** 0.5 for count in bins["count"]], "opacity": 0.8},
        )  # fmt: skip
    if not figure.data:
        return ""
    figure.add_scatter(x=[0, 1], y=[0, 100], mode="lines", line={"color": "#999", "dash": "dot"}, name="as stated")
    figure.update_xaxes(title="confidence", range=[0, 1.02])
    return _html(figure, "bodies with PVE < 150 mm, %")


def sparsification_curves(methods: list[dict[str, Any]]) -> str:
    """Mean joint error of what is left once the most doubted joints are left out, and the best order (dotted)."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, method in enumerate(methods):
        if not method["calibration"]:
            continue
        color, told = COLORS[number % len(COLORS)], method["calibration"]["sparsification"]
        shares = [100 * share for share in told["left_out"]]
        for key, name, dash in (("by_doubt", method["label"], "solid"), ("by_error", "best order", "dot")):
            figure.add_scatter(
                x=shares, y=told[key], name=name, mode="lines", line={"color": color, "dash": dash},
                legendgroup=method["label"], showlegend=key == "by_doubt",
            )  # fmt: skip
    if not figure.data:
        return ""
    figure.update_xaxes(title="joints left out, the most doubted first, %")
    return _html(figure, "mean error of the others, mm")


def _html(figure: Any, y: str) -> str:
    import plotly.io

    figure.update_layout(
        height=HEIGHT, margin={"l": 60, "r": 10, "t": 10, "b": 50}, template="simple_white", hovermode="closest",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
    )  # fmt: skip
    figure.update_yaxes(title=y, rangemode="tozero")
    shown = {"full_html": False, "include_plotlyjs": False, "config": {"displaylogo": False, "responsive": True}}
    return plotly.io.to_html(figure, validate=False, **shown)


def _pale(color: str) -> str:
    red, green, blue = (int(color[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgba({red},{green},{blue},{PALE})"
