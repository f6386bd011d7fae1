"""Benchmarks on the Hugging Face hub."""

from pathlib import Path

from msgspec.structs import replace

from .cards import Card, checksum

# The hub converts data sets to Parquet in this branch: <configuration>/<split>/*.parquet.
CONVERTED = "refs/convert/parquet"
NOT_YET = "0" * 64


def fetch(card: Card, cache: Path | None = None) -> tuple[Card, Path]:
    """Download a card's files from the hub to its cache; return a card that reads them, and their folder.

    Raises
    ------
    LookupError
        If the card names no hub data set, the extra `hf` is not installed, or the hub has no such files.
    """
    hub = card.hub
    if hub is None:
        raise LookupError(f"{card.title}: its card names no data set on the hub. Get the original files: {card.home}")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise LookupError("huggingface_hub is not installed. Run: pip install 'chataudit[hf]'") from None
    configs = ("*",) if hub.config is None else (hub.config,) if isinstance(hub.config, str) else hub.config
    patterns = tuple(f"{config}/{split}/*.parquet" for config in configs for split in hub.split.split("+"))
    try:
        folder = Path(
            snapshot_download(
                hub.id,
                repo_type="dataset",
                revision=hub.revision or CONVERTED,
                cache_dir=cache,
                allow_patterns=list(patterns),
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LookupError(
            f"{hub.id}: could not be fetched from the hub ({reason}). If it is gated, accept its terms at "
            f"https://huggingface.co/datasets/{hub.id} and log in with `hf auth login`"
        ) from None
    # If the card has files of its own, `items` was counted in these.
    n_items = None if card.files else card.items
    found = replace(card, files=patterns, parts=hub.parts or card.parts, items=n_items, sha256=NOT_YET)
    return replace(found, sha256=checksum(found, folder)), folder
