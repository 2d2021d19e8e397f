"""docs/configuration.md, generated from the settings' own descriptions.

`python -m video_analysis.tests.support.configuration_page` writes it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from video_analysis.worker_config import FORMER_NAMES, PACKAGE_FOLDER, PREFIX, WorkerConfig

PAGE = PACKAGE_FOLDER / "docs" / "configuration.md"
UNSET = "none"
SECTIONS = {
    "region": "AWS and the database",
    "visibility_timeout_s": "Messages",
    "yolo_weights": "yolo_worker",
    "run_mode": "main_worker",
    "device": "The process",
}
"""First setting of a section → its heading."""
HEAD = """\
# Configuration

<!-- Generated from worker_config.py; a test compares the two. Edit the descriptions there. -->

Every setting has a default in `worker_config.py`, which is right for the project's own AWS environment. To
override settings from the environment, set `CVITX_ENV_OVERRIDES=1` (or `ENV_OVERRIDES = True` in that file) and the
variables below. The variable of a setting is its path: `track.max_age_s` is `CVITX_TRACK_MAX_AGE_S`. For a database on
another host, in `/home/ubuntu/cvitx/api/.env`:

```bash
CVITX_ENV_OVERRIDES=1
CVITX_DATABASE_URL=postgresql://cvitx@db.example.internal:5432/cvitx?sslmode=require
PGPASSFILE=/home/ubuntu/.pgpass
```

With overrides on:

- A bad or empty value stops the start (exit status 78) with one line that names the variable. So does a value
  with remains of a file's syntax, see [Environment files](#environment-files), or with characters that an editor or a
  web page inserts: quotation marks such as U+201C at an end, zero-width characters, no-break spaces. The line names
  the character. Other characters beyond ASCII are accepted only in paths and in `CVITX_DATABASE_URL`.
- An unknown `CVITX_` variable is ignored with one warning (event `config.unknown_name`) that names the nearest setting,
  since the file may be shared with other programs. If it differs from a known variable in at most two characters, it
  is treated as a typing error and stops the start.
- A [deprecated name](#deprecated-names) works, with one warning (event `config.deprecated_name`) that names its
  replacement. If both are set, the start stops.

With overrides off, all `CVITX_` variables are ignored, with one warning. A `CVITX_ENV_OVERRIDES` that is neither `1`
nor `0`, or is empty, stops the start in any case. Empty variables of other programs (`CACHE_DIRECTORY`,
`XDG_CACHE_HOME`, `NOTIFY_SOCKET`) count as not set. Relative paths start at the package's folder;
`~` is the user's home. Lists are written with commas. Times are seconds. Credentials and endpoints are not settings:
boto3 and libpq read them themselves (`AWS_PROFILE`, `AWS_ENDPOINT_URL`, `PGPASSFILE`, …).

## Environment files

The units read `/home/ubuntu/cvitx/api/.env`. What a line becomes depends on the program that reads it, and the worker
refuses the values in which it recognises remains of the file's syntax:

| in the file | systemd | shell: `set -a; . file` | the worker |
|---|---|---|---|
| `NAME="value"`, `NAME='value'` | removes the quotes | removes the quotes | refuses quotes around a value |
| `NAME=value # comment` | keeps the comment | removes the comment | refuses `#` at the start or beside a space |
| `NAME="value" # comment` | gives `value# comment` | removes the comment | refuses `#` beside a space |
| `NAME=va#lue` | keeps `#` | keeps `#` | accepts it |
| `NAME="password=a# user=b"` | removes the outer quotes | removes the outer quotes | accepts `#` before `name=` |
| `NAME="host=db password='a #b'"` | removes the outer quotes | removes the outer quotes | accepts `#` inside quotes |
| `NAME=` | an empty value | an empty value | refuses it |
| Windows line ends | removes CR | keeps CR in the value | refuses CR |
| `NAME = value` | removes the spaces | runs a command `NAME` | removes spaces around the value |
| `export NAME=value` | ignores the line | reads the line | – |
| `# NAME=value` | ignores the line | ignores the line | – |

Other programs, such as `docker --env-file`, keep quotes. Where CR is refused, all other variables of that file have it
as well (`PGPASSFILE`, `AWS_PROFILE`): save the file with LF line ends. systemd logs the lines
that it ignores, and `ops doctor` names them.
A variable that is no setting of the workers may have any value.

## Run key

Settings that enter the run key decide which tracks are found or how their snapshots are cut: after a change, a video
that is sent again gets new rows in addition to its old ones.
"""
TABLE = "| variable | default | meaning |\n|---|---|---|"
DEPRECATED = """\
## Deprecated names

They still work and will be removed in a later release.

| deprecated | use |
|---|---|"""


def render() -> str:
    """The whole page."""
    former = "\n".join(f"| `{old}` | `{new}` |" for old, new in sorted(FORMER_NAMES.items()))
    return f"{HEAD}{''.join(_sections(WorkerConfig(), PREFIX, '##'))}\n{DEPRECATED}\n{former}\n"


def _sections(settings: BaseModel, prefix: str, level: str) -> Iterator[str]:
    """Lines of the tables, in the order of the settings; a group is a section below the one that it is in."""
    for name, field in type(settings).model_fields.items():
        value, variable = getattr(settings, name), f"{prefix}{name.upper()}"
        if name in SECTIONS:
            yield f"\n{level} {SECTIONS[name]}\n\n{TABLE}\n"
        if isinstance(value, BaseModel):
            yield f"\n{level}# {name}\n\n{inspect.getdoc(type(value))}\n\n{TABLE}\n"
            yield from _sections(value, f"{variable}_", f"{level}#")
        else:
            yield f"| `{variable}` | {_default(value)} | {_meaning(variable, field)} |\n"


def _default(value: object) -> str:
    if value is None:
        return UNSET
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`"


def _bounds(field: FieldInfo) -> str:
    """The range of a setting that has an upper bound."""
    limits = {name: getattr(one, name) for one in field.metadata for name in ("ge", "gt", "le") if hasattr(one, name)}
    if "le" not in limits:
        return ""
    return f" Range: {limits.get('ge', 'above 0')} to {limits['le']}."


def _meaning(variable: str, field: FieldInfo) -> str:
    assert field.description, f"{variable} has no description"
    former = [f"`{old}`" for old, new in sorted(FORMER_NAMES.items()) if new == variable]
    text = " ".join(field.description.split()) + _bounds(field)
    return text + (f" Deprecated name: {', '.join(former)}." if former else "")


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
