"""Statements of an audit as metadata: Croissant 1.0 with the vocabulary for responsible AI.

http://mlcommons.org/croissant/1.0 and http://mlcommons.org/croissant/RAI/1.0.
"""

import json
from typing import Any

from ..record import Facts
from ..wording import visible
from .limitations import Limitations

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(statements: Limitations, facts: Facts) -> str:
    """Describe the data set; copy the `rai:` properties into its own description, or complete this one."""
    files = [
        {
            "@type": "cr:FileObject",
            "@id": f"file-{k}",
            "name": visible(source.name.rsplit("/", 1)[-1]),
            "contentUrl": visible(source.name.rsplit("/", 1)[-1]),
            "contentSize": f"{source.n_bytes} B",
            "encodingFormat": _encoding(source.name.lower()),
            "sha256": source.sha256,
        }
        for k, source in enumerate(facts.sources, 1)
    ]
    limits = [f"{check.name}: {' '.join((*check.found, *check.skipped, *check.errors))}" for check in statements.checks]
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": statements.title,
        "description": " ".join(statements.audited),
        "distribution": files,
        "rai:dataLimitations": [
            *limits,
            *statements.not_checked,
            statements.audited[-1],
            *([statements.appendix] if statements.appendix else []),
            f"Audited with {statements.made_by}.",
        ],
        "rai:dataBiases": [f"Distribution of languages: {words}" for words in statements.audited[1:-1]],
    }
    return json.dumps(described, ensure_ascii=False, indent=1) + "\n"


def _encoding(name: str) -> str:
    """Return the media type of a file, by its name."""
    kinds = {".parquet": "application/x-parquet", ".gz": "application/gzip", ".zst": "application/zstd"}
    kinds |= {".json": "application/json"}
    return next((kind for ending, kind in kinds.items() if name.endswith(ending)), "application/jsonlines")
