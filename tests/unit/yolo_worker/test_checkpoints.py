"""Checkpoint parts: read bit for bit, refused if damaged, and stored without waiting for a slow store."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from video_analysis.worker_utils.db.run_types import CheckpointPart
from video_analysis.worker_utils.errors import EnvironmentFault, MissingObject, Transient
from video_analysis.yolo_worker.runs import checkpoint_format, checkpoint_writer
from video_analysis.yolo_worker.runs.checkpoint_format import decode, encode
from video_analysis.yolo_worker.runs.checkpoint_reader import StoredFrames
from video_analysis.yolo_worker.runs.checkpoint_writer import CheckpointWriter
from video_analysis.yolo_worker.runs.frame_input import FrameInput
from video_analysis.yolo_worker.types import Boxes, CameraMotion, Embeddings, Frame

RNG = np.random.default_rng(1)
BLANK = np.zeros((4, 4, 3), np.uint8)


def frame_input(index: int, boxes: int = 2, embedded: Sequence[int] = (1,)) -> FrameInput:
    vectors = {row: RNG.random(8, np.float32) for row in embedded}
    motion = CameraMotion((0.1 * index, -1.0), (0.1 * index, 1 / 3)) if index != 6 else None
    return FrameInput(index, 40 * index, RNG.random((boxes, 6), np.float32), vectors, motion)


def same(one: FrameInput, other: FrameInput) -> bool:
    return (
        (one.index, one.offset_ms, one.boxes.tobytes()) == (other.index, other.offset_ms, other.boxes.tobytes())
        and one.boxes.dtype == other.boxes.dtype
        and one.motion == other.motion
        and {row: vector.tobytes() for row, vector in one.vectors.items()}
        == {row: vector.tobytes() for row, vector in other.vectors.items()}
    )


FRAMES = [frame_input(0), frame_input(3, 0, ()), frame_input(6, 5, (0, 4)), frame_input(9, 3, ())]


@pytest.mark.parametrize("frames", [FRAMES, FRAMES[1:2], FRAMES[3:]], ids=["mixed", "no box", "no embedding"])
def test_a_part_is_read_bit_for_bit(frames: list[FrameInput]) -> None:
    found = decode(encode(frames))
    assert len(found) == len(frames)
    assert all(same(*pair) for pair in zip(frames, found, strict=True))


def arrays(**changes: Any) -> bytes:
    """A part of FRAMES with other arrays."""
    content = io.BytesIO()
    with np.load(io.BytesIO(encode(FRAMES))) as stored:
        np.savez_compressed(content, **{**{name: stored[name] for name in stored.files}, **changes})
    return content.getvalue()


DAMAGED = {
    "empty": b"",
    "no npz": b"hello",
    "cut": encode(FRAMES)[:-200],
    "an array is missing": arrays(vectors=np.zeros((1, 1, 1), np.float32)),
    "objects": arrays(index=np.array([{}] * 4, object)),
    "another type": arrays(boxes=np.zeros((10, 6), np.float64)),
    "too few boxes": arrays(boxes=np.zeros((9, 6), np.float32)),
    "too few motions": arrays(motion=np.zeros((3, 4))),
    "another width": arrays(boxes=np.zeros((10, 5), np.float32)),
    "negative counts": arrays(counts=np.array([-2, 0, 9, 3])),
    "falling frames": arrays(index=np.array([0, 6, 3, 9])),
    "a row beyond the boxes": arrays(rows=np.array([1, 2, 99])),
    "repeated rows": arrays(rows=np.array([1, 1, 6])),
    "too few vectors": arrays(vectors=np.zeros((2, 8), np.float32)),
    "no frame": arrays(**{name: np.zeros(0, np.int64) for name in ("index", "offset_ms", "counts", "rows")}),
    "a bomb": arrays(more=np.zeros(checkpoint_format.LARGEST_BYTES + 1, np.uint8)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_part_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of any kind
        decode(content)


LONG = encode([frame_input(index, 50, (0, 7)) for index in range(50)])


@pytest.mark.filterwarnings("ignore:Reading `.npy`:UserWarning")
@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_a_part_with_a_flipped_byte_is_read_or_refused(mask: int) -> None:
    """The headers of the first array byte by byte, the directory at every third byte, the rest at every 50th."""
    directory = LONG.rindex(b"PK\x01\x02", 0, LONG.rindex(b"PK\x05\x06")) - 600
    refused = 0
    for position in [*range(200), *range(200, directory, 50), *range(directory, len(LONG), 3)]:
        damaged = bytearray(LONG)
        damaged[position] ^= mask
        try:
            decode(bytes(damaged))
        except ValueError:
            refused += 1
    assert refused > 0


def test_only_unknown_embeddings_are_computed() -> None:
    frame, asked = frame_input(0, 4, (1, 2)), list[Boxes]()

    def compute(_: Frame, boxes: Boxes) -> Embeddings:
        asked.append(boxes)
        return np.ones((len(boxes), 8), np.float32)

    picture = Frame(0, 0, BLANK)
    known = dict(frame.vectors)
    for _ in range(2):
        found = frame.embed(picture, frame.boxes[[2, 0, 1, 3]], compute)
        assert (found[[0, 2]] == [known[2], known[1]]).all()
        assert (found[[1, 3]] == 1).all()
    assert [boxes.tolist() for boxes in asked] == [frame.boxes[[0, 3]].tolist()]
    assert frame.embed(picture, frame.boxes[:0], compute).shape == (0, 8)
    other = np.full((1, 6), 7, np.float32)
    assert (frame.embed(picture, other, compute) == 1).all()
    assert sorted(frame.vectors) == [0, 1, 2, 3], "a box that is none of the frame's is not kept"


def unexpected(failure: Exception) -> None:
    raise AssertionError(failure)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_part_is_stored_every_ten_seconds_and_the_rest_at_the_end() -> None:
    stored, clock = list[list[int]](), Clock()
    writer = CheckpointWriter(lambda frames: stored.append([one.index for one in frames]), unexpected, clock)
    for index in range(25):
        writer.add(frame_input(index))
        clock.now_s += 1
    writer.close(keep=True)
    assert [index for part in stored for index in part] == list(range(25))
    assert 2 <= len(stored) <= 3


def test_frames_are_collected_while_the_store_is_slow() -> None:
    stored, clock, go = list[int](), Clock(), threading.Event()

    def store(frames: Sequence[FrameInput]) -> None:
        go.wait()
        stored.append(len(frames))

    writer = CheckpointWriter(store, unexpected, clock)
    for index in range(100):
        writer.add(frame_input(index))
        clock.now_s += 1
    assert stored == []
    go.set()
    writer.close(keep=True)
    assert (len(stored), sum(stored)) == (2, 100)


def test_too_many_waiting_frames_and_a_failure_end_the_writing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_writer, "PART_BYTES", 1000)
    monkeypatch.setattr(checkpoint_writer, "MOST_BYTES", 4000)
    failures, stored, go = list[Exception](), list[int](), threading.Event()

    def store(frames: Sequence[FrameInput]) -> None:
        go.wait()
        stored.append(len(frames))

    writer = CheckpointWriter(store, failures.append, Clock())
    for index in range(100):
        writer.add(frame_input(index))
    assert [type(failure) for failure in failures] == [TimeoutError]
    go.set()
    writer.close(keep=True)
    assert stored == [1], "the part that was being stored"

    def refuse(frames: Sequence[FrameInput]) -> None:
        raise MissingObject("no bucket", "key")

    refused = CheckpointWriter(refuse, failures.append, Clock())
    refused.add(frame_input(0))
    refused.close(keep=True)
    assert [type(failure) for failure in failures] == [TimeoutError, MissingObject]


def test_many_frames_are_stored_as_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_writer, "PART_BYTES", 5 * frame_input(0).nbytes)
    monkeypatch.setattr(checkpoint_writer, "MOST_BYTES", 500 * frame_input(0).nbytes)
    stored = list[list[int]]()
    writer = CheckpointWriter(lambda frames: stored.append([one.index for one in frames]), unexpected, Clock())
    for index in range(23):
        writer.add(frame_input(index))
    writer.close(keep=True)
    assert [index for part in stored for index in part] == list(range(23))
    assert max(map(len, stored)) <= 5
    assert len(stored[0]) == 5, "before the part is due by time"


def test_after_a_failure_that_may_pass_the_frames_are_stored_with_the_next_part() -> None:
    stored, failures, clock = list[list[int]](), list[Exception](), Clock()

    def store(frames: Sequence[FrameInput]) -> None:
        if len(failures) < 2:
            raise Transient("S3 did not answer")
        stored.append([one.index for one in frames])

    writer = CheckpointWriter(store, failures.append, clock)
    for index in range(100):
        writer.add(frame_input(index))
        if writer._storing is not None:
            writer._storing[0].exception()
        clock.now_s += 1
    writer.close(keep=True)
    assert [type(failure) for failure in failures] == [Transient, Transient]
    assert [index for part in stored for index in part] == list(range(100))
    assert len(stored[0]) > 20, "three intervals of frames"


def test_a_refused_permission_ends_the_writing() -> None:
    calls, failures, clock = list[int](), list[Exception](), Clock()

    def store(frames: Sequence[FrameInput]) -> None:
        calls.append(len(frames))
        raise EnvironmentFault("denied", code="permission_denied")

    writer = CheckpointWriter(store, failures.append, clock)
    for index in range(50):
        writer.add(frame_input(index))
        clock.now_s += 1
    writer.close(keep=True)
    assert len(calls) == len(failures) == 1


def test_without_keep_nothing_more_is_stored() -> None:
    writer = CheckpointWriter(lambda frames: pytest.fail("stored"), unexpected, Clock())
    writer.add(frame_input(0))
    writer.close(keep=False)


def part(number: int, frames: Sequence[FrameInput], store: dict[str, bytes]) -> CheckpointPart:
    content, key = encode(frames), f"part {number}"
    store[key] = content
    span = frames[0].index, frames[-1].index, frames[0].offset_ms, frames[-1].offset_ms
    return CheckpointPart("run", number, *span, key, len(content), hashlib.sha256(content).hexdigest(), "e", 1, "t")


def taken(parts: list[CheckpointPart], store: dict[str, bytes], upto: int) -> tuple[list[int], list[int]]:
    """(frames that are taken, parts that are ignored)."""
    ignored = list[int]()

    def fetch(key: str, limit: int) -> bytes:
        if key not in store:
            raise MissingObject("gone", key)
        return store[key]

    stored = StoredFrames(parts, fetch, lambda part, _: ignored.append(part.part))
    found = [index for index in range(upto) if stored.take(index) is not None]
    assert stored.count == len(found)
    return found, ignored


def test_parts_are_read_in_the_order_of_the_frames() -> None:
    store: dict[str, bytes] = {}
    spans = (range(5), range(5, 8), range(8, 12))
    parts = [part(number, [frame_input(index) for index in span], store) for number, span in enumerate(spans)]
    assert taken(parts[::-1], store, 20) == (list(range(12)), [])


@pytest.mark.parametrize("damage", ["gone", "changed", "longer"])
def test_after_a_part_that_cannot_be_read_no_frame_is_taken(damage: str) -> None:
    store: dict[str, bytes] = {}
    spans = (range(5), range(5, 8), range(8, 12))
    parts = [part(number, [frame_input(index) for index in span], store) for number, span in enumerate(spans)]
    if damage == "gone":
        del store["part 1"]
    else:
        store["part 1"] = store["part 0"] if damage == "changed" else store["part 1"] + b"x"
    assert taken(parts, store, 20) == (list(range(5)), [1])


def test_an_overlapping_part_takes_the_place_of_a_damaged_one() -> None:
    store: dict[str, bytes] = {}
    spans = (range(5), range(5, 8), range(5, 12))
    parts = [part(number, [frame_input(index) for index in span], store) for number, span in enumerate(spans)]
    del store["part 1"]
    assert taken(parts, store, 20) == (list(range(12)), [1])
