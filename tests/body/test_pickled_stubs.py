"""Pickles of arrays: every dtype and layout comes back, and a forged array never reaches numpy."""

from __future__ import annotations

import pickle
import struct

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from body.errors import BodyError
from body.pickles import BODY_MODEL, VALUES, read_pickled_values

DTYPES = st.one_of(
    arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.unsigned_integer_dtypes(), arrays.floating_dtypes(),
    arrays.complex_number_dtypes(), arrays.byte_string_dtypes(max_len=4), arrays.unicode_string_dtypes(max_len=4),
)  # fmt: skip


@settings(max_examples=25)
@given(st.data(), st.sampled_from([0, 2, 3, 4, 5]))
def test_arrays_come_back_in_the_machines_byte_order(data, protocol):
    array = data.draw(arrays.arrays(data.draw(DTYPES), arrays.array_shapes(min_dims=0, max_side=4, min_side=0)))
    array = np.asfortranarray(array) if data.draw(st.booleans()) else array.T
    content = {"a": [array, (array,)], "scalar": array.dtype.type(), "set": {1, 2}, "bytes": b"", "none": None}
    read = read_pickled_values(pickle.dumps(content, protocol=protocol), "here")
    for found in (read["a"][0], read["a"][1][0]):
        assert found.dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, array)
    assert (read["set"], read["bytes"], read["none"]) == ({1, 2}, b"", None)
    assert read["a"][0] is read["a"][1][0]  # what was one stays one


def test_objects_come_back():
    objects = np.array([[{"a": 1}, "b"], [None, np.arange(3)]], object)
    read = read_pickled_values(pickle.dumps([objects], protocol=2), "here")
    assert read[0][0].tolist() == [{"a": 1}, "b"]
    np.testing.assert_array_equal(read[0][1, 1], np.arange(3))


def test_lists_that_unfold_without_end_are_refused():
    loop: list = [1]
    loop.append({"a": loop})
    with pytest.raises(BodyError, match=r"^here was not opened: it holds a list that is within itself"):
        read_pickled_values(pickle.dumps(loop, protocol=2), "here")
    many = [1.0]
    for _ in range(40):  # a list of lists that numpy would take for 2^40 numbers
        many = [many, np.array([many, None], object)]
    with pytest.raises(BodyError, match=r"^here was not opened: it names the same lists again and again"):
        read_pickled_values(pickle.dumps(many, protocol=2), "here")
    shared = list(range(100))
    assert read_pickled_values(pickle.dumps([shared] * 1000, protocol=2), "here") == [shared] * 1000


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, scipy.sparse.coo_matrix])
def test_sparse_matrices_come_back_by_row(kind):
    dense = np.random.default_rng(0).normal(size=(4, 7)) * (np.arange(7) % 3 == 0)
    read = read_pickled_values(pickle.dumps(kind(dense), protocol=2), "here", BODY_MODEL)
    np.testing.assert_array_equal(read.toarray(), dense)


def forged(shape: tuple, dtype: bytes, state: tuple, data: object) -> bytes:
    """An array's pickle with any shape, dtype, state of the dtype and content."""
    parts = [pickle.dumps(value, protocol=2)[2:-1] for value in (shape, state, data)]
    kind = b"cnumpy\ndtype\n(X" + struct.pack("<I", len(dtype)) + dtype + b"K\x00K\x01tR" + parts[1] + b"b"
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85c_codecs\nencode\n"
    return (
        head + b"(X\x01\x00\x00\x00bX\x06\x00\x00\x00latin1tRtR(K\x01" + parts[0] + kind + b"\x89" + parts[2] + b"tb."
    )


PLAIN = (3, "<", None, None, None, -1, -1, 0)


@pytest.mark.parametrize(
    ("shape", "dtype", "state", "data", "message"),
    [
        ((3,), b"f8", PLAIN, b"\0" * 16, r"an array of \(3,\) float64 in 16 entries"),
        ((2**40, 2**40), b"f8", PLAIN, b"", "in 0 entries"),
        ((-1,), b"f8", PLAIN, b"", r"the shape \(-1,\)"),
        ((1,), b"O8", PLAIN, b"\0" * 8, r"an array of \(1,\) objects in 8 entries"),
        ((1,), b"V8", PLAIN, b"\0" * 8, "an array of 'V8', which is neither numbers nor texts"),
        ((1,), b"V8", (3, "|", None, ("a",), {"a": 1}, 8, 1, 0), b"\0" * 8, "'V8'"),
        ((1,), b"f8", (3, "<", None, ("a",), {"a": 1}, 8, 1, 63), b"\0" * 8, "an array of records"),
        ((1,), b"i4,O", PLAIN, b"\0" * 12, "'i4,O'"),
        ((1,), b"U1", PLAIN, b"\xff" * 4, "a text that is none"),
    ],
)  # fmt: skip
def test_forged_arrays_are_refused(shape, dtype, state, data, message):
    with pytest.raises(BodyError, match=rf"^here was not opened: it holds .*{message}"):
        read_pickled_values(forged(shape, dtype, state, data), "here")


def test_the_forger_can_also_be_honest():
    read = read_pickled_values(forged((2,), b"f8", PLAIN, np.array([1.5, 2.5]).tobytes()), "here")
    assert read.tolist() == [1.5, 2.5]


def test_a_state_cannot_change_the_stubs_themselves():
    poison = b"\x80\x02cnumpy\nndarray\n(N}X\x05\x00\x00\x00plainK\x01stb."
    with pytest.raises(BodyError, match="it gives a state to a type"):
        read_pickled_values(poison, "here")
    assert read_pickled_values(pickle.dumps(np.arange(2), protocol=2), "here").tolist() == [0, 1]


def test_a_claim_of_many_bytes_or_objects_takes_no_memory():
    with pytest.raises(BodyError, match="is not a whole pickle"):
        read_pickled_values(b"\x80\x05\x96" + struct.pack("<Q", 2**40), "here")
    assert read_pickled_values(b"\x80\x02Nr\xff\xff\xff\x7f.", "here") is None  # the standard unpickler takes 32 GB


def test_deep_nests_and_names_that_are_never_made_are_told():
    deep = b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."
    with pytest.raises(BodyError, match="is not a whole pickle"):
        read_pickled_values(deep, "here")
    with pytest.raises(BodyError, match="was not opened: it holds a type"):
        read_pickled_values(b"\x80\x02cnumpy\nndarray\n.", "here", VALUES)
