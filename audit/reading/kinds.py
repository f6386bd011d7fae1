"""Names of files that cannot be read, and reasons why a line is not JSON: in plain English, with the way out."""

import json
import re
import struct

MAGIC = 512  # bytes from which `foreign` names a file

_RETURN = "Write the data as JSON Lines or Parquet where they were made"
_AGAIN = "Fetch the file again"
_MEDIA = "not data. Leave it out"
# The first bytes of files that are never read. Only those of some length: a text may begin with any few letters.
_BEGINNINGS = {
    b"version https://git-lfs": "a Git LFS pointer, not data. Run: git lfs pull",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive. Unpack it (7z x) and audit its files",
    b"Rar!\x1a\x07": "a RAR archive. Unpack it (unrar x) and audit its files",
    b"\x04\x22\x4d\x18": "compressed with lz4. Decompress it (lz4 -d)",
    b"\x1f\x9d": "compressed with compress. Decompress it (uncompress)",
    b"LZIP\x01": "compressed with lzip. Decompress it (lzip -d)",
    b"SQLite format 3\0": "an SQLite database. Export its chats: sqlite3 -json FILE 'SELECT * FROM table' > chats.json",
    b"\x93NUMPY": f"a NumPy array. {_RETURN}",
    b"\x89HDF\r\n\x1a\n": f"an HDF5 file. {_RETURN}",
    b"GGUF": f"a GGUF file of model weights, {_MEDIA}",
    b"%PDF-": "a PDF document. Extract its text first",
    b"{\\rtf": "an RTF document. Save it as plain text first",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Office document. Save the table as CSV",
    b"Obj\x01": "an Avro file. Convert it to Parquet or JSON Lines",
    b"ORC\x08": "an ORC file. Convert it to Parquet: pyarrow.orc.read_table, pyarrow.parquet.write_table",
    b"FEA1": "a Feather file of version 1. Write it with pyarrow.feather.write_feather (version 2)",
    b"PARE": "an encrypted Parquet file. Decrypt it first",
    b"PAR1": "a compressed Parquet file. Decompress it first: tables are read from the end",
    b"\x89PNG\r\n\x1a\n": f"a PNG image, {_MEDIA}",
    b"\xff\xd8\xff": f"a JPEG image, {_MEDIA}",
    b"GIF8": f"a GIF image, {_MEDIA}",
    b"II*\0": f"a TIFF image, {_MEDIA}",
    b"MM\0*": f"a TIFF image, {_MEDIA}",
    b"RIFF": f"a RIFF file (WebP, WAV or AVI), {_MEDIA}",
    b"ID3": f"an MP3 file, {_MEDIA}",
    b"OggS": f"an Ogg file, {_MEDIA}",
    b"fLaC": f"a FLAC file, {_MEDIA}",
    b"\x7fELF": f"a program, {_MEDIA}",
    b"!<arch>\n": f"a software library or package, {_MEDIA}",
}
_IN_A_ZIP = (
    (b"[Content_Types].xml", "an Office document. Save the table as CSV"),
    (b"mimetypeapplication/vnd.oasis", "an Office document. Save the table as CSV"),
    (b".npy", f"an archive of NumPy arrays. {_RETURN}"),
    (b"/data.pkl", f"a PyTorch file. {_RETURN}"),
)
_ENCODED = "encoded in {0}; expected UTF-8. Convert it: iconv -f {0} -t UTF-8"
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(!doctype html|html|head|body|\?xml|error>)", re.IGNORECASE)


def foreign(start: bytes) -> str | None:
    """Name a file that is never read as text or as a table from its first bytes, with the way out.

    Parameters
    ----------
    start : bytes
        The first MAGIC bytes, decompressed; fewer only if the file is shorter.
    """
    for begin, what in _BEGINNINGS.items():
        if start.startswith(begin):
            return f"this is {what}"
    if start[:4] in (b"PK\3\4", b"PK\5\6", b"PK\7\x08"):
        inside = next((what for name, what in _IN_A_ZIP if name in start[:MAGIC]), None)
        return f"this is {inside or 'a zip archive. Unpack it (unzip) and audit its files'}"
    if _is_tar(start):
        return "this is a tar archive. Unpack it (tar -xf) and audit its files"
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return f"this is a Python pickle, which could run code when it is loaded. {_RETURN}"
    if start[8:12] == b"DUCK":
        return "this is a DuckDB database. Export its chats: COPY table TO 'chats.parquet'"
    if start[8:10] in (b'{"', b"{ ") and start[5:8] == b"\0\0\0":
        return f"this is a safetensors file of model weights, {_MEDIA}"
    if encoding := _encoding(start):
        return _ENCODED.format(encoding)
    if markup := _MARKUP.match(start):
        if markup[1].lower() in (b"?xml", b"error>"):
            return "this is XML, perhaps an error message of a server, not data. Fetch the file again, signed in"
        return "this is an HTML page, perhaps an error or a login page, not data. Fetch the file again, signed in"
    return None


_TAR_NAME = re.compile(rb"[ -Z\\^-z~]+\0+")  # a file name, and no bracket with which JSON begins


def _is_tar(start: bytes) -> bool:
    """Look for the mark of a tar header; without one, for its checksum or for its padded name."""
    header, stored = start[:512], start[148:156].strip(b" \0")
    if start[257:262] == b"ustar":
        return True
    if re.fullmatch(b"[0-7]+", stored) and int(stored, 8) == sum(header) - sum(header[148:156]) + 8 * 32:
        return True
    return _TAR_NAME.fullmatch(header[:100]) is not None and header.count(0) > 256


def _encoding(start: bytes) -> str:
    """Return UTF-16 or UTF-32, with or without a byte order mark, or empty for neither."""
    if start[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return "UTF-32"
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    # Without a mark: the first characters are those of JSON or of a name, and so have one byte that is not zero.
    for name, order in (("UTF-32LE", "<4I"), ("UTF-32BE", ">4I"), ("UTF-16LE", "<4H"), ("UTF-16BE", ">4H")):
        size = struct.calcsize(order)
        if len(start) >= size and all(9 <= letter < 128 for letter in struct.unpack(order, start[:size])):
            return name
    return ""


_REPR = re.compile(r"\s*\[*\s*\{\s*'|\s*\[*\s*\{[^\n]*?: ?(?:None|True|False)\b")
_BARE_KEY = re.compile(r"\s*\[?\s*\{\s*[A-Za-z_$][\w$]*\s*:")
_YAML = re.compile(r"(?:---|- \S.*|(?:- )?[\w .-]+:(?: .*)?|[ \t]+.*)\Z")
# Of files that are read, if they are whole.
_CUT = {b"BZh": "bzip2 file", b"\xfd7zXZ": "xz file", b"\xff\xff\xff\xff": "Arrow stream", b"ARROW1": "Arrow file"}
_NO_TEXT = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_SEPARATORS = {",": "CSV", "\t": "TSV", ";": "CSV with semicolons"}


def binary(start: bytes) -> str | None:
    """Describe a file that is not text, from its first bytes; None if it may be text."""
    if start and not start.strip(b"\0"):
        return f"this file has only NUL bytes: it was reserved but never written. {_AGAIN}"
    text = start.decode("utf-8", "replace")
    if len(text) > 8 and len(_NO_TEXT.findall(text)) > len(text) / 8:
        return f"this is binary data of an unknown kind. {_RETURN}"
    return None


def likely(start: bytes) -> str | None:
    """Name a text of which no record could be read, from its first bytes; None if it seems to be JSON."""
    for begin, what in _CUT.items():
        if start.startswith(begin):
            return f"this {what} was cut short or is damaged. {_AGAIN}"
    if nothing := binary(start):
        return nothing
    text = start.decode("utf-8", "replace").removeprefix("\ufeff")
    if _REPR.match(text):
        return "this is Python repr, not JSON (single quotes, None, True). Write each record with json.dumps"
    if _BARE_KEY.match(text):
        return "this is JSON5 or JavaScript, not JSON (keys without quotes). Put keys in double quotes"
    lines = [line.rstrip() for line in text.split("\n")[:20] if line.strip()]
    if not lines or lines[0].lstrip()[:1] in ("{", "["):
        return None
    for separator, name in _SEPARATORS.items():
        counts = [re.sub(r'"[^"]*"', "", line).count(separator) for line in lines[:2]]
        is_header = re.fullmatch(rf'[\w "{separator}.-]+', lines[0])
        if counts[0] and is_header and (len(lines) < 2 or counts[0] == counts[1] or '"' in lines[1]):
            return f"this looks like {name}. Give its name the suffix {'.tsv' if name == 'TSV' else '.csv'}"
    # The last line may be cut.
    whole = lines[:-1] or lines
    if all(map(_YAML.match, whole)) and any(": " in line or line.endswith(":") for line in whole):
        return "this looks like YAML, not JSON. Write each record with json.dumps, one a line"
    return 'this is plain text, not JSON Lines. Write each text as a record, one a line: {"text": "..."}'


def json_fault(text: str, error: json.JSONDecodeError, unit: str = "line") -> str:
    """Reword a message of the json module for people who did not write the parser.

    Parameters
    ----------
    text : str
        What was parsed.
    error : JSONDecodeError
        What Python said.
    unit : str
        What ends at the end of `text`: a line, or a file.
    """
    at, rest = error.pos, text[error.pos :].lstrip(" \t\r\n")
    here = f"at character {at + 1}"
    if "\0" in text[max(0, at - 1) : at + 2] or not text.strip("\0 \t\r\n"):
        return f"NUL bytes {here}"
    if error.msg.startswith("Unterminated string"):
        return f"the {unit} ends within a string that begins {here}"
    if error.msg.startswith("Extra data"):
        return (
            f"two records on one line, the second {here}" if rest[0] in "{[" else f"more text after the record {here}"
        )
    if rest.startswith("'"):
        return f"single quotes {here}: Python repr, not JSON"
    if not rest:
        return f"the {unit} ends within a record"
    if re.match(r"(?:None|True|False)\b", rest):
        return f"{rest[:5].rstrip(',}] ')} {here}: Python repr, not JSON"
    if rest.startswith(("//", "/*", "#")):
        return f"a comment {here}, which JSON does not allow"
    if error.msg.startswith("Illegal trailing comma"):  # as of Python 3.13
        return f"a comma before a closing {'bracket' if error.msg.endswith('array') else 'brace'} {here}"
    if error.msg.startswith("Expecting property name"):
        return f"a comma before a closing brace {here}" if rest[0] in "},]" else f"a key without quotes {here}"
    if error.msg.startswith("Expecting ':'"):
        return f"a colon is missing {here}"
    if error.msg.startswith("Expecting ','"):
        return f"a comma is missing {here}"
    if error.msg.startswith("Invalid"):
        return f"an escape that JSON does not have {here}"
    return f"a comma before a closing bracket {here}" if rest[0] == "]" else f"a value is missing {here}"
