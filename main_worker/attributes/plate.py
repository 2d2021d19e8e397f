"""The plate of a snapshot, read by PP-OCR's networks: found, normalised, with a confidence; none rather than a guess.

Optional: the weights ship in the package rapidocr (requirements-plate.txt), of which no code is imported; they run on
the CPU through OpenVINO.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from video_analysis.main_worker.attributes import plate_formats, plate_lines
from video_analysis.main_worker.attributes.plate_formats import Chances, Reading
from video_analysis.main_worker.attributes.plate_lines import Line
from video_analysis.main_worker.evidence import PlateCode
from video_analysis.main_worker.types import SnapshotImage
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.imaging.snapshot_image import LETTERBOX_GREY, SNAPSHOT_PX
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.protocol import Batch, Network

PACKAGE = "rapidocr"
WEIGHTS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx")
REMEDY = "pip install -r requirements-plate.txt"
SEARCH_PX = 480
"""The side of a square as large as what the detector looks at; its time goes with the square of it."""
STEP_PX = 64
"""Lengths that the detector sees are multiples of it: few shapes, for each of which OpenVINO plans once."""
LINE_PX = (48, 256)
MOST_LINES = 2
LEAST_WIDTH_PX = 40.0
LEAST_CONF = 0.7
UNFAMILIAR = 0.75
"""What a reading keeps of its confidence that has no known plate's format: lettering on a door is read as surely."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate's number: A–Z and 0–9 without anything between; how sure, 0..1."""

    text: str
    conf: float


@dataclass(frozen=True, slots=True)
class PlateResult:
    """What a person needs to judge a plate or its absence."""

    plate: Plate | None
    reason: PlateCode | None
    """Why there is no plate: a code of docs/evidence-codes.md."""
    best: Reading | None = None
    """The likeliest number, sure or not."""
    width_px: float | None = None
    """Of its line in the snapshot."""


class PlateReader:
    """PP-OCR's detector and recogniser. One caller at a time."""

    def __init__(self, detector: Network, recogniser: Network, signs: Sequence[str], countries: Sequence[str]) -> None:
        self._detector, self._recogniser = detector, recogniser
        self._columns = _columns(signs)
        self._countries = countries

    @classmethod
    def load(cls, runtime: backend.Runtime, countries: Sequence[str] = ("PH",)) -> PlateReader | None:
        """None where the optional part is not installed; ConfigurationError where it is another than the pinned one.

        `countries` (keys of plate_formats.FORMATS) are those whose formats are preferred.
        """
        package = importlib.util.find_spec(PACKAGE)
        if package is None or package.origin is None:
            log.info(
                "plates are not read: %s is not installed; %s",
                PACKAGE,
                REMEDY,
                extra={"event": "plate.disabled", "package": PACKAGE},
            )
            return None
        if strangers := set(countries) - set(plate_formats.FORMATS):
            raise ConfigurationError(f"no plate formats are known of {', '.join(sorted(strangers))}")
        folder = Path(package.origin).parent / "models"
        found, read = (backend.require_file(folder / name, REMEDY) for name in WEIGHTS)
        cpu = replace(runtime, kind="openvino")
        return cls(backend.load_ir(found, cpu), backend.load_ir(read, cpu), characters(read.read_bytes()), countries)

    def read(self, image: SnapshotImage) -> PlateResult:
        """The plate of a snapshot (640×640×3 BGR), or why there is none. SEARCH_PX and MOST_LINES bound its time."""
        found = plate_lines.plate_like(self._lines(image), SNAPSHOT_PX)
        wide = [line for line in found if line.width >= LEAST_WIDTH_PX][:MOST_LINES]
        if not wide:
            return PlateResult(None, "text_too_small" if found else "no_text_line")
        return judged(list(self._readings(image, wide)))

    def _lines(self, image: SnapshotImage) -> list[Line]:
        left, top, right, bottom = plate_lines.content(image)
        scale = min(1.0, SEARCH_PX / ((right - left) * (bottom - top)) ** 0.5)
        seen = cv2.resize(image[top:bottom, left:right], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        high, wide = (-(-length // STEP_PX) * STEP_PX for length in seen.shape[:2])
        ground = np.full((high, wide, 3), LETTERBOX_GREY, np.uint8)
        ground[: seen.shape[0], : seen.shape[1]] = seen
        chances = self._detector(_batch([ground]))[0][0, 0]
        return plate_lines.lines(chances, scale, (left, top))

    def _readings(self, image: SnapshotImage, found: Sequence[Line]) -> Iterator[tuple[Line, Reading]]:
        """What each line may say, and each two that stand over each other."""
        texts = self._texts(image, found)
        pairs = [(found[a], np.concatenate([texts[a], texts[b]])) for a, b in plate_lines.stacked(found)]
        for line, text in [*zip(found, texts, strict=True), *pairs]:
            if reading := plate_formats.read(text, self._countries):
                yield line, reading

    def _texts(self, image: SnapshotImage, found: Sequence[Line]) -> list[Chances]:
        height, width = LINE_PX
        batch = np.zeros((len(found), 3, height, width), np.float32)
        for place, line in enumerate(found):
            cut = plate_lines.strip(image, line, height, width)
            batch[place, :, :, : cut.shape[1]] = _batch([cut])[0]
        return [ctc_decode(steps, self._columns) for steps in self._recogniser(batch)[0]]


def judged(readings: Sequence[tuple[Line, Reading]]) -> PlateResult:
    """The best of what the lines may say, by confidence, format, shape and place; no plate where it is not sure."""
    if not readings:
        return PlateResult(None, "no_plate_text")
    line, best = max(readings, key=lambda one: _rank(*one))
    best = best if best.country else replace(best, conf=best.conf * UNFAMILIAR)
    sure = best.conf >= LEAST_CONF
    plate = Plate(best.text, round(best.conf, 4)) if sure else None
    return PlateResult(plate, None if sure else "below_threshold", best, round(line.width, 1))


def _rank(line: Line, reading: Reading) -> float:
    return reading.conf * plate_lines.likeness(line, SNAPSHOT_PX) * (1.0 if reading.country else 0.3)


def ctc_decode(steps: Chances, columns: Chances) -> Chances:
    """Each sign's chances, n×36, from the recogniser's steps (CTC: T×classes, class 0 blank; repeats are one sign)."""
    top = steps.argmax(axis=1)
    starts = np.flatnonzero((top != 0) & (top != np.roll(top, 1)) | ((top != 0) & (np.arange(len(top)) == 0)))
    rows = steps @ columns
    kept = [rows[start] for start in starts if columns[top[start]].any()]
    return np.array(kept, np.float32).reshape(-1, len(plate_formats.ALPHABET))


def _columns(signs: Sequence[str]) -> Chances:
    """classes×36: which classes of the recogniser are which sign of a plate, upper and lower case together."""
    columns = np.zeros((len(signs), len(plate_formats.ALPHABET)), np.float32)
    for row, sign in enumerate(signs):
        if sign.isascii() and len(text := plate_formats.normalised(sign)) == 1:
            columns[row, plate_formats.ALPHABET.index(text)] = 1
    return columns


def characters(onnx: bytes) -> list[str]:
    """The recogniser's classes, blank first: its file carries them as the metadata entry `character`."""
    for number, entry in _fields(onnx):
        if number == 14:  # ModelProto.metadata_props: key 1, value 2
            pair = {key: bytes(value).decode("utf-8") for key, value in _fields(entry)}
            if pair.get(1) == "character":
                return ["", *pair[2].split("\n"), " "]
    raise ConfigurationError(f"the recogniser's file names no characters; {REMEDY}")


def _fields(message: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """(field number, content) of the length-delimited fields of a protobuf message; other kinds are passed over."""
    view, at = memoryview(message), 0
    while at < len(view):
        tag, at = _varint(view, at)
        if tag & 7 != 2:
            _, at = _varint(view, at)
            continue
        length, at = _varint(view, at)
        yield tag >> 3, view[at : at + length]
        at += length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def _batch(pictures: Sequence[SnapshotImage]) -> Batch:
    """−1..1, N×3×H×W, blue first: as PP-OCR learnt."""
    stacked = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray(stacked / np.float32(127.5) - np.float32(1))
