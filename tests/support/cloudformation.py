"""Evaluates the intrinsic functions and conditions of infra/template.yaml for given parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

TEMPLATE = PACKAGE_FOLDER / "infra" / "template.yaml"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": WorkerConfig().region,
    "AWS::AccountId": "123456789012",
}
_NO_VALUE = object()
_LONG_FORM = {"Ref", "Condition"}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Reads `!Name value` as `{"Fn::Name": value}`."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in _LONG_FORM else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)


def load() -> dict[str, Any]:
    """The template, with functions in their long form."""
    found: dict[str, Any] = yaml.load(TEMPLATE.read_text("utf-8"), _Loader)  # a SafeLoader
    return found


class Stack:
    """The resources that the template makes of some parameters. References to resources become their names."""

    def __init__(self, **parameters: str) -> None:
        self.template = load()
        defaults = {name: one.get("Default", "") for name, one in self.template["Parameters"].items()}
        assert set(parameters) <= set(defaults)
        self.parameters: dict[str, Any] = {**defaults, **parameters}
        self.resources = {
            name: self._resolved(one.get("Properties", {}))
            for name, one in self.template["Resources"].items()
            if "Condition" not in one or self._holds(one["Condition"])
        }

    def statements(self, resource: str) -> list[dict[str, Any]]:
        """The statements of a role's only inline policy, or of a managed policy."""
        properties = self.resources[resource]
        policy = properties["Policies"][0] if "Policies" in properties else properties
        found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
        return found

    def user_data(self, launch_template: str) -> str:
        """The script that a new host runs."""
        return str(self.resources[launch_template]["LaunchTemplateData"]["UserData"])

    def _holds(self, condition: str) -> bool:
        return bool(self._resolved(self.template["Conditions"][condition]))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [found for one in value if (found := self._resolved(one)) is not _NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1 and (name := next(iter(value))).startswith(("Fn::", "Ref")):
            return self._called(name.removeprefix("Fn::"), value[name])
        resolved = {key: self._resolved(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not _NO_VALUE}

    def _called(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return _NO_VALUE if argument == "AWS::NoValue" else self._value(argument)
            case "Sub":
                return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(self._value(found[1])), argument)
            case "If":
                return self._resolved(argument[1] if self._holds(argument[0]) else argument[2])
            case "Equals":
                return self._resolved(argument[0]) == self._resolved(argument[1])
            case "Not":
                return not self._resolved(argument[0])
            case "Join":
                parts = self._resolved(argument[1])
                return argument[0].join(parts.split(",") if isinstance(parts, str) else parts)
            case "GetAtt" | "Base64":
                return self._resolved(argument)
        raise NotImplementedError(function)

    def _value(self, name: str) -> Any:
        known = PSEUDO | self.parameters
        if name not in known:
            assert name in self.template["Resources"], name
        return known.get(name, name)
