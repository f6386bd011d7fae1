"""Statements of an audit in LaTeX, for the limitations section of a paper: prose, and a table with booktabs."""

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


def latex(statements: Limitations) -> str:
    """Write a section that compiles under pdfLaTeX with booktabs, T1 fonts and textcomp."""
    rows = [" & ".join(map(plain, row)) + r" \\" for row in statements.rows]
    lines = [
        r"% Needs \usepackage{booktabs} and \usepackage[T1]{fontenc}.",
        r"\section*{Limitations}",
        *_paragraph(statements.audited),
        r"\begin{table}[ht]",
        r"\centering",
        r"\begin{tabular}{lrrrl}",
        r"\toprule",
        r"Check & Flagged & Checked & Rate & 95 \% CI \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\caption{Messages with a warning or an error, as a share of the checked messages, with 95 \% confidence "
        r"intervals clustered by conversation.}",
        r"\label{tab:chataudit}",
        r"\end{table}",
        "",
    ]
    for check in statements.checks:
        lines.append(rf"\paragraph{{{plain(check.name)}: {plain(check.about)}.}}")
        lines += _paragraph((*check.found, *check.skipped, *check.errors))
        lines += _paragraph(("Method:", *check.method)) if check.method else []
        lines += _paragraph(("Blind spots:", *check.blind)) if check.blind else []
    lines += [r"\paragraph{Not checked.}", *_paragraph(statements.not_checked)]
    lines += [r"\paragraph{Recommendations.}", *_paragraph(statements.advice)] if statements.advice else []
    lines += _paragraph([statements.appendix]) if statements.appendix else []
    return "\n".join([*lines, f"Made by {plain(statements.made_by)}.", ""])


def plain(words: str) -> str:
    """Escape words for TeX, on one line; letters that its Latin fonts lack become code points."""
    return "".join(_SPECIAL.get(c) or (c if _is_known(c) else f"U+{ord(c):04X}") for c in " ".join(words.split()))


def _is_known(character: str) -> bool:
    return character.isascii() or ("\u00c0" <= character <= "\u00ff" and character.isalpha())


def _paragraph(sentences: Sequence[str]) -> list[str]:
    return [plain(" ".join(sentences)), ""]
