"""Maps messages and logits to the rows that are written to the database. Pure."""

from __future__ import annotations

from dataclasses import asdict, replace

from video_analysis.main_worker.classification import hierarchy
from video_analysis.main_worker.ports import Model
from video_analysis.main_worker.types import Attributes, Forward, Logits
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts.messages import SnapshotReady
from video_analysis.worker_utils.db.row_types import AnalysisRequest, Variant, VariantResult, snapshot_columns


def request(message: SnapshotReady, delivery: Delivery) -> AnalysisRequest:
    """The columns of the row for `message`, with the receive count of the delivery."""
    return AnalysisRequest(
        **asdict(snapshot_columns(message)), receive_count=delivery.receive_count, is_last=delivery.is_last
    )


def result(message: SnapshotReady, variant: Variant, model: Model, forward: Forward, logits: Logits) -> VariantResult:
    """One variant's row for one snapshot.

    The evidence has the detector's type if the model names another one, and the code of a fallback checkpoint.
    ValueError if the logits are not finite or their number is not that of the labels.
    """
    verdict = hierarchy.decide(logits, model.labels)
    evidence = dict(verdict.evidence)
    if verdict.type_label not in (None, message.yolo_type):
        evidence["yolo_type"] = message.yolo_type
    if model.fallback is not None:
        evidence["checkpoint"] = model.fallback.to_json()
    return VariantResult(
        variant=variant,
        checkpoint=model.checkpoint,
        type_label=verdict.type_label,
        type_conf=verdict.type_conf,
        make_label=verdict.make_label,
        make_conf=verdict.make_conf,
        model_label=verdict.model_label,
        model_conf=verdict.model_conf,
        evidence=evidence,
        assets={"snapshot": message.snapshot.key},
        latency_ms=round(forward.latency_ms),
        gflops=model.gflops,
        memory_usage=round(forward.memory_gb, 3),
    )


def with_attributes(result: VariantResult, attributes: Attributes) -> VariantResult:
    """`result` with colours and plate; the evidence has a code for each of them that could not be read."""
    evidence = {**result.evidence, **{column: failure.to_json() for column, failure in attributes.faults.items()}}
    if attributes.plate_evidence is not None:
        evidence["plate"] = attributes.plate_evidence
    return replace(
        result,
        colors=attributes.colors,
        plate_text=attributes.plate_text,
        plate_conf=attributes.plate_conf,
        evidence=evidence,
    )
