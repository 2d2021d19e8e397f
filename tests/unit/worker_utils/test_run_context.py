"""The events of a run have its ids; a check is that of the lease."""

from __future__ import annotations

import logging

import pytest

from video_analysis.tests.support.recording_observer import RecordingObserver
from video_analysis.worker_utils.errors import LeaseLost
from video_analysis.worker_utils.execution.run_context import RunContext
from video_analysis.worker_utils.observability.observer import Event


class LostLease:
    def check(self) -> None:
        raise LeaseLost("lost")

    def left_s(self) -> float:
        return 0


def context(observer: RecordingObserver) -> RunContext:
    return RunContext("0123456789abcdef", LostLease(), observer, {"message_id": "m-1", "video_id": "v-1"})


def test_an_event_has_the_ids_of_the_run_before_its_own_fields() -> None:
    observer = RecordingObserver()
    context(observer).report("video.progress", "7 frames processed", {"frames": 7})
    (event,) = observer.events
    assert event == Event("video.progress", "7 frames processed", {"message_id": "m-1", "video_id": "v-1", "frames": 7})
    assert list(event.fields) == ["message_id", "video_id", "frames"]
    assert (event.level, event.error) == (logging.INFO, None)


def test_an_event_without_fields_has_the_ids() -> None:
    observer = RecordingObserver()
    context(observer).report("video.progress", "nothing yet", level=logging.WARNING)
    (event,) = observer.events
    assert event.fields == {"message_id": "m-1", "video_id": "v-1"}
    assert event.level == logging.WARNING


def test_a_field_of_the_event_takes_precedence_over_an_id() -> None:
    observer = RecordingObserver()
    run = context(observer)
    run.report("video.progress", "another video", {"video_id": "v-2"})
    assert observer.events[0].fields["video_id"] == "v-2"
    assert run.ids == {"message_id": "m-1", "video_id": "v-1"}


def test_a_check_raises_what_the_lease_raises() -> None:
    with pytest.raises(LeaseLost):
        context(RecordingObserver()).check()
