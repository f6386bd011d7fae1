"""The statements of an audit in LaTeX, for the limitations section of a paper: prose, and a table with booktabs."""

from collections.abc import Sequence

from .limitations import Limitations

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "⟦": "[[",
    "⟧": "]]",
}


def latex(told: Limitations) -> str:
    """A section that compiles by itself under pdfLaTeX with booktabs, T1 fonts and textcomp."""
    rows = [" & ".join(map(plain, line)) + r" \\" for line in told.lines]
    lines = [
        r"% Needs \usepackage{booktabs} and \usepackage[T1]{fontenc}.",
        r"\section*{Limitations}",
        *_paragraph(told.audited),
        r"\begin{table}[ht]",
        r"\centering",
        r"\begin{tabular}{lrrrl}",
        r"\toprule",
        r"Check & Flagged & Judged & Rate & 95\% interval \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\caption{Messages with a warning or an error, of those that each check judged. Intervals take messages of "
        r"one conversation tree to depend on each other.}",
        r"\label{tab:chataudit}",
        r"\end{table}",
        "",
    ]
    for check in told.checks:
        lines.append(rf"\paragraph{{{plain(check.name)}: {plain(check.about)}.}}")
        lines += _paragraph((*check.found, *check.unjudged, *check.errors))
        lines += _paragraph(("How it was measured:", *check.method)) if check.method else []
        lines += _paragraph(("What it cannot see:", *check.blind)) if check.blind else []
    lines += [r"\paragraph{Not looked at.}", *_paragraph(told.not_looked_at)]
    lines += [r"\paragraph{Recommendations.}", *_paragraph(told.advice)] if told.advice else []
    return "\n".join([*lines, f"Made by {plain(told.made_by)}.", ""])


def plain(words: str) -> str:
    """Words without any meaning in TeX, on one line; letters that its fonts of Latin lack, as their code points."""
    return "".join(_SPECIAL.get(c) or (c if _is_known(c) else f"U+{ord(c):04X}") for c in " ".join(words.split()))


def _is_known(character: str) -> bool:
    return character.isascii() or ("\u00c0" <= character <= "\u00ff" and character.isalpha())


def _paragraph(sentences: Sequence[str]) -> list[str]:
    return [plain(" ".join(sentences)), ""]
