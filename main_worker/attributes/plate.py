"""Reads the plate of a snapshot with the PP-OCR networks: text, confidence, or the reason why there is no plate.

Optional: the weights are in the package rapidocr (requirements-plate.txt), whose code is not imported. They run on the
CPU through OpenVINO.
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
from video_analysis.main_worker.attributes.plate_formats import FORMATS, CharProbs, Formats, Reading
from video_analysis.main_worker.attributes.plate_lines import Line
from video_analysis.main_worker.evidence import PlateCode
from video_analysis.main_worker.types import SnapshotImage
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.imaging.letterbox import LETTERBOX_GREY, SNAPSHOT_PX
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.protocol import Batch, Network

PACKAGE = "rapidocr"
WEIGHTS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx")
REMEDY = "pip install -r requirements-plate.txt"
SEARCH_PX = 480
"""The detector's input has at most the area of a square of this side; its time is proportional to that area."""
STEP_PX = 64
"""The sides of the detector's input are multiples of this, because OpenVINO compiles each shape once."""
LINE_PX = (48, 256)
"""(height, maximum width) of the recogniser's input."""
MAX_LINES = 2
MIN_WIDTH_PX = 40.0
MIN_CONF = 0.7
UNKNOWN_FORMAT_FACTOR = 0.75
"""Factor of the confidence of a reading that fits no format: it may be lettering on a door, which is read as well."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate's number: A–Z and 0–9 without separators; confidence 0..1."""

    text: str
    conf: float


@dataclass(frozen=True, slots=True)
class PlateResult:
    """The plate of a snapshot, or the reason why there is none, with the best candidate."""

    plate: Plate | None
    reason: PlateCode | None
    """The reason why there is no plate, a code of docs/evidence-codes.md."""
    best: Reading | None = None
    """The most likely number, also if its confidence is too low."""
    width_px: float | None = None
    """Width of the line of text in px of the snapshot."""


class PlateReader:
    """PP-OCR's detector and recogniser. One caller at a time."""

    def __init__(
        self, detector: Network, recogniser: Network, alphabet: Sequence[str], countries: Sequence[str],
        formats: Formats = FORMATS,
    ) -> None:  # fmt: skip
        self._detector, self._recogniser = detector, recogniser
        self._columns = _columns(alphabet)
        self._countries, self._formats = countries, formats

    @classmethod
    def load(
        cls, runtime: backend.Runtime, countries: Sequence[str] = ("PH",), formats: Formats = FORMATS
    ) -> PlateReader | None:
        """Load the networks. None if the optional package is not installed, ConfigurationError if a file is missing.

        The formats of `countries` (keys of `formats`) are preferred to the others.
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
        if unknown := set(countries) - set(formats):
            raise ConfigurationError(f"there are no plate formats for {', '.join(sorted(unknown))}")
        folder = Path(package.origin).parent / "models"
        detector, recogniser = (backend.require_file(folder / name, REMEDY) for name in WEIGHTS)
        cpu = replace(runtime, kind="openvino")
        alphabet = characters(recogniser.read_bytes())
        return cls(backend.load_ir(detector, cpu), backend.load_ir(recogniser, cpu), alphabet, countries, formats)

    def read(self, image: SnapshotImage) -> PlateResult:
        """The plate of a snapshot (640×640×3 BGR), or the reason for none. SEARCH_PX and MAX_LINES limit the time."""
        found = plate_lines.plate_like(self._lines(image), SNAPSHOT_PX)
        readable = [line for line in found if line.width >= MIN_WIDTH_PX][:MAX_LINES]
        if not readable:
            return PlateResult(None, "text_too_small" if found else "no_text_line")
        return best_reading(list(self._readings(image, readable)))

    def _lines(self, image: SnapshotImage) -> list[Line]:
        left, top, right, bottom = plate_lines.content(image)
        scale = min(1.0, SEARCH_PX / ((right - left) * (bottom - top)) ** 0.5)
        content = cv2.resize(image[top:bottom, left:right], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        height, width = (-(-length // STEP_PX) * STEP_PX for length in content.shape[:2])
        padded = np.full((height, width, 3), LETTERBOX_GREY, np.uint8)
        padded[: content.shape[0], : content.shape[1]] = content
        probs = self._detector(_batch([padded]))[0][0, 0]
        return plate_lines.lines(probs, scale, (left, top))

    def _readings(self, image: SnapshotImage, found: Sequence[Line]) -> Iterator[tuple[Line, Reading]]:
        """The reading of each line, and of each pair of lines that are one above the other."""
        texts = self._texts(image, found)
        pairs = [(found[a], np.concatenate([texts[a], texts[b]])) for a, b in plate_lines.stacked(found)]
        for line, text in [*zip(found, texts, strict=True), *pairs]:
            if reading := plate_formats.read(text, self._countries, self._formats):
                yield line, reading

    def _texts(self, image: SnapshotImage, found: Sequence[Line]) -> list[CharProbs]:
        height, width = LINE_PX
        batch = np.zeros((len(found), 3, height, width), np.float32)
        for index, line in enumerate(found):
            crop = plate_lines.strip(image, line, height, width)
            batch[index, :, :, : crop.shape[1]] = _batch([crop])[0]
        return [ctc_decode(steps, self._columns) for steps in self._recogniser(batch)[0]]


def best_reading(readings: Sequence[tuple[Line, Reading]]) -> PlateResult:
    """The best reading by confidence, format, shape and position; no plate if its confidence is below MIN_CONF."""
    if not readings:
        return PlateResult(None, "no_plate_text")
    line, best = max(readings, key=lambda one: _rank(*one))
    best = best if best.country else replace(best, conf=best.conf * UNKNOWN_FORMAT_FACTOR)
    accepted = best.conf >= MIN_CONF
    plate = Plate(best.text, round(best.conf, 4)) if accepted else None
    return PlateResult(plate, None if accepted else "below_threshold", best, round(line.width, 1))


def _rank(line: Line, reading: Reading) -> float:
    return reading.conf * plate_lines.plate_likeness(line, SNAPSHOT_PX) * (1.0 if reading.country else 0.3)


def ctc_decode(steps: CharProbs, columns: CharProbs) -> CharProbs:
    """Character probabilities, n×36, from the recogniser's output (CTC: T×classes, class 0 blank, repeats merged)."""
    top = steps.argmax(axis=1)
    starts = np.flatnonzero((top != 0) & (top != np.roll(top, 1)) | ((top != 0) & (np.arange(len(top)) == 0)))
    rows = steps @ columns
    kept = [rows[start] for start in starts if columns[top[start]].any()]
    return np.array(kept, np.float32).reshape(-1, len(plate_formats.ALPHABET))


def _columns(alphabet: Sequence[str]) -> CharProbs:
    """classes×36: maps the recogniser's classes to the characters of a plate; upper and lower case are added."""
    columns = np.zeros((len(alphabet), len(plate_formats.ALPHABET)), np.float32)
    for row, character in enumerate(alphabet):
        if character.isascii() and len(text := plate_formats.normalised(character)) == 1:
            columns[row, plate_formats.ALPHABET.index(text)] = 1
    return columns


def characters(onnx: bytes) -> list[str]:
    """The recogniser's classes, blank first: its ONNX file has them as the metadata entry `character`."""
    for number, entry in _fields(onnx):
        if number == 14:  # ModelProto.metadata_props: key 1, value 2
            pair = {key: bytes(value).decode("utf-8") for key, value in _fields(entry)}
            if pair.get(1) == "character":
                return ["", *pair[2].split("\n"), " "]
    raise ConfigurationError(f"the recogniser's file has no list of characters; {REMEDY}")


def _fields(message: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """(field number, content) of the length-delimited fields of a protobuf message; other fields are skipped."""
    view, position = memoryview(message), 0
    while position < len(view):
        tag, position = _varint(view, position)
        if tag & 7 != 2:
            _, position = _varint(view, position)
            continue
        length, position = _varint(view, position)
        yield tag >> 3, view[position : position + length]
        position += length


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    """(value, position after it) of a base-128 varint."""
    value = shift = 0
    while True:
        byte = view[position]
        value, shift, position = value | (byte & 0x7F) << shift, shift + 7, position + 1
        if byte < 0x80:
            return value, position


def _batch(images: Sequence[SnapshotImage]) -> Batch:
    """N×3×H×W, BGR, −1..1: the input on which PP-OCR was trained."""
    stacked = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray(stacked / np.float32(127.5) - np.float32(1))
