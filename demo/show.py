"""The results as a table on the terminal and as a contact sheet."""

from __future__ import annotations

from pathlib import Path

import cv2

from video_analysis.demo import contact_sheet
from video_analysis.ops.report.stored_results import StoredResults
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri


def table(found: StoredResults) -> None:
    """Print a line per vehicle and variant."""
    print(f"\n{'track':>5} {'at':>8}  {'yolo type':<11} {'variant':<9} type / make / model")
    for row in found.rows:
        print(
            f"{row['track_id']:>5} {row['detected_in_ms'] / 1000:>7.2f}s  {row['yolo_type']:<11}"
            f" {row['variant'] or '-':<9} {' / '.join(_labels(row))}"
        )
    checkpoints = sorted({row["checkpoint"] for row in found.rows if row["checkpoint"]})
    print(f"main model: {', '.join(checkpoints) or 'none'}")


def sheet(found: StoredResults, path: Path) -> None:
    """Write the snapshots with their labels as one PNG."""
    pictures = []
    for row in found.analyses.values():
        snapshot = found.snapshots.get(parse_snapshot_uri(row["snapshot_s3_key"]).key)
        if snapshot is not None:
            title = f"#{row['track_id']} {row['detected_in_ms'] / 1000:.2f}s {row['yolo_type']}"
            pictures.append((snapshot.image, [title, *_labels(row)]))
    cv2.imwrite(str(path), contact_sheet.draw(pictures))


def _labels(row: dict[str, object]) -> list[str]:
    """Type, make and model with their confidences; '?' if the model abstains."""
    shown = []
    for level in ("type", "make", "model"):
        label, confidence = row[f"{level}_label"], row[f"{level}_conf"]
        shown.append(f"{label or '?'} {confidence:.2f}" if confidence is not None else str(label or "?"))
    return shown
