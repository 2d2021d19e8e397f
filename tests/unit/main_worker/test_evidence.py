"""The codes in `evidence`: docs/evidence-codes.md and the code agree, and its example is what a row gets."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from video_analysis.main_worker import evidence, row_mapping
from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.attributes.plate import PlateResult
from video_analysis.main_worker.attributes.plate_formats import Reading
from video_analysis.main_worker.evidence import CODES, ReadFailure
from video_analysis.main_worker.ports import Model
from video_analysis.main_worker.types import Attributes, Forward
from video_analysis.ops.report import wording
from video_analysis.tests.support import hierarchy_inputs
from video_analysis.tests.support.attribute_inputs import PICTURE, Plates
from video_analysis.tests.support.snapshot_task import message
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.db.row_types import VariantResult
from video_analysis.worker_utils.models.fallback import Fallback

DOCS = (PACKAGE_FOLDER / "docs" / "evidence-codes.md").read_text("utf-8")
OF_TYPE, OF_MAKE, OF_MODEL = [0.9, 0.1, 0, 0], [0.5, 0.45, 0.05], [0.4, 0.1, 0.3, 0.1, 0.05, 0.05]
PRODUCERS = {
    "type.abstained": "classification/hierarchy.py",
    "make.abstained": "classification/hierarchy.py",
    "model.abstained": "classification/hierarchy.py",
    "plate.abstained": "attributes/plate.py",
    "colors.null": "attributes/attribute_reader.py",
    "plate.null": "attributes/attribute_reader.py",
    "checkpoint.fallback": "../worker_utils/models/model_store.py",
}


def test_the_documented_codes_are_those_of_the_code() -> None:
    table = re.findall(r"^\| `([a-z]+\.[a-z]+)` \| `([a-z_]+)` \| \S.*\|$", DOCS, re.MULTILINE)
    assert len(table) == len(set(table))
    assert set(table) == {(where, code) for where, codes in CODES.items() for code in codes}


@pytest.mark.parametrize("where", CODES)
def test_every_code_is_written_by_the_module_that_decides_it(where: str) -> None:
    source = (Path(evidence.__file__).parent / PRODUCERS[where]).read_text("utf-8")
    written = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert CODES[where] <= written


def test_the_report_has_a_sentence_for_every_code_and_no_other() -> None:
    assert set(wording.REASONS) == set().union(*CODES.values())


def test_the_documented_example_is_what_a_row_gets() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)
    assert json.loads(shown) == json.loads(json.dumps(example()))


def test_the_example_s_codes_are_documented_where_they_are() -> None:
    stored = json.loads(json.dumps(example()))
    found = {
        f"{key}.{name}": stored[key][name] for key, name in (path.split(".") for path in CODES) if name in stored[key]
    }
    assert set(CODES) - set(found) == {"plate.null"}, "a plate is either judged or not read"
    assert all(code is None or code in CODES[where] for where, code in found.items())


def test_the_longest_details_stay_within_a_row_s_limit() -> None:
    failure = ReadFailure("read_failed", "x" * 301)
    longest = example(Fallback("last_good", "x" * 601), Attributes(faults={"colors": failure, "plate": failure}))
    assert len(json.dumps(longest)) < 4000


@pytest.mark.parametrize(
    ("failure", "stored"),
    [
        (ReadFailure("reader_busy"), {"null": "reader_busy"}),
        (ReadFailure("timeout", "no result within 5 s"), {"null": "timeout", "detail": "no result within 5 s"}),
    ],
)
def test_a_detail_is_stored_only_where_there_is_one(failure: ReadFailure, stored: dict[str, str]) -> None:
    assert failure.to_json() == stored


def example(fallback: Fallback | None = None, attributes: Attributes | None = None) -> dict[str, object]:
    """The evidence of one row, made by the functions that make it in the worker."""
    fallback = fallback or Fallback(
        "last_good", "main.pt cannot be fetched from CVITX_MODEL_STORE=s3://models/cvitx: denied"
    )
    about = {"checkpoint": "test@0123456789ab", "gflops": None, "fallback": fallback}
    model = cast("Model", SimpleNamespace(labels=hierarchy_inputs.labels(0.6), **about))
    logits = hierarchy_inputs.logits(OF_TYPE, OF_MAKE, OF_MODEL)
    forward = Forward((logits,), 20.0, 1.0)
    seen = PlateResult(None, "below_threshold", Reading("NBC1234", 0.6123, "PH"), 61.4)
    read = AttributeReader(60, Plates(seen)).start(PICTURE, "SUV")()
    attributes = attributes or replace(read, faults={"colors": ReadFailure("timeout", "no result within 5 s")})
    row = row_mapping.result(message(1, "SUV"), "baseline", model, forward, logits)
    return dict(row_mapping.with_attributes(row, attributes).evidence)


def test_the_null_codes_of_a_result_are_those_of_its_evidence_and_have_one_for_what_has_none() -> None:
    abstained = {"make": {"abstained": "below_threshold"}, "model": {"abstained": "parent_abstained"}}
    read = {"colors": {"null": "timeout"}, "plate": {"abstained": "no_text_line", "candidate": None}}
    named = evidence.null_codes(result_of({**abstained, **read}))
    assert named == {
        "type": None,
        "make": "below_threshold",
        "model": "parent_abstained",
        "colors": "timeout",
        "plate": "no_text_line",
    }
    assert evidence.null_codes(result_of(abstained)) == named | {"colors": "none_found", "plate": "not_installed"}
    seen = replace(result_of(abstained), colors=[{"base": "Red"}], plate_text="ABC 1234")
    assert evidence.null_codes(seen) == named | {"colors": None, "plate": None}


def result_of(content: Mapping[str, object]) -> VariantResult:
    """A row with a type and this evidence."""
    labels = {"type_label": "Car", "type_conf": 0.9, "make_label": None, "make_conf": None}
    rest: dict[str, object] = {
        "model_label": None,
        "model_conf": None,
        "assets": {},
        "latency_ms": 1,
        "gflops": None,
        "memory_usage": 1.0,
    }
    return VariantResult(variant="baseline", checkpoint="c", evidence=content, **labels, **rest)  # type: ignore[arg-type]
