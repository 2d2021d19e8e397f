"""A user's own labels: CSV files and folders, the faults in them, splits, and the lists of the new model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from video_analysis.ops import label_file
from video_analysis.tests.support import report_rows
from video_analysis.tests.support.hierarchy_inputs import labels
from video_analysis.training.own import label_csv, label_folders
from video_analysis.training.own.label_error import LabelError
from video_analysis.training.own.label_lists import LEAST_PICTURES, extended, in_known_spelling
from video_analysis.training.own.own_pictures import OwnPicture, checked, video_of
from video_analysis.training.own.own_vehicles import crop, present, vehicle_set, without_copies
from video_analysis.training.vehicle_sets import UNKNOWN, UNLABELLED
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot

NAMED = labels()
TYPES = ("Car", "SUV", "Van")
HEAD = "snapshot_s3_key,type,make,model,split"
URI = f"s3://some-bucket/{report_rows.key_of(305, 2272)}"


def read(folder: Path, *rows: str, head: str = HEAD) -> list[OwnPicture]:
    file = folder / "labels.csv"
    file.write_text("\n".join([head, *rows]), label_file.ENCODING)
    return checked(label_csv.read(file, folder), TYPES)


def faults(folder: Path, *rows: str, head: str = HEAD) -> list[str]:
    with pytest.raises(LabelError) as caught:
        read(folder, *rows, head=head)
    return str(caught.value).splitlines()


def test_a_row_of_an_export_is_a_picture_of_its_video(tmp_path: Path) -> None:
    (one,) = read(tmp_path, f"{URI},suv,Honda,,validation")
    assert one.picture == tmp_path / report_rows.VIDEO_ID / "CTX1005_CAM1_000305_002272.jpg"
    assert (one.video, one.names, one.split) == (report_rows.VIDEO_ID, ("SUV", "Honda", None), "validation")


def test_a_spreadsheet_may_use_semicolons_and_leave_empty_rows(tmp_path: Path) -> None:
    (one,) = read(tmp_path, ";;;", "a__1.jpg; Car ;;", head="Snapshot_S3_Key;TYPE;make;model")
    assert (one.video, one.names, one.place) == ("a", ("Car", None, None), "labels.csv, row 3")


def test_columns_without_a_name_are_ignored(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "a__1.jpg;Car;;;;note", head="snapshot_s3_key;type;make;model;;")
    assert one.names == ("Car", None, None)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("a.jpg,Carr,,,", "labels.csv, row 3, type: 'Carr' is no vehicle type; did you mean Car?"),
        ("a.jpg,Ship,,,", "labels.csv, row 3, type: 'Ship' is no vehicle type; known are Car, SUV, Van"),
        ("a.jpg,Car,,City,", "labels.csv, row 3, make: is empty, but the model is 'City'"),
        ("a.jpg,Car,,,test", "labels.csv, row 3, split: 'test' is none of train, calibration, validation"),
        ("../a.jpg,Car,,,", "labels.csv, row 3, snapshot_s3_key: '../a.jpg' is not a path within the folder"),
        ("/a.jpg,Car,,,", "labels.csv, row 3, snapshot_s3_key: '/a.jpg' is not a path within the folder"),
        ("s3://b/a.jpg,Car,,,", "labels.csv, row 3, snapshot_s3_key: 's3://b/a.jpg' is not s3://"),
        (",Car,,,", "labels.csv, row 3, snapshot_s3_key: is empty"),
        ("a.jpg,Car,Tata, Motors,,", "labels.csv, row 3: has 6 cells, but the head has 5"),
        ("a.jpg,Car,NaN,,", "labels.csv, row 3, make: 'NaN' is no name; leave it empty if it is unknown"),
        ("a.jpg,Car,Kia,unknown,", "labels.csv, row 3, model: 'unknown' is no name; leave it empty"),
        (f"a.jpg,Car,{'x' * 101},,", "labels.csv, row 3, make: has more than 100 characters"),
        ("good.jpg,SUV,,,", "labels.csv, row 3: has another label than labels.csv, row 2, but the same picture"),
        ("v__2.jpg,Car,,,train", "labels.csv, row 4, split: is validation, but train in labels.csv, row 3"),
    ],
)
def test_a_fault_is_named_by_row_and_column(tmp_path: Path, row: str, fault: str) -> None:
    (found,) = faults(tmp_path, "good.jpg,Car,,,", row, "v__1.jpg,Car,,,validation")
    assert found.startswith(fault)


def test_all_faults_are_reported_and_only_ten_are_shown(tmp_path: Path) -> None:
    found = faults(tmp_path, *[f"{number}.jpg,Ship,,," for number in range(30)])
    assert len(found) == 11
    assert found[-1] == "and 20 more"


@pytest.mark.parametrize("head", ["type,make,model", f"{HEAD},type", "", "snapshot_s3_key|type|make|model"])
def test_a_head_without_the_columns_is_refused(tmp_path: Path, head: str) -> None:
    (found,) = faults(tmp_path, "a.jpg,Car,,", head=head)
    assert "labels.csv, row 1: needs the columns snapshot_s3_key, type, make, model, each once" in found


def test_an_unpaired_quotation_mark_is_named_and_not_taken_for_the_end_of_the_file(tmp_path: Path) -> None:
    rows = ["a.jpg,Car,,,", 'b.jpg,Car,"Tata,,', *["c.jpg,Car,,,"] * 20_000]
    (found,) = faults(tmp_path, *rows)
    assert found.startswith("labels.csv, row 3: ")
    assert found.endswith("; is a quotation mark missing?")


def test_a_cell_may_have_a_line_separator_and_the_head_nameless_columns(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("snapshot_s3_key;type;make;model;;\na.jpg;Car;Rolls\u2028Royce;;;", "utf-8")
    (one,) = label_csv.read(file, tmp_path)
    assert one.names == ("Car", "Rolls\u2028Royce", None)


def test_a_misspelt_split_is_not_ignored(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, "a.jpg,Car,,,train", head="snapshot_s3_key,type,make,model,splitt")
    assert found.endswith("row 1: 'splitt' is no known column; did you mean split?")
    assert len(read(tmp_path, "a.jpg,Car,,,x", head="snapshot_s3_key,type,make,model,note")) == 1


def test_a_path_in_the_folder_of_a_video_belongs_to_that_video(tmp_path: Path) -> None:
    by_uri, by_path = read(tmp_path, f"{URI},Car,,,train", f"{report_rows.VIDEO_ID}/b.jpg,Car,,,train")
    assert by_uri.video == by_path.video == report_rows.VIDEO_ID
    (found,) = faults(tmp_path, f"{URI},Car,,,train", f"{report_rows.VIDEO_ID}/b.jpg,Car,,,validation")
    assert "is validation, but train in labels.csv, row 2 of the same video" in found


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(f"{HEAD}\na.jpg,Car,Citroën,,".encode("cp1252"))
    with pytest.raises(LabelError, match="is not UTF-8; save it as CSV in UTF-8"):
        label_csv.read(tmp_path / "labels.csv", tmp_path)


def test_a_repeated_row_counts_once(tmp_path: Path) -> None:
    assert len(read(tmp_path, "a.jpg,Car,,,", "a.jpg,car,,,")) == 1


def test_folders_are_types_makes_and_models(tmp_path: Path) -> None:
    for name in ("Car/a.jpg", "Car/Toyota/day1__b.png", "SUV/Honda/CR-V/c.jpg", "SUV/.hidden/d.jpg", "SUV/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = label_folders.read(tmp_path)
    assert [one.names for one in found] == [("Car", "Toyota", None), ("Car", None, None), ("SUV", "Honda", "CR-V")]
    assert [one.video for one in found] == ["day1", "Car/a.jpg", "SUV/Honda/CR-V/c.jpg"]


@pytest.mark.parametrize("name", ["a.jpg", "Car/Toyota/Vios/red/a.jpg"])
def test_a_picture_that_is_not_in_a_folder_of_its_type_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(LabelError, match=f"{name}: is not <type>/<make>/<model>/a.jpg"):
        label_folders.read(tmp_path)


def test_a_link_to_a_folder_is_named_because_its_pictures_would_be_left_out(tmp_path: Path) -> None:
    stored(tmp_path / "mine" / "Car" / "a.jpg")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine" / "SUV").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LabelError, match="SUV: is a link to a folder"):
        label_folders.read(tmp_path / "mine")


def picture(number: int, *names: str | None, split: label_file.Split = "train") -> OwnPicture:
    kind, make, model = (*names, None, None, None)[:3]
    return OwnPicture(Path(f"{number}.jpg"), str(number), f"row {number}", kind, make, model, split)


def many(count: int, *names: str | None, split: label_file.Split = "train") -> list[OwnPicture]:
    return [picture(number, *names, split=split) for number in range(count)]


def test_new_names_with_enough_pictures_follow_the_known_ones() -> None:
    pictures = many(LEAST_PICTURES, "SUV", "Geely", "Coolray") + many(LEAST_PICTURES, "Car", "Honda", "Jazz")
    found = extended(pictures, NAMED, "own", is_kept=True)
    assert found.labels.makes == (*NAMED.makes, "Geely")
    assert found.labels.models == (*NAMED.models, "Coolray", "Jazz")
    assert found.labels.hierarchy is not None
    assert found.labels.hierarchy["SUV"]["Geely"] == ("Coolray",)
    assert found.labels.hierarchy["Car"]["Honda"] == ("City", "Jazz")
    assert found.labels.hierarchy["CarouselBus"] == {}
    assert found.new == {"type": {}, "make": {"Geely": 10}, "model": {"Coolray": 10, "Jazz": 10}}


def test_names_with_few_pictures_count_as_unknown_and_are_reported() -> None:
    pictures = [*many(LEAST_PICTURES - 1, "Car", "Toyta"), picture(99, "Car", "Lada", split="validation")]
    found = extended(pictures, NAMED, "own", is_kept=True)
    assert found.labels.makes == NAMED.makes
    assert found.rare["make"] == {"Lada": 0, "Toyta": 9}
    (line,) = found.lines(NAMED)
    assert line.endswith("which count as unknown: Lada (0), Toyta, like the known Toyota (9)")


def test_a_misspelt_name_has_the_nearest_known_or_new_name_beside_it() -> None:
    pictures = [*many(LEAST_PICTURES, "Car", "Geely"), picture(98, "Car", "Gelly"), picture(99, "Car", "TOYTA")]
    new, rare = extended(pictures, NAMED, "own", is_kept=True).lines(NAMED)
    assert new == "new makes: Geely (10 pictures)"
    assert rare.endswith("Gelly, like the new Geely (1), TOYTA, like the known Toyota (1)")


def test_a_make_in_another_spelling_is_the_known_one() -> None:
    found = in_known_spelling(
        [picture(1, "Car", "TOYOTA", "vios"), picture(2, "Car", "geely"), picture(3, "Car", "Geely")], NAMED
    )
    assert [one.names[1:] for one in found] == [("Toyota", "Vios"), ("geely", None), ("geely", None)]


def test_without_the_current_model_only_the_names_of_the_pictures_remain() -> None:
    found = extended(many(LEAST_PICTURES, "Van", "Geely"), NAMED, "own", is_kept=False).labels
    assert (found.types, found.makes, found.hierarchy) == (("Van",), ("Geely",), {"Van": {"Geely": ()}})
    assert set(found.unreachable) == set(NAMED.models), "a head needs a name"
    with pytest.raises(LabelError, match="no type has 10 pictures"):
        extended(many(3, "Van"), NAMED, "own", is_kept=False)


def stored(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_snapshot(np.full((100, 300, 3), 30, np.uint8), 92))
    return path


def test_targets_distinguish_other_names_from_empty_cells(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.jpg")
    rows = [("Car", "Honda", "City"), ("Car", "Lada", None), (None, None, None)]
    pictures = [OwnPicture(path, "a", "row", *names) for names in rows]
    some = vehicle_set("own", pictures, NAMED)
    assert some.targets.tolist() == [
        [1, 0, 0, 0, 1, 2],
        [1, 0, 0, 0, UNKNOWN, UNLABELLED],
        [1, 1, 1, 1, UNLABELLED, UNLABELLED],
    ]


def test_a_snapshot_is_cut_out_of_its_bars_and_another_picture_is_not(tmp_path: Path) -> None:
    height, width = crop(stored(tmp_path / "a.jpg")).shape[:2]
    assert width == 640
    assert height == pytest.approx(213, abs=4)
    cv2.imwrite(str(tmp_path / "b.png"), np.full((90, 60, 3), 114, np.uint8))
    assert crop(tmp_path / "b.png").shape == (90, 60, 3)


def test_missing_pictures_are_separated_and_unreadable_ones_named(tmp_path: Path) -> None:
    there, absent = OwnPicture(stored(tmp_path / "a.jpg"), "a", "row 2", "Car", None, None), picture(7, "Car")
    assert present([there, absent]) == ([there], [absent])
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    broken = OwnPicture(tmp_path / "b.jpg", "b", "labels.csv, row 3", "Car", None, None)
    with pytest.raises(LabelError, match=r"labels.csv, row 3: .*b\.jpg: is no picture"):
        present([there, broken])


def test_a_copy_of_a_picture_is_left_out_and_must_not_have_another_label(tmp_path: Path) -> None:
    first, copy, other = (
        OwnPicture(stored(tmp_path / f"{name}.jpg"), name, f"row {name}", "Car", None, None) for name in "abc"
    )
    cv2.imwrite(str(other.picture), np.full((90, 60, 3), 10, np.uint8))
    assert without_copies([first, copy, other]) == [first, other]
    with pytest.raises(LabelError, match=r"row b: b\.jpg is a copy of row a, a\.jpg, but has another label"):
        without_copies([first, replace(copy, type="SUV")])


def test_the_video_is_before_two_underscores() -> None:
    assert video_of(Path("Car/cam1_monday__0001.jpg")) == "cam1_monday"
    assert video_of(Path("Car/cam1_0001.jpg")) == "Car/cam1_0001.jpg"
