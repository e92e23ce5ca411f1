"""A SavedModel run by TensorFlow's C library alone, as a server does: none of TensorFlow's Python code takes part.

The library is the one in the installed package, called by ctypes. What it needs to know of a SavedModel beside what the
library says, the tensors' names in a signature, is read from the wire format.
"""

import ctypes
import importlib.util
from collections import defaultdict
from collections.abc import Iterable, Mapping
from ctypes import POINTER, Structure, c_char_p, c_int, c_int64, c_size_t, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
import numpy.random  # its libraries must be loaded before TensorFlow's

_DTYPES = {1: np.dtype(np.float32), 3: np.dtype(np.int32), 9: np.dtype(np.int64)}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_STRING = 7
_STRING_BYTES = 24  # of a TF_TString


class TensorFlowError(RuntimeError):
    """The message of a TF_Status that is not OK."""


class _Buffer(Structure):
    _fields_ = (("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p))


class _Output(Structure):
    _fields_ = (("operation", c_void_p), ("index", c_int))


_RETURNS = {
    "TF_NewStatus": c_void_p,
    "TF_Message": c_char_p,
    "TF_GetCode": c_int,
    "TF_NewGraph": c_void_p,
    "TF_NewSessionOptions": c_void_p,
    "TF_NewBuffer": POINTER(_Buffer),
    "TF_LoadSessionFromSavedModel": c_void_p,
    "TF_GraphOperationByName": c_void_p,
    "TF_AllocateTensor": c_void_p,
    "TF_TensorData": c_void_p,
    "TF_TensorType": c_int,
    "TF_NumDims": c_int,
    "TF_Dim": c_int64,
    "TF_TensorByteSize": c_size_t,
    "TF_StringGetDataPointer": c_void_p,
    "TF_StringGetSize": c_size_t,
}


@cache
def _library() -> ctypes.CDLL:
    package = Path(importlib.util.find_spec("tensorflow").origin).parent  # found, not imported
    library = ctypes.CDLL(str(package / "libtensorflow_cc.so.2"))  # finds libtensorflow_framework beside it
    for name, returned in _RETURNS.items():
        getattr(library, name).restype = returned
    return library


class _Status:
    """A TF_Status, checked at the end of the block that uses it."""

    def __enter__(self) -> c_void_p:
        self._status = c_void_p(_library().TF_NewStatus())
        return self._status

    def __exit__(self, *_: object) -> None:
        code, message = _library().TF_GetCode(self._status), _library().TF_Message(self._status)
        _library().TF_DeleteStatus(self._status)
        if code != 0:
            raise TensorFlowError(message.decode(errors="replace"))


class SavedModelSession:
    """The version in `directory`, loaded with the tag `serve`. Raises TensorFlowError where that cannot be.

    `signatures` has, by signature, the tensor of each input and each output by its name.
    """

    def __init__(self, directory: str | Path) -> None:
        library = _library()
        self._graph = c_void_p(library.TF_NewGraph())
        options = c_void_p(library.TF_NewSessionOptions())
        meta_graph = library.TF_NewBuffer()
        try:
            with _Status() as status:
                session = library.TF_LoadSessionFromSavedModel(
                    options, None, str(directory).encode(), (c_char_p * 1)(b"serve"), 1, self._graph, meta_graph, status
                )
            self._session = c_void_p(session)
            self.signatures = _signatures(ctypes.string_at(meta_graph.contents.data, meta_graph.contents.length))
        finally:
            library.TF_DeleteBuffer(meta_graph)
            library.TF_DeleteSessionOptions(options)

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of a signature by name; arrays of strings are arrays of bytes objects, as are those given.

        Raises TensorFlowError with the message of what fails.
        """
        library = _library()
        names = self.signatures[signature]
        fed, values, number = self._outputs(names["inputs"][name] for name in inputs), [], len(names["outputs"])
        fetched, answers = self._outputs(names["outputs"].values()), (c_void_p * number)()
        try:
            values += [_to_tensor(value) for value in inputs.values()]
            given = (c_void_p * len(values))(*values)
            with _Status() as status:
                library.TF_SessionRun(
                    self._session, None, fed, given, len(values), fetched, answers, number, None, 0, None, status
                )
            return {name: _to_array(tensor) for name, tensor in zip(names["outputs"], answers, strict=True)}
        finally:
            for tensor in (*values, *filter(None, answers)):
                library.TF_DeleteTensor(c_void_p(tensor))

    def close(self) -> None:
        with _Status() as status:
            _library().TF_DeleteSession(self._session, status)
        _library().TF_DeleteGraph(self._graph)

    def _outputs(self, names: Iterable[str]) -> ctypes.Array:
        parts = [name.split(":") for name in names]
        operation = _library().TF_GraphOperationByName
        return (_Output * len(parts))(*((operation(self._graph, name.encode()), int(index)) for name, index in parts))


def _to_tensor(array: np.ndarray) -> int:
    """The address of a new TF_Tensor."""
    library = _library()
    shape = (c_int64 * array.ndim)(*array.shape)
    if array.dtype == object:
        tensor = library.TF_AllocateTensor(_STRING, shape, array.ndim, c_size_t(_STRING_BYTES * array.size))
        first = library.TF_TensorData(c_void_p(tensor))
        for place, content in enumerate(array.flat):
            string = c_void_p(first + _STRING_BYTES * place)
            library.TF_StringInit(string)
            library.TF_StringCopy(string, c_char_p(content), c_size_t(len(content)))
    else:
        content = np.ascontiguousarray(array)
        tensor = library.TF_AllocateTensor(_CODES[content.dtype], shape, array.ndim, c_size_t(content.nbytes))
        ctypes.memmove(library.TF_TensorData(c_void_p(tensor)), content.ctypes.data, content.nbytes)
    return tensor


def _to_array(address: int) -> np.ndarray:
    library, tensor = _library(), c_void_p(address)
    shape = [library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor))]
    data = library.TF_TensorData(tensor)
    code = library.TF_TensorType(tensor)
    if code == _STRING:
        strings = (c_void_p(data + _STRING_BYTES * place) for place in range(int(np.prod(shape))))
        contents = [
            ctypes.string_at(library.TF_StringGetDataPointer(string), library.TF_StringGetSize(string))
            for string in strings
        ]
        return np.array(contents, object).reshape(shape)
    content = ctypes.string_at(data, library.TF_TensorByteSize(tensor))
    return np.frombuffer(content, _DTYPES[code]).reshape(shape)


def _fields(message: bytes) -> dict[int, list[bytes]]:
    """The length-delimited fields of a protocol buffer by number; others are passed over."""
    fields, place = defaultdict(list), 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        key = varint()
        number, kind = key >> 3, key & 7
        if kind == 0:
            varint()
        elif kind == 2:
            length = varint()
            fields[number].append(message[place : place + length])
            place += length
        else:
            place += {1: 8, 5: 4}[kind]
    return fields


def _signatures(meta_graph: bytes) -> dict[str, dict[str, dict[str, str]]]:
    """By signature, the names of the tensors of its `inputs` and `outputs`."""

    def entries(maps: list[bytes]) -> dict[str, bytes]:
        pairs = (_fields(entry) for entry in maps)
        return {pair[1][0].decode(): pair[2][0] for pair in pairs}

    def tensors(maps: list[bytes]) -> dict[str, str]:
        return {name: _fields(info)[1][0].decode() for name, info in entries(maps).items()}

    found = {name: _fields(signature) for name, signature in entries(_fields(meta_graph)[5]).items()}
    return {name: {"inputs": tensors(parts[1]), "outputs": tensors(parts[2])} for name, parts in found.items()}
