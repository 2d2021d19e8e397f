"""Fine-tune a main model on a user's own labelled snapshots: labels, training, calibration, export, check, comparison.

The new model starts from the current one: it keeps its names, and new ones are added to its heads. If no make is
labelled, only the type head is trained, so that makes and models stay exactly as they are. A current model of another
architecture cannot be continued: then the training starts from the weights for ImageNet, with the names of the
pictures only.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from video_analysis import worker_config
from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.ops import label_file
from video_analysis.ops.label_file import SPLITS
from video_analysis.training import main_model, trunk_cache
from video_analysis.training.hardware import Hardware
from video_analysis.training.main_model_pipeline import BATCH, GPU_BATCH, RATE, WEIGHT_DECAY, network
from video_analysis.training.mixed_views import LearningSet, WeightedViews, collated
from video_analysis.training.networks import MainModel
from video_analysis.training.own import comparison, label_csv, label_folders, own_calibration, own_pictures
from video_analysis.training.own.label_error import LabelError
from video_analysis.training.own.label_lists import LabelLists, extended, in_known_spelling
from video_analysis.training.own.own_calibration import Fit
from video_analysis.training.own.own_pictures import OwnPicture
from video_analysis.training.own.own_vehicles import present, vehicle_set, without_copies
from video_analysis.training.own.start import Start, train_type_only
from video_analysis.training.train_loop import Plan, TrainingRun, train
from video_analysis.training.train_pipeline import JSON, TrainingOptions, checkpoint_path, write_figures
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.protocol import Network

FINE_RATE = 2e-4
"""AdamW's rate for a network that was trained before."""
VIEWS = 6
EPOCHS, LEAST_STEPS = 40, 300

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnData:
    """Where the pictures and labels of a user are, and what the new model is called."""

    folder: Path
    labels: Path | None
    """A CSV file; None: labels.csv in the folder, or else the names of its folders."""
    current: Path
    """The model to start from and to compare with."""
    name: str


def fine_tune(variant: Variant, path: Path, data: OwnData, options: TrainingOptions, hardware: Hardware) -> list[str]:
    """Train, calibrate, write and check `path`, and compare it with the current model; returns lines for the user.

    LabelError names the file, row and column of labels that cannot be used.
    """
    start = Start.read(data.current)
    log.info("current model: %s (%s)", start.path, start.labels.name)
    pictures, missing = labelled_pictures(data, start)
    is_kept = start.fits(variant)
    lists = extended(pictures, start.labels, data.name, is_kept=is_kept)
    trained = LEVELS if _has_makes(pictures, lists) or not is_kept else ("type",)
    for line in (_split_note(pictures), *lists.lines(start.labels), *_calibration_notes(pictures, trained)):
        log.info("%s", line)  # before the training, while the labels can be corrected
    net = (
        start.network(variant, lists.labels, options.seed) if is_kept else network(variant, lists.labels, options.seed)
    )
    if trained == ("type",):
        train_type_only(net)
    trunk = trunk_cache.compiled_trunk(net, options.work / "cache", options.processes)
    plan = _plan(variant, pictures, options, hardware, is_kept)
    run = _train(net, pictures, lists, trunk, plan, options, hardware, start)
    fit = _export(net, path, pictures, lists, start, trained, trunk, options)
    compared = _compared(variant, path, start, pictures)
    figures: JSON = {"comparison": compared, "data": _counts(pictures, missing), "fitted": fit.levels}
    figures |= {"started_from": start.sha256, "is_continued": is_kept, "new": lists.new, "rare": lists.rare}
    done = TrainingRun(net, net, run.optimizer, run.steps, run.seconds, run.losses)
    write_figures(path, done, plan, hardware, (1, 3, 640, 640), figures)
    notes = _notes(start, lists, fit, pictures, missing, is_kept)
    return [*notes, *_training_note(run, plan), *comparison.lines(compared)]


def labelled_pictures(data: OwnData, start: Start) -> tuple[list[OwnPicture], list[OwnPicture]]:
    """(pictures with a label and a split, rows whose picture is missing). LabelError if they cannot be used."""
    file = data.labels or data.folder / label_file.FILE_NAME
    if not data.folder.is_dir():
        raise LabelError([f"{data.folder}: is no folder"])
    if data.labels is not None and not file.is_file():
        raise LabelError([f"{file}: does not exist"])
    read = label_csv.read(file, data.folder) if file.is_file() else label_folders.read(data.folder)
    if not read:
        raise LabelError([f"{data.folder}: has neither {label_file.FILE_NAME} nor pictures in folders of their types"])
    types = tuple(dict.fromkeys((*start.labels.types, *get_args(YoloType))))
    checked = own_pictures.checked(in_known_spelling(read, start.labels), types)
    found, missing = present([one for one in checked if any(one.names)])
    once = without_copies(found)
    if len(once) < len(found):
        log.warning("%d pictures are copies of others, and are left out", len(found) - len(once))
    _require_splits(once, missing, file if file.is_file() else data.folder)
    return once, missing


def _require_splits(found: Sequence[OwnPicture], missing: Sequence[OwnPicture], source: Path) -> None:
    """LabelError if there is nothing to train on, to calibrate by or to measure with."""
    empty = [split for split in SPLITS if not _of(found, split)]
    if empty:
        videos = len({one.video for one in found})
        lost = f" ({len(missing)} others are missing: {missing[0].picture})" if missing else ""
        raise LabelError(
            [
                f"{source}: none of the {len(found)} labelled pictures of {videos} videos{lost} is in the split"
                f" {', '.join(empty)}; at least three videos are needed: to train on, to calibrate by, to measure with"
            ]
        )


def _has_makes(pictures: Sequence[OwnPicture], lists: LabelLists) -> bool:
    return any(one.split == "train" and one.make in lists.labels.makes for one in pictures)


def _of(pictures: Sequence[OwnPicture], split: str) -> list[OwnPicture]:
    return [one for one in pictures if one.split == split]


def _plan(
    variant: str, pictures: Sequence[OwnPicture], options: TrainingOptions, hardware: Hardware, is_kept: bool
) -> Plan:
    batch = options.batch or (GPU_BATCH if hardware.is_gpu else BATCH)
    steps = options.steps or max(LEAST_STEPS, EPOCHS * len(_of(pictures, "train")) // batch)
    rate = FINE_RATE if is_kept else RATE
    threads = max(1, options.processes)
    return Plan(f"own-{variant}", options.seed, batch, rate, WEIGHT_DECAY, options.minutes * 60, steps, threads)


def _train(
    net: MainModel, pictures: Sequence[OwnPicture], lists: LabelLists, trunk: Network, plan: Plan,
    options: TrainingOptions, hardware: Hardware, start: Start,
) -> TrainingRun:  # fmt: skip
    """Train the tail; the averaged one is in `net` then."""
    some = vehicle_set("own", _of(pictures, "train"), lists.labels)
    views = trunk_cache.training_views(options.work / "maps", some, trunk, VIEWS, options.seed)
    learnt = WeightedViews(LearningSet(some, views), options.seed)
    mark = repr((learnt.mark, some.targets.tobytes(), start.sha256, plan.most_steps))
    checkpoint = checkpoint_path(net.tail, plan, options, mark)
    run = train(net.tail, learnt, collated, main_model.loss_of(hardware), plan, hardware, checkpoint)
    net.tail = run.average
    return run


def _export(
    net: MainModel, path: Path, pictures: Sequence[OwnPicture], lists: LabelLists, start: Start,
    trained: tuple[str, ...], trunk: Network, options: TrainingOptions,
) -> Fit:  # fmt: skip
    """Calibrate, and write the archive and a copy of its labels.json beside it."""
    some = vehicle_set("own-calibration", _of(pictures, "calibration"), lists.labels)
    maps = trunk_cache.stored(options.work / "maps", some, trunk).whole()
    seen = main_model.predict(net.tail.eval(), maps, some.targets)
    cool = own_calibration.temperatures(seen, trained)
    fit = own_calibration.fitted(lists.labels, start.labels, seen.scaled(cool), trained)
    main_model.export(net, cool, fit.labels, path)
    labels = json.dumps(fit.labels.model_dump(), indent=1, ensure_ascii=False)
    path.with_suffix(".labels.json").write_text(labels + "\n", "utf-8")
    return fit


def _compared(
    variant: Variant, path: Path, start: Start, pictures: Sequence[OwnPicture]
) -> dict[str, comparison.Figures]:
    """Load both with the code and the settings of the worker, and measure them on the held-out pictures."""
    runtime = backend.configured(worker_config.load(os.environ))
    models = {"current": Classifier.load(start.path, variant, runtime), "new": Classifier.load(path, variant, runtime)}
    return comparison.measure(models, _of(pictures, "validation"))


def _counts(pictures: Sequence[OwnPicture], missing: Sequence[OwnPicture]) -> JSON:
    found: JSON = {
        split: {"pictures": len(_of(pictures, split)), "videos": len({one.video for one in _of(pictures, split)})}
        for split in SPLITS
    }
    return {**found, "missing": len(missing)}


def _split_note(pictures: Sequence[OwnPicture]) -> str:
    """How many pictures and videos each split has."""
    found = [(split, _of(pictures, split)) for split in SPLITS]
    return ", ".join(
        f"{split}: {len(some)} pictures ({len({one.video for one in some})} videos)" for split, some in found
    )


def _calibration_notes(pictures: Sequence[OwnPicture], trained: Sequence[str]) -> list[str]:
    """One line per level that the new model could never name, because it cannot be calibrated."""
    counts = {level: sum(1 for one in _of(pictures, "calibration") if getattr(one, level)) for level in trained}
    return [
        f"{level}: {count} labelled pictures in the split calibration, fewer than {own_calibration.LEAST_PICTURES}: the"
        " new model will never name this level; label more of them, or move a video to that split in the CSV file"
        for level, count in counts.items()
        if count < own_calibration.LEAST_PICTURES
    ]


def _training_note(run: TrainingRun, plan: Plan) -> list[str]:
    """One line if the time was over before the training was."""
    if plan.most_steps is None or run.steps >= plan.most_steps:
        return []
    minutes = plan.seconds / 60
    return [f"trained {run.steps} of {plan.most_steps} steps in {minutes:g} minutes; more --minutes continue it"]


def _notes(
    start: Start, lists: LabelLists, fit: Fit, pictures: Sequence[OwnPicture], missing: Sequence[OwnPicture], kept: bool
) -> list[str]:
    notes = [] if kept else [f"{start.path.name} has another architecture: none of its weights and names are kept"]
    notes += lists.lines(start.labels)
    notes += [f"{len(missing)} labelled pictures are missing: {missing[0].picture}"] if missing else []
    for level in (level for level in LEVELS if level not in fit.levels):
        state = "never named" if getattr(fit.labels.thresholds, level) == own_calibration.NEVER else "kept as it was"
        notes.append(f"{level}: fewer than {own_calibration.LEAST_PICTURES} pictures to calibrate by, so it is {state}")
    alone = sum(map(own_pictures.has_no_video, pictures))
    if alone:
        notes.append(f"{alone} pictures name no video: pictures of one vehicle may be in different splits")
    return notes
