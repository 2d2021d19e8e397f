"""The lifecycle rules of the bucket, and how existing ones differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from video_analysis.ops.setup.difference import Difference
from video_analysis.worker_config import WorkerConfig

Rule = Mapping[str, Any]
LIFECYCLE: Mapping[str, Rule] = {
    "snapshots": {
        "Expiration": {"Days": 365},
        "Filter": {"And": {"Prefix": "demo_user/", "ObjectSizeLessThan": 1_048_576}},
    },
    "checkpoints": {"Expiration": {"Days": 30}, "Filter": {"Prefix": "runs/"}},
    "broken-uploads": {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "Filter": {"Prefix": ""}},
}
"""Rules by their ids. Rules with other ids are kept; a rule with one of these ids is compared, and not changed."""
SHORTEST_DAYS = {"snapshots": WorkerConfig().retention_s // 86_400}
"""A snapshot must not expire before its message does."""
REMEDY = "setup changes no rule that exists: correct it, or delete it and run `ops setup --only bucket`"
CHOICE = "leave it if you chose it"
_DAYS = {"Expiration": "Days", "AbortIncompleteMultipartUpload": "DaysAfterInitiation"}
_FILTERS = ("Prefix", "ObjectSizeLessThan")
_KEYS = ("ID", "Status", "Filter", "Prefix")


def differences(present: Iterable[Rule]) -> list[Difference]:
    """What is missing in the rules of a bucket, or differs."""
    by_id = {rule.get("ID"): rule for rule in present}
    found: list[Difference] = []
    for name, needed in LIFECYCLE.items():
        if name in by_id:
            found += _changed(name, by_id[name], {"Status": "Enabled", **needed})
        else:
            found.append(Difference(f"lifecycle rule {name}", "none", "one"))
    return found


def with_missing(present: Sequence[Rule]) -> list[Rule]:
    """The rules that exist, unchanged, and those that are missing."""
    ids = {rule.get("ID") for rule in present}
    return [
        *present,
        *({"ID": name, "Status": "Enabled", **rule} for name, rule in LIFECYCLE.items() if name not in ids),
    ]


def _changed(name: str, found: Rule, needed: Rule) -> Iterable[Difference]:
    """The properties that differ."""
    has, wants = _facts(found, needed), _facts(needed, needed)
    for fact, value in wants.items():
        if has[fact] != value:
            is_choice = fact == "days" and _is_number(has[fact]) and int(has[fact]) >= SHORTEST_DAYS.get(name, 1)
            yield Difference(
                f"{fact} of lifecycle rule {name}", has[fact], value, CHOICE if is_choice else REMEDY, is_choice
            )


def _facts(rule: Rule, needed: Rule) -> dict[str, str]:
    """Status, filter and number of days of a rule, as text. The days are those of the action of `needed`."""
    chosen: Mapping[str, Any] = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    chosen = chosen.get("And", chosen)
    action = next(name for name in _DAYS if name in needed)
    return {
        "status": str(rule.get("Status")),
        "prefix": repr(chosen.get("Prefix", "")),
        "size": f"below {chosen['ObjectSizeLessThan']} bytes" if "ObjectSizeLessThan" in chosen else "any",
        "other filters": ", ".join(sorted(set(chosen) - set(_FILTERS))) or "none",
        "other actions": ", ".join(sorted(set(rule) - {*_KEYS, action})) or "none",
        "days": str(rule.get(action, {}).get(_DAYS[action], "none")),
    }


def _is_number(text: str) -> bool:
    return text.isdecimal()
