from functools import lru_cache
def is_programming(value): return value.lower() in ("python","java","javascript")
@lru_cache(1000)
def tag_of(value):
    from langcodes import standardize_tag, tag_is_valid, Language
    names={"english":"en","german":"de"}
    if value.lower() in names: return names[value.lower()]
    try:
        return standardize_tag(value)
    except Exception: return None
def is_language_field(values):
    return not any(map(is_programming, values))
