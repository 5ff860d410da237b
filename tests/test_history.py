"""Reading the files of the feature log back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import features
from config.errors import ConfigRefused
from features.parity import same_bits
from tests.feature_blocks import archived, blocks, logged, read_back


def test_history_is_a_dataframe_of_the_same_values(tmp_path):
    archived(tmp_path, blocks()[:20])
    rows = read_back("2000-01-01", "2100-01-01", path=tmp_path)
    frame = features.history("2000-01-01", "2100-01-01", path=tmp_path)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == rows.column_names
    again = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    assert same_bits(again.cast(rows.schema), rows)


def test_history_gives_the_time_and_the_columns_asked_for(tmp_path):
    archived(tmp_path, blocks())
    whole = logged(blocks())
    times = np.sort(whole["time"].cast(pa.int64()).to_numpy())
    since, until = (str(np.datetime64(int(time), "ms")) for time in (times[100], times[300]))
    some = read_back(since, until, path=tmp_path, columns=["event_id", "time", "margin"])
    assert some.schema.names == ["event_id", "time", "margin"]
    assert some.num_rows == ((times >= times[100]) & (times < times[300])).sum()
    assert read_back("1999-01-01", "1999-02-01", path=tmp_path).num_rows == 0
    with pytest.raises(FileNotFoundError):
        read_back("1999-01-01", "1999-02-01", path=tmp_path / "nowhere")


def test_history_reads_what_the_settings_name_and_addresses_of_any_kind(tmp_path, monkeypatch):
    archived(tmp_path, blocks()[:20])
    archived("memory://named", blocks()[:20])
    whole = read_back("2000-01-01", "2100-01-01", path=tmp_path)
    for place in (str(tmp_path), "memory://named"):
        monkeypatch.setenv("ORDERWATCH_FEATURE_LOG__ARCHIVE", place)
        assert same_bits(read_back("2000-01-01", "2100-01-01"), whole)
    monkeypatch.delenv("ORDERWATCH_FEATURE_LOG__ARCHIVE")
    with pytest.raises(ConfigRefused, match=r"feature_log\.archive is not set"):
        read_back("2000-01-01", "2100-01-01")
