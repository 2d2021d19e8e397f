"""The report: everything found is in it, whatever it is, and nothing in it is taken for markup."""

from __future__ import annotations

import re
from datetime import timedelta, timezone

import numpy as np
import pytest

from video_analysis.main_worker.classification.hierarchy import decide
from video_analysis.main_worker.classification.labels import OpenSet
from video_analysis.main_worker.types import Logits
from video_analysis.ops.report import page, run_facts, wording
from video_analysis.tests.support import report_rows
from video_analysis.tests.support.hierarchy_inputs import labels
from video_analysis.tests.support.report_rows import FACTS, found, row

HOSTILE = "<script>alert('x')</script>\" onload=\"y"


def cards(html: str) -> list[str]:
    return re.findall(r"<article.*?</article>", html, re.DOTALL)


def test_vehicles_stand_in_order_of_time_each_with_its_picture_and_both_variants() -> None:
    html = page.render(report_rows.street(), FACTS)
    shown = cards(html)
    assert [re.findall(r"Vehicle (\d)</h3>", card) for card in shown] == [["1"], ["2"], ["3"], ["4"]]
    assert all('src="data:image/jpeg;base64,' in card for card in shown)
    assert "baseline</th>" in shown[0]
    assert "cmt</th>" in shown[0]
    assert "1:01.005" in shown[1]


def test_where_the_variants_differ_the_row_says_so() -> None:
    first, second, *_ = cards(page.render(report_rows.street(), FACTS))
    assert re.findall(r'<tr class="differs"><th scope="row">(\w+)', first) == ["Type"]
    assert re.findall(r'<tr class="differs"><th scope="row">(\w+)', second) == ["Model"]
    assert "variants differ" in second


def test_where_both_variants_name_another_type_than_the_detector_the_row_says_so() -> None:
    (card,) = cards(page.render(found([row(1, 0, type_label="Van", type_conf=0.9)]), FACTS))
    assert "detector differs" in card


def test_what_was_not_read_is_said_and_what_a_model_leaned_to_is_shown() -> None:
    first, second, *_ = cards(page.render(report_rows.street(), FACTS))
    assert "not sure</span> <small" in first
    assert "Mitsubishi? 44%" in first
    assert first.count("not read") == 4
    assert "Metallic Light Silver <small>81%" in second
    assert "NBC 1234" in second


def test_a_vehicle_that_the_open_set_rule_refuses_has_no_make_or_model_however_sure_the_heads_are() -> None:
    named = labels(0.5).model_copy(update={"open_set": OpenSet(head="make", least_score=1.0, threshold=0.5)})
    heads = (np.array(one, np.float32) for one in ([5, 0, 0, 0], [-1, -9, -9], [9, 0, 0, 0, 0, 0]))
    verdict = decide(Logits(*heads), named)
    levels = {name: getattr(verdict, name) for name in ("type_label", "type_conf", "make_label", "model_label")}
    (card,) = cards(page.render(found([row(1, 0, evidence=verdict.evidence, **levels)]), FACTS))
    assert "Car <small>98%" in card
    assert card.count("not sure</span>") == 2
    assert wording.REASONS["out_of_distribution"] in card
    assert [name for name in (*named.makes, *named.models) if name in card] == []


def test_a_null_value_is_shown_with_the_sentence_of_its_code() -> None:
    evidence = {
        "type": {"candidate": ["Van", 0.4], "abstained": "below_threshold"},
        "make": {"candidate": None, "abstained": "no_children"},
        "colors": {"null": "read_failed", "detail": "ValueError: <no> paint"},
        "plate": {"abstained": "text_too_small", "candidate": None, "threshold": 0.7, "width_px": None},
    }
    (card,) = cards(page.render(found([row(1, 0, evidence=evidence)]), FACTS))
    shown = [
        "confidence below the threshold",
        "no finer names in the hierarchy",
        "the reader failed: ValueError: &lt;no&gt; paint",
        "the text is too small",
    ]
    assert [sentence for sentence in shown if f'<small class="unsure">{sentence}</small>' not in card] == []


def test_a_sentence_of_an_older_version_is_shown_as_it_is() -> None:
    evidence = {
        "type": {"candidate": ["Van", 0.4], "abstained": "below the threshold"},
        "colors": {"null": "took longer than 5 s"},
        "plate": {"abstained": "no text of a plate's length", "candidate": None, "width_px": None},
        "checkpoint": {"fallback": "the last good one stands in: main.pt cannot be had"},
    }
    html = page.render(found([row(1, 0, evidence=evidence)]), FACTS)
    stored = ("below the threshold", "took longer than 5 s", "no text of a plate&#x27;s length")
    assert [sentence for sentence in stored if f'<small class="unsure">{sentence}</small>' not in cards(html)[0]] == []
    assert "<small>the last good one stands in: main.pt cannot be had</small>" in html


def test_a_fallback_checkpoint_is_named_beside_the_main_model() -> None:
    evidence = {"checkpoint": {"fallback": "fallback_checkpoint", "detail": "the store is <down>"}}
    html = page.render(found([row(1, 0, evidence=evidence)]), FACTS)
    assert "@0123456789ab <small>fallback: CVITX_FALLBACK_CHECKPOINT: the store is &lt;down&gt;</small>" in html


def test_an_error_says_its_reason_and_a_vehicle_still_waiting_says_so() -> None:
    *_, third, fourth = cards(page.render(report_rows.street(), FACTS))
    assert "Not classified: not 640×640×3" in third
    assert "Not classified yet: queued" in fourth


def test_a_video_that_failed_without_a_vehicle_says_why() -> None:
    html = page.render(found([], status="error", error_msg="truncated: 4 of 9 bytes", recorded_at=None), FACTS)
    assert "truncated: 4 of 9 bytes" in html
    assert "No vehicle was found" in html
    assert cards(html) == []


@pytest.mark.parametrize(
    "column",
    ["type_label", "make_label", "model_label", "plate_text", "yolo_type", "error_msg", "variant", "checkpoint"],
)
def test_no_text_of_a_row_becomes_markup(column: str) -> None:
    status = "error" if column == "error_msg" else "done"
    html = page.render(found([row(1, 0, **{"status": status, column: HOSTILE})]), FACTS)
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert '" onload="' not in html


def test_no_text_of_a_video_a_colour_or_the_evidence_becomes_markup() -> None:
    evidence = {"type": {"candidate": [HOSTILE, 0.4]}}
    colors = [{"finish": None, "base": HOSTILE, "lightness": None, "conf": 0.5}]
    rows = [row(1, 0, evidence=evidence, colors=colors)]
    html = page.render(found(rows, file_name=HOSTILE, camera_label=HOSTILE, error_msg=HOSTILE), FACTS)
    assert html.count("&lt;script&gt;") == 6
    assert "<script" not in html


def test_a_dollar_in_a_name_is_only_a_dollar() -> None:
    assert "$style $$ ${name}" in page.render(found([], file_name="$style $$ ${name}"), FACTS)


def test_a_picture_that_is_not_in_the_store_is_missed_aloud() -> None:
    one = found([row(1, 0)])
    one.snapshots.clear()
    assert "not in the store" in page.render(one, FACTS)


def test_clock_times_are_told_where_the_camera_stands() -> None:
    assert wording.clock(report_rows.RECORDED_AT, timezone(timedelta(hours=8))) == "15:50:13.000"
    assert run_facts.zone_of("2026-03-11T15:50:13+08:00") == timezone(timedelta(hours=8))


def test_offsets_and_shares_are_written_as_people_do() -> None:
    assert [wording.offset(ms) for ms in (0, 2272, 61_005, 3_600_001)] == [
        "0:00.000",
        "0:02.272",
        "1:01.005",
        "1:00:00.001",
    ]
    assert [wording.percent(conf) for conf in (0, 0.445, 0.9951, 0.99999, 1)] == ["0%", "44%", "99.5%", "99.9%", "100%"]
