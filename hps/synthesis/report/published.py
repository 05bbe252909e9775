"""How diverse published data sets say they are, each statement with its source; None is what was not read anywhere."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """One data set, in its authors' words, shortened."""

    name: str
    source: str
    people: str | None = None
    body: str | None = None
    """Age, height, weight."""
    motions: str | None = None
    pictures: str | None = None
    people_in_picture: str | None = None
    views: str | None = None


PUBLISHED: Final = (
    Published(
        name="HuMMan",
        source="arXiv 2204.13686, abstract; authors' talk; humman_toolbox",
        people="1000",
        motions="500 actions, 400k sequences",
        pictures="60M",
        people_in_picture="1",
        views="10 Kinects around, one phone",
    ),
    Published(
        name="GTA-Human",
        source="arXiv 2110.07588; authors' talk; gta-human_toolbox",
        people="> 600",
        motions="20k clips of the game, 20,005 sequences",
        pictures="1.4M",
        people_in_picture="1",
        views="1920x1080, vertical field of view 50°",
    ),
    Published(
        name="GTA-Human II",
        source="gta-human_toolbox",
        motions="35,352 person sequences in 10,224 scenes",
        people_in_picture="1 to 6",
        views="clouds to 10 m",
    ),
    Published(
        name="BEDLAM",
        source="arXiv 2306.16940; bedlam_render; of its fields of view, arXiv 2511.14394",
        motions="2,311 motions, 10,450 sequences (second hand)",
        pictures="380k, about 1M people in them (second hand)",
        views="horizontal field of view 52° or 65° mostly; cameras stand still mostly",
    ),
    Published(
        name="BEDLAM2.0",
        source="arXiv 2511.14394",
        body="body mass index 18 to 41",
        motions="27,480 sequences",
        pictures="8.0M",
        views="lenses of 14 to 400 mm, moving cameras",
    ),
    Published(
        name="AGORA",
        source="arXiv 2104.14643, abstract; agora_evaluation",
        people="4240 scans",
        body="257 scans of children",
        motions="the poses of the scans",
        pictures="about 17k, 173k people in them",
        people_in_picture="5 to 15",
        views="lenses of 18, 28 and 50 mm on 36 mm",
    ),
    Published(
        name="SURREAL",
        source="arXiv 1701.01370, abstract; VoteHMR's settings",
        pictures="> 6M",
        motions="recorded by motion capture",
        people_in_picture="1",
        views="320x240, focal length 600 px: horizontal field of view 30°",
    ),
    Published(
        name="SynBody",
        source="arXiv 2303.17368, abstract",
        people="10,000 body models",
        motions="1,187 actions",
        pictures="1.2M",
    ),
    Published(
        name="HSPACE",
        source="arXiv 2112.12867, abstract",
        people="100, in 1,600 builds",
        body="varying ages",
        pictures="> 1M",
    ),
)


def beside_published(found: dict[str, Any]) -> list[dict[str, str]]:
    """Rows of a table: this data set (its `statistics`), then the published ones; what was not read is said so."""
    rows = [_of_this(found)]
    for one in PUBLISHED:
        rows.append({f.name: getattr(one, f.name) or "not read" for f in fields(Published)})
    return rows


def _of_this(found: dict[str, Any]) -> dict[str, str]:
    told = found["distributions"]
    people = sum(split["people"] for split in found["splits"].values())
    body = ", ".join(_range(told[name]) for name in ("age_years", "height_m", "mass_kg", "bmi") if told[name]["count"])
    views = [f"{told['camera_height_m']['count']} cameras", f"horizontal field of view {_range(told['hfov_deg'])}"]
    if "elevation_deg" in told:
        views += [f"elevation {_range(told['elevation_deg'])}", f"distance {_range(told['distance_m'])}"]
    seen = told.get("people_seen")
    return {
        "name": "this data set",
        "source": "report/statistics.json",
        "people": str(people),
        "body": f"{body} of adults",
        "motions": f"{len(found['shares']['motion'])} clips, {sum(found['shares']['recipe'].values())} motions of them",
        "pictures": str(seen["count"]) if seen else "none finished",
        "people_in_picture": f"{seen['least']:.0f} to {seen['most']:.0f}"
        if seen and seen["count"]
        else "none finished",
        "views": ", ".join(views),
    }


def _range(told: dict[str, Any]) -> str:
    if not told["count"]:
        return "none"
    gap = "" if told["unit"] == "°" else " "
    return f"{told['least']:.3g} to {told['most']:.3g}{gap}{told['unit']}"
