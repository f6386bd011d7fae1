import re
from html.parser import HTMLParser

import pytest
from cases import case
from chataudit.reports.counts import Rate
from chataudit.reports.page import charts, drawing
from chataudit.reports.page.drawing import SHADES, Bar, Bars, Cell, Columns, Matrix
from jinja2 import Environment, PackageLoader, StrictUndefined

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\"quotes' onload=x & {{ 7*7 }}{% raw %}",
    "",
    "مرحبا بالعالم",
    "😀" * 300,
    "x" * 10_000,
    "日本語\nの名前",
    "]]></svg></title>",
)
ONE = (Bar("a", 0.5, 0.25, 1.0, "1 of 2, 50.0 %", "25.0-100"),)


class Tags(HTMLParser):
    """All tags, attributes and words of a page."""

    def __init__(self, html):
        super().__init__()
        self.found, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def drawn(*shown):
    loader = PackageLoader("chataudit.reports.page")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=loader
    )
    template = '{% from "charts.html.j2" import chart %}{% for c in charts %}{{ chart(c) }}{% endfor %}'
    return environment.from_string(template).render(charts=shown)


def texts(chart, size=0):
    return [text.words for group in chart.drawings[size].groups for text in group.texts]


def texts_of(matrix):
    return [[cell.text for cell in row] for row in matrix.cells]


def rate(flagged, checked):
    """Return a rate whose interval by conversation is not Wilson's."""
    return Rate(flagged, checked, 1, (0.0069, 0.021), (0.005, 0.028))


def every(label="a", *, n=3):
    """Draw one chart of each kind with n values."""
    bars = tuple(Bar(label, k, k / 2, k * 2.0, str(k), "low to high") for k in range(n))
    cells = tuple(tuple(Cell(k / n, str(k), str(k)) for k in range(n)) for _ in range(n))
    names = (label,) * n
    return (
        Bars("one", label, "About.", label, "n", bars),
        Columns("two", label, "About.", label, "n", bars),
        Matrix("three", label, "About.", label, label, names, names, cells),
    )


# -- what is drawn ---------------------------------------------------------------------------------------------------


def test_a_bar_is_as_long_as_its_share_of_the_largest_upper_end_and_its_whisker_spans_the_interval():
    bars = (Bar("a", 2, 1, 4, ""), Bar("b", 4, None, None, ""), Bar("c", 0, None, None, ""))
    a, b, c, _ = Bars("n", "t", "a", "l", "v", bars).drawings[1].groups
    # 320 px are left 310 beside a number without words.
    assert [shape.d for shape in a.shapes] == ["M0 26h155v16h-155z", "M77.5 34H310M77.5 30v8M310 30v8"]
    assert [shape.d for shape in b.shapes] == ["M0 72h310v16h-310z"]
    assert c.shapes == ()


def test_a_column_begins_at_the_base_line():
    _, a, b, _ = (
        Columns("n", "t", "a", "l", "v", (Bar("a", 1, None, None, "1"), Bar("b", 2, 1, 2, "2"))).drawings[0].groups
    )
    assert [shape.d for shape in a.shapes] == ["M32 124h56v100h-56z"]
    assert [shape.d for shape in b.shapes] == ["M152 24h56v200h-56z", "M180 124V24M176 124h8M176 24h8"]


def test_numbers_are_on_columns_where_they_fit_and_else_on_an_axis():
    few = Columns("n", "t", "a", "label", "share", ONE, is_share=True)
    many = Columns("n", "t", "a", "label", "share", ONE * 30, is_share=True)
    assert texts(few) == ["1 of 2, 50.0 %", "a", "label"]
    assert texts(many)[:3] == ["0 %", "50 %", "100 %"]
    assert "1 of 2, 50.0 %" not in texts(many)


def test_labels_of_columns_that_would_meet_are_left_out():
    days = tuple(Bar(f"2023-01-{k:02}", k, None, None, str(k)) for k in range(1, 31))
    labels = [words for words in texts(Columns("n", "t", "a", "l", "v", days)) if words.startswith("2023")]
    assert labels[:2] == ["2023-01-01", "2023-01-06"]


def test_a_cell_is_shaded_by_one_of_six_shades_or_not_at_all():
    cells = (Cell(None, "-", ""), Cell(0.0, "0", ""), Cell(0.5, "5", ""), Cell(1.0, "10", ""))
    matrix = Matrix("n", "t", "a", "r", "c", ("row",), ("a", "b", "c", "d"), (cells,))
    found = [group.css for group in matrix.drawings[0].groups if group.css]
    assert found == ["heat-none", "heat-0", "heat-3", "heat-5"]


def test_a_long_label_is_clipped_in_the_picture_and_whole_in_its_title_and_in_the_table():
    chart = Bars("n", "t", "a", "l", "v", (Bar("x" * 99, 1, None, None, "1"),))
    assert "x" * 27 + "…" in texts(chart)
    assert chart.drawings[0].groups[0].title == "x" * 99 + ": 1"
    assert chart.grid.rows == (("x" * 99, "1"),)


def test_a_chart_has_its_main_figures_in_words_and_all_of_them_in_a_table():
    chart = Bars("n", "t", "a", "language", "share", ONE)
    assert chart.desc == "The largest: a: 1 of 2, 50.0 % (95 % CI 25.0-100)."
    assert chart.grid.head == ("language", "share", "95 % CI, %")
    assert chart.grid.rows == (("a", "1 of 2, 50.0 %", "25.0-100"),)
    matrix = Matrix(
        "n",
        "t",
        "a",
        "role",
        "depth",
        ("user",),
        ("0", "1"),
        ((Cell(1.0, "9", "9 messages"), Cell(None, "·", "none")),),
    )
    assert matrix.desc == "role by depth, 1 by 2. The largest: role user, depth 0: 9 messages."
    assert matrix.grid.head == ("role / depth", "0", "1")
    assert matrix.grid.rows == (("user", "9 messages", "none"),)


# -- the page --------------------------------------------------------------------------------------------------------


def test_no_word_of_the_data_becomes_markup_or_breaks_the_layout():
    for label in HOSTILE:
        with case(label):
            shown = every(label)
            html = drawn(*shown)
            tags = Tags(html).found
            assert not [tag for tag, _ in tags if tag in ("script", "img", "style")]
            assert not [a for _, attrs in tags for a in attrs if a == "style" or a.startswith("on")]
            assert label in "".join(Tags(html).words)
            assert all(drawing.width < 700 for chart in shown for drawing in chart.drawings)


@pytest.mark.parametrize("n", [0, 1, 40])
def test_ids_are_unique_and_every_picture_has_its_title_and_its_description(n):
    tags = Tags(drawn(*every(n=n))).found
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    pictures = [attrs for tag, attrs in tags if tag == "svg"]
    assert len(pictures) == 5
    assert all(attrs["role"] == "img" and set(attrs["aria-labelledby"].split()) <= set(ids) for attrs in pictures)


def test_ten_thousand_values_are_drawn():
    bars = tuple(Bar(str(k), k, None, None, str(k)) for k in range(10_000))
    html = drawn(Bars("a", "t", "a", "l", "v", bars), Columns("b", "t", "a", "l", "v", bars))
    assert html.count("<title>9999: 9999</title>") == 4  # wide and narrow
    assert "nan" not in html


def test_the_style_defines_every_shade_for_light_and_for_dark_and_asks_nobody():
    css = PackageLoader("chataudit.reports.page").get_source(Environment(), "report.css")[0]
    for k in range(SHADES):
        assert len(re.findall(rf"--heat-{k}: #", css)) == 2
    assert not re.search(r"url\(|@import|https?://", css)


def test_numbers_in_cells_are_readable_on_every_shade():
    css = PackageLoader("chataudit.reports.page").get_source(Environment(), "report.css")[0]
    shades, pale, deep = (re.findall(rf"--{name}: (#\w+)", css) for name in (r"heat-\d", "on-pale", "on-deep"))
    for k, shade in enumerate(shades):  # six for light, six for dark
        ink = (pale if k % 6 < 4 else deep)[k // 6]
        assert contrast(shade, ink) >= 4.5


def contrast(a, b):
    """Return the relative luminance of two colours, as in WCAG 2.2."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# -- charts of an audit ----------------------------------------------------------------------------------------------


def test_without_data_there_is_no_chart():
    assert charts.declared_detected({}, {"en": 5}, {}) is None
    assert charts.by_part("language", {("en", "a"): rate(0, 0)}) is None
    assert charts.group_sizes([]) is None
    assert charts.similarities([]) is None
    assert charts.shares("t", "a", [("a", 0, 0)]) is None
    assert charts.role_depth({}) is None
    assert charts.over_time({}, {}) is None


def test_declared_and_detected_languages_cross_with_what_was_not_flagged_on_the_diagonal():
    pairs = {("de", "en"): 16, ("de", "fr"): 1, ("en", "de"): 4}
    matrix = charts.declared_detected(pairs, {"de": 100, "en": 1000}, {"de": 17, "en": 4})
    assert (matrix.rows, matrix.columns) == (("de", "en"), ("de", "en", "fr"))
    assert texts_of(matrix) == [["83", "16", "1"], ["4", "996", "·"]]
    assert [[cell.shade for cell in row] for row in matrix.cells] == [[None, 1.0, 0.25], [0.5, None, None]]
    assert matrix.cells[0][0].full == "83 messages passed"
    assert "Unshaded diagonal: messages that passed." in matrix.about
    assert "diagonal" not in charts.declared_detected({("de", "en"): 16}, {"de": 100}, {"de": 16}).about


def test_rare_languages_are_added_up_as_others():
    pairs = {(f"l{k:05}", f"m{k:05}"): 1 for k in range(10_000)}
    matrix = charts.declared_detected(pairs, {}, {})
    assert matrix.rows[-2:] == ("l00011", "others")
    assert len(matrix.rows) == len(matrix.columns) == 13
    assert matrix.cells[12][12].text == "9,988"


def test_a_language_called_others_is_not_mixed_up_with_the_rest():
    counts = {("others", 0): 99} | {(f"role{k:02}", 0): 1 for k in range(12)}
    matrix = charts.role_depth(counts)
    assert (matrix.rows[0], matrix.rows[-1]) == ("others", "others")
    assert (matrix.cells[0][0].text, matrix.cells[-1][0].text) == ("99", "1")


def test_the_share_of_flagged_messages_is_shown_by_language_and_check_with_its_interval():
    rates = {("en", "a"): rate(12, 1000), ("en", "b"): rate(0, 1000), ("de", "a"): rate(0, 10), ("de", "b"): rate(0, 0)}
    matrix = charts.by_part("language", rates)
    assert (matrix.rows, matrix.columns) == (("en", "de"), ("a", "b"))
    assert texts_of(matrix) == [["1.2 %", "0 %"], ["0 %", "–"]]
    # The interval clustered by conversation, as on the card of the check.
    assert matrix.cells[0][0].full == "12 of 1,000 messages, 1.2 % (95 % CI 0.50-2.8)"
    assert matrix.about.endswith("; –: none checked.")
    assert (matrix.cells[0][0].shade, matrix.cells[0][1].shade) == (1.0, None)


def test_languages_and_checks_that_do_not_fit_are_counted():
    messages = {f"l{k}": 1 for k in range(100)}
    languages, shown_as = charts.frequent(messages)
    assert (len(languages), languages[-1], sum(shown_as(language) is None for language in messages)) == (16, None, 85)
    rates = {(shown_as(f"l{k}"), f"c{k:03}"): rate(0, 1) for k in range(100)}
    matrix = charts.by_part("language", rates)
    assert (len(matrix.rows), len(matrix.columns)) == (16, 24)
    assert matrix.about.endswith("Shown are the 24 of 100 checks that flagged most.")


def test_groups_are_counted_by_size():
    chart = charts.group_sizes([1, 2, 2, 3, 6, 10, 11, 100, 101, 5000])
    assert [(bar.label, bar.text) for bar in chart.bars] == [
        ("2", "2"), ("3", "1"), ("4", "0"), ("5", "0"), ("6-10", "2"), ("11-100", "2"), ("101+", "2")
    ]  # fmt: skip


def test_similarities_fall_into_ten_bins_with_exact_copies_apart():
    chart = charts.similarities([0.81, 0.82, 0.9, 0.9999, 1.0, 1.0])
    assert [bar.label for bar in chart.bars] == [
        "0.80", "0.82", "0.84", "0.86", "0.88", "0.90", "0.92", "0.94", "0.96", "0.98", "exact"
    ]  # fmt: skip
    assert [bar.value for bar in chart.bars] == [1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 2]
    assert chart.bars[0].full == "0.80 to below 0.82"
    assert chart.about.endswith("No similarity is below 0.80.")


def test_exact_copies_alone_are_one_column():
    assert [bar.text for bar in charts.similarities([1.0, 1.0]).bars] == ["2"]


def test_shares_come_largest_first_with_their_intervals_and_without_what_has_no_whole():
    chart = charts.shares("t", "About.", [("none", 0, 0), ("few", 12, 1000), ("half", 1, 2)])
    assert [(bar.label, bar.text, bar.interval) for bar in chart.bars] == [
        ("half", "1 of 2, 50.0 %", "9.5-90.5"),
        ("few", "12 of 1,000, 1.2 %", "0.69-2.1"),
    ]


def test_only_the_largest_shares_are_shown_and_the_chart_states_it():
    chart = charts.shares("t", "About.", [(str(k), k, 10_000) for k in range(10_000)])
    assert (len(chart.bars), chart.bars[0].label) == (20, "9999")
    assert chart.about == "About. With 95 % CI (Wilson). Shown are the 20 largest of 10,000."


def test_messages_are_counted_by_role_and_depth():
    matrix = charts.role_depth({("prompter", 0): 16, ("assistant", 1): 4, ("prompter", 10): 1, ("prompter", 99): 3})
    assert matrix.rows == ("prompter", "assistant")
    assert matrix.columns == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10+")
    assert texts_of(matrix)[0] == ["16", *"·········", "4"]
    assert matrix.cells[1][1] == Cell(0.5, "4", "4 messages")
    assert matrix.about.endswith("; the root is at depth 0. ·: none.")


def test_depths_below_the_deepest_message_are_not_drawn():
    matrix = charts.role_depth({("prompter", 0): 16, ("assistant", 1): 4, ("prompter", 2): 1, ("tool", -1): 1})
    assert matrix.columns == ("0", "1", "2")
    assert charts.role_depth({("prompter", 0): 16}).about.endswith("at depth 0.")


@pytest.mark.parametrize(
    ("last", "n", "first_label", "last_label"),
    [
        ("2023-01-04", 1, "2023-01-04", "2023-01-04"),
        ("2023-02-12", 40, "2023-01-04", "2023-02-12"),
        ("2023-02-13", 7, "2023-01-02", "2023-02-13"),  # weeks begin on Monday
        ("2023-12-31", 12, "2023-01", "2023-12"),
        ("2062-12-31", 40, "2023", "2062"),
        ("9999-12-31", 8, "2000s", "9000s"),
    ],
)
def test_time_is_cut_into_at_most_forty_columns(last, n, first_label, last_label):
    bars = charts.over_time({"2023-01-04": 5, last: 5}, {}).bars
    assert (len(bars), bars[0].label, bars[-1].label) == (n, first_label, last_label)


def test_time_without_messages_is_left_empty_and_shares_have_intervals():
    chart = charts.over_time({"2023-01-02": 1000, "2023-01-04": 10}, {"2023-01-02": 12})
    assert [(bar.text, bar.interval) for bar in chart.bars] == [
        ("12 of 1,000, 1.2 %", "0.69-2.1"), ("no messages", ""), ("0 of 10, 0 %", "0-27.8")
    ]  # fmt: skip
    assert chart.bars[1].high is None


def test_counts_are_short_in_cells():
    assert [drawing.short(n) for n in (0, 99_999, 123_456, 1_234_567, 45_678_901, 2 * 10**9)] == [
        "0", "99,999", "123k", "1.2M", "46M", "2.0G"
    ]  # fmt: skip
    assert [charts.percent(part, 10_000) for part in (0, 1, 120, 10_000)] == ["0 %", "<0.1 %", "1.2 %", "100.0 %"]


def test_shares_in_an_order_keep_it_and_have_no_intervals():
    chart = charts.ordered_shares(
        "Activity", "By month.", [("2023-01", 1, 4), ("2023-02", 3, 4), ("2023-03", 0, 0)], "a"
    )
    assert [(bar.label, bar.value, bar.interval) for bar in chart.bars] == [
        ("2023-01", 0.25, ""),
        ("2023-02", 0.75, ""),
    ]
    assert charts.ordered_shares("Activity", "By month.", [], "a") is None


def test_a_dot_stands_within_its_interval_and_a_missing_value_has_none():
    chart = charts.intervals("Agreement", "Alpha.", [("spam", 0.3, -0.1, 0.5), ("humor", None, 0.1, 0.6)], "a")
    for picture in chart.drawings:
        axis, first, second = picture.groups
        assert axis.shapes[0].css == "axis"
        assert [shape.css for shape in first.shapes] == ["whisker", "bar"]
        assert [shape.css for shape in second.shapes] == ["whisker"]
        low, high = (float(x) for x in re.match(r"M([\d.]+) [\d.]+H([\d.]+)", first.shapes[0].d).groups())
        (dot,) = re.match(r"M([\d.]+) ", first.shapes[1].d).groups()
        assert 0 <= low < float(dot) < high <= picture.width
    assert chart.bars[1].words == "humor: no value (95 % CI 0.10 to 0.60)"
    assert chart.grid.rows == (("spam", "0.30", "-0.10 to 0.50"), ("humor", "", "0.10 to 0.60"))
    assert charts.intervals("Agreement", "Alpha.", [], "a") is None
