"""Sources of blocks: arrays, memory maps, Parquet files, and those of users."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes

from skoptnet import ArrayBlocks, MLPRegressorX, ParquetBlocks
from skoptnet.estimators import block_sources

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
]

X, y = load_diabetes(return_X_y=True)
X = 20 * X
NAMES = list("abcdefghij")
WEIGHTS = 1 + np.arange(len(X)) % 2


def regressor(**parameters):
    defaults = {"shuffle": False, "random_state": 0, "max_iter": 3, "batch_size": 50}
    return MLPRegressorX((5,), normalize_y=False, **{**defaults, **parameters})


UNIT = (y - 150) / 80
FITTED = regressor().fit(X, UNIT, WEIGHTS)


@pytest.mark.parametrize("n_rows", [20, 64, 441, 442, 10_000])
@pytest.mark.parametrize("rows", [X, csr_array(X), pd.DataFrame(X, columns=NAMES)])
def test_blocks_of_arrays(rows, n_rows):
    blocks = ArrayBlocks(rows, UNIT, WEIGHTS, n_rows=n_rows)
    sizes = [block[0].shape[0] for block in blocks]
    assert len(blocks) == len(sizes)
    assert sum(sizes) == len(X)
    assert set(sizes[:-1]) <= {n_rows}
    np.testing.assert_array_equal(blocks[-1][1], UNIT[-sizes[-1] :])
    with pytest.raises(IndexError):
        blocks[len(blocks)]
    whole = regressor().fit(rows, UNIT, WEIGHTS)
    assert regressor().fit_blocks(blocks).loss_curve_ == whole.loss_curve_


def test_arrays_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match=re.escape("Got [442, 441]")):
        ArrayBlocks(X, y[1:])
    with pytest.raises(ValueError, match="'n_rows' parameter of ArrayBlocks"):
        ArrayBlocks(X, y, n_rows=0)


def test_memory_maps_are_read_and_not_copied(tmp_path):
    np.save(tmp_path / "X.npy", X)
    rows = np.load(tmp_path / "X.npy", mmap_mode="r")
    blocks = ArrayBlocks(rows, UNIT, WEIGHTS, n_rows=100)
    assert all(np.shares_memory(block[0], rows) for block in blocks)
    assert regressor().fit_blocks(blocks).loss_curve_ == FITTED.loss_curve_
    shuffled = [
        regressor(shuffle=True).fit_blocks(ArrayBlocks(given, UNIT, n_rows=100))
        for given in (rows, X)
    ]
    assert shuffled[0].loss_curve_ == shuffled[1].loss_curve_


@pytest.fixture
def files(tmp_path):
    """Two files with row groups of at most 100 rows."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pd.DataFrame(X, columns=NAMES).assign(y=UNIT, w=WEIGHTS)
    paths = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    for path, part in zip(paths, (frame[:250], frame[250:]), strict=True):
        part.to_parquet(path, row_group_size=100)
    return paths


def test_row_groups_of_parquet_files(files):
    blocks = ParquetBlocks(files, "y", "w")
    assert [len(block[1]) for block in blocks] == [100, 100, 50, 100, 92]
    model = regressor().fit_blocks(blocks)
    assert model.loss_curve_ == FITTED.loss_curve_
    assert list(model.feature_names_in_) == NAMES
    model = regressor(shuffle=True).fit_blocks(blocks, blocks_in_memory=2)
    assert model.t_ == 3 * len(X)


def test_columns_of_parquet_files(files):
    blocks = ParquetBlocks(str(files[0]), ["y", "w"], columns=["c", "a"])
    rows, targets = blocks[1]
    assert list(rows) == ["c", "a"]
    np.testing.assert_array_equal(rows["a"], X[100:200, 0])
    np.testing.assert_array_equal(targets, np.c_[UNIT, WEIGHTS][100:200])
    with pytest.raises(ValueError, match=re.escape("Got ['price']")):
        ParquetBlocks(files, "price")


@pytest.mark.parametrize("name", [None, "id"])
def test_the_index_of_a_data_frame_is_no_feature(files, tmp_path, name):
    """Unless it is named: a data frame whose rows were selected has one."""
    frame = pd.DataFrame(X[:40], columns=NAMES).assign(y=UNIT[:40]).iloc[[0, 1, 5]]
    path = tmp_path / "selected.parquet"
    frame.rename_axis(name).to_parquet(path)
    blocks = ParquetBlocks(path, "y")
    assert blocks.columns == NAMES
    np.testing.assert_array_equal(blocks[0][0], frame[NAMES])
    column = name or "__index_level_0__"
    rows, _ = ParquetBlocks(path, "y", columns=[column])[0]
    assert list(rows[column]) == list(frame.index)


def test_all_parquet_files_need_the_columns(files, tmp_path):
    path = tmp_path / "3.parquet"
    pd.DataFrame({"y": UNIT}).to_parquet(path)
    with pytest.raises(
        ValueError, match=r"(?s)Got \['a', .*the columns of .*3.parquet"
    ):
        ParquetBlocks([*files, path], "y")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"paths": []}, "'paths' parameter .* at least one file. Got \\[\\] instead"),
        ({"paths": None}, "'paths' parameter .* Got None instead"),
        ({"target": []}, "'target' parameter .* at least one column. Got \\[\\]"),
        ({"target": None}, "'target' parameter .* Got None instead"),
        ({"target": ["y", 1]}, "'target' parameter .* Got \\['y', 1\\]"),
        ({"columns": []}, "'columns' parameter .* Got \\[\\]"),
        ({"columns": ["a", "y"]}, "'columns' parameter .* Got \\['y'\\] in both"),
    ],
)
def test_wrong_names_of_files_and_columns_are_refused(files, change, message):
    with pytest.raises(ValueError, match=message):
        ParquetBlocks(**{"paths": files, "target": "y"} | change)


def test_one_column_may_be_given_by_its_name(files):
    assert ParquetBlocks(files, "y", columns="a").columns == ["a"]


def test_parquet_needs_pyarrow(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(block_sources, "import_module", missing)
    with pytest.raises(ImportError, match=re.escape("skoptnet[parquet]")):
        ParquetBlocks("rows.parquet", "y")


class Numbered:
    """Blocks by number only, until IndexError."""

    def __getitem__(self, number):
        if number == 5:
            raise IndexError
        rows = slice(100 * number, 100 * number + 100)
        return X[rows], UNIT[rows], WEIGHTS[rows]


def generated():
    numbered = Numbered()
    yield from (numbered[i] for i in range(5))


@pytest.mark.parametrize("source", [Numbered(), generated, list(Numbered())])
def test_other_sources(source):
    assert regressor().fit_blocks(source).loss_curve_ == FITTED.loss_curve_
