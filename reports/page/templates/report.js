"use strict";
// Findings of a report: unpack, filter, list, show. Words of the data become text nodes, never markup; the page's policy
// (Trusted Types) refuses anything else.
(() => {
  const ROW_REM = 3.5; // height of a row, as in report.css: it grows with the font size
  const KEPT = 12; // chunks that stay unpacked
  const MAX_COPIED = 2000; // findings to copy to the clipboard; more become a file
  const MOST_WORDS = 1500; // of a text that is compared word by word
  const FILTERS = ["severity", "check", "rule", "lang", "role", "source", "benchmark", "facet", "is", "q", "sort"];
  const SEVERITIES = ["", "note", "warning", "error"];
  const NONE = "(none)"; // where the data have no value
  const EMPTY = "(empty)"; // where the value is empty
  const STATES = ["not compared", "known", "new"]; // compared with the baseline

  const $ = (id) => document.getElementById(id);
  const count = (n) => n.toLocaleString("en");

  /** Make an element with attributes and children; a string becomes text. */
  function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  async function unpack(id) {
    const text = $(id).textContent;
    let bytes;
    if (Uint8Array.fromBase64) bytes = Uint8Array.fromBase64(text);
    else {
      const raw = atob(text);
      bytes = new Uint8Array(raw.length);
      for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
    }
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  // -- state ----------------------------------------------------------------------------------------------------------

  let index, columns, words, n;
  let facetStarts; // the facets of a row are in columns.facets from its own start to the next one
  let shown = new Uint32Array(0); // rows that pass the filters, sorted
  let filters = {}; // as in the address
  let open = -1; // the row whose evidence is shown
  let active = 0; // the place in the list that the keyboard is at
  let sought = ""; // words to search for
  let hits = null; // rows whose quotes contain them
  let progress = ""; // of the search in quotes; empty where none is running
  let search = 0; // its number: an outdated search stops
  let later; // the timer that starts it
  let height; // of a row, in px
  let version = 0; // of the list

  const chunks = new Map(); // unpacked pieces, the last used at the end

  // This script comes before the chunks, so that the list shows while the rest of a large page still loads.
  const whole = new Promise((done) => addEventListener("DOMContentLoaded", done));

  async function chunk(kind, number) {
    const id = kind + number;
    await whole;
    if (!$(id)) return null;
    let found = chunks.get(id);
    chunks.delete(id);
    if (!found) found = unpack(id);
    chunks.set(id, found);
    if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value);
    return found;
  }

  const word = (name, row) => words[name][columns[name][row]] ?? NONE;
  const rule = (row) => word("rule", row);
  const checkOf = (id) => id.slice(0, id.indexOf("/"));
  const summary = (row) => words.summary[columns.summary[row]];
  const fingerprint = (row) => columns.fingerprints.slice(16 * row, 16 * row + 16);
  const facetsOf = (row) => columns.facets.slice(facetStarts[row], facetStarts[row + 1]).map((code) => words.facet[code]);

  /** Return the row of a fingerprint, -1 where it is not on this page. */
  function rowOf(wanted) {
    if (wanted.length !== 16) return -1;
    let at = columns.fingerprints.indexOf(wanted);
    while (at % 16 > 0) at = columns.fingerprints.indexOf(wanted, at + 1);
    return at < 0 ? -1 : at / 16;
  }

  // -- the address ----------------------------------------------------------------------------------------------------

  function readFilters(query) {
    const asked = new URLSearchParams(query);
    filters = {};
    for (const name of FILTERS) if (asked.get(name)) filters[name] = asked.get(name);
  }

  /** Split `f/FINGERPRINT?check=...` or `findings?check=...` into place and filters. */
  function decode(hash) {
    const at = hash.indexOf("?");
    return at < 0 ? [hash, ""] : [hash.slice(0, at), hash.slice(at + 1)];
  }

  function address(where, wanted = filters) {
    const query = new URLSearchParams(FILTERS.filter((name) => wanted[name]).map((name) => [name, wanted[name]])).toString();
    return "#" + where + (query ? "?" + query : "");
  }

  const linkTo = (row) => address("f/" + fingerprint(row));

  // -- filters --------------------------------------------------------------------------------------------------------

  const TESTS = {
    severity: (value) => {
      const wanted = SEVERITIES.indexOf(value);
      return (row) => columns.severity[row] === wanted;
    },
    check: (value) => {
      const wanted = words.rule.map((id) => checkOf(id) === value);
      return (row) => wanted[columns.rule[row]];
    },
    rule: (value) => coded("rule", value),
    lang: (value) => coded("lang", value),
    role: (value) => coded("role", value),
    source: (value) => coded("source", value),
    benchmark: (value) => faceted("benchmark=" + value),
    facet: (value) => faceted(value),
    is: (value) => (row) => !columns.isNew || STATES[columns.isNew[row] + 1] === value,
  };

  function coded(name, value) {
    const wanted = value === NONE ? -1 : words[name].indexOf(value);
    return (row) => columns[name][row] === wanted && (wanted >= 0 || value === NONE);
  }

  function faceted(value) {
    const wanted = words.facet.indexOf(value);
    return (row) => {
      for (let k = facetStarts[row]; k < facetStarts[row + 1]; k++) if (columns.facets[k] === wanted) return true;
      return false;
    };
  }

  const ORDERS = {
    place: (a, b) => ranks("source")[a] - ranks("source")[b] || columns.line[a] - columns.line[b] || a - b,
    score: (a, b) => columns.score[b] - columns.score[a] || a - b,
    rule: (a, b) => ranks("rule")[a] - ranks("rule")[b] || a - b,
    lang: (a, b) => ranks("lang")[a] - ranks("lang")[b] || a - b,
  };

  /** Return for each row the alphabetical rank of its word; none comes last. */
  const ranked = new Map();
  function ranks(name) {
    if (!ranked.has(name)) {
      const order = words[name].map((_, code) => code).sort((a, b) => (words[name][a] < words[name][b] ? -1 : 1));
      const place = new Map(order.map((code, rank) => [code, rank]));
      ranked.set(name, Int32Array.from(columns[name], (code) => place.get(code) ?? order.length));
    }
    return ranked.get(name);
  }

  function select() {
    const tests = Object.entries(filters).filter(([name]) => TESTS[name]).map(([name, value]) => TESTS[name](value));
    const matches = sought ? matcher() : null;
    const found = new Uint32Array(n);
    let size = 0;
    next: for (let row = 0; row < n; row++) {
      for (const test of tests) if (!test(row)) continue next;
      if (matches && !(hits && hits[row]) && !matches(row)) continue;
      found[size++] = row;
    }
    shown = found.slice(0, size);
    if (Object.hasOwn(ORDERS, filters.sort || "")) shown.sort(ORDERS[filters.sort]);
  }

  /** Return a test for rows with the search words in their summary, id or fingerprint. */
  function matcher() {
    const isSummary = words.summary.map((words) => words.toLowerCase().includes(sought));
    const print = rowOf(sought);
    return (row) => isSummary[columns.summary[row]] || row === print || (columns.id[row] || "").toLowerCase().includes(sought);
  }

  /** Draw what the filters select; for new search words, start to search quotes and facets too. */
  function apply(isNew = true) {
    const wanted = (filters.q || "").toLowerCase();
    if (wanted !== sought) {
      sought = wanted;
      hits = null;
      search++;
      clearTimeout(later);
      progress = sought ? "searching quotes" : "";
      if (sought) later = setTimeout(searchQuotes, 250);
    }
    update(isNew);
  }

  /** Search chunk after chunk; show the hits at the end. */
  async function searchQuotes() {
    const mine = search;
    const found = new Uint8Array(n);
    const total = Math.ceil(n / index.chunk);
    await whole;
    let k = 0;
    for (; k < total && $("e" + k); k++) {
      // Not through `chunk`: pieces that are only searched need not stay in memory.
      const piece = await unpack("e" + k);
      if (mine !== search) return;
      mark(piece, k * index.chunk, found);
      if (k % 20 === 19) {
        progress = `searching quotes: ${Math.round((100 * k) / total)} %`;
        report();
      }
    }
    hits = found;
    progress = k < total ? `${count(n - k * index.chunk)} without quotes on this page` : "";
    update(false);
  }

  function mark(piece, first, found) {
    let span = 0;
    let facet = 0;
    const { spans } = piece;
    for (let k = 0; k < piece.nSpans.length; k++) {
      const row = first + k;
      for (let end = span + piece.nSpans[k]; span < end; span++) {
        const text = spans.before[span] + spans.quote[span] + spans.after[span];
        if (text.toLowerCase().includes(sought)) found[row] = 1;
      }
      for (let end = facet + piece.nFacets[k]; facet < end; facet++) {
        const value = `${piece.keys[facet]}=${nameOf(piece, piece.values[facet], row)}`;
        if (value.toLowerCase().includes(sought)) found[row] = 1;
      }
    }
  }

  /** Return a name of a chunk by its number; -1 is the id of the finding's own message. */
  const nameOf = (piece, code, row) => (code < 0 ? columns.id[row] : piece.names[code]);

  // -- the list -------------------------------------------------------------------------------------------------------

  function update(isNew) {
    select();
    version++;
    $("rows").style.height = shown.length * height + "px";
    $("list").setAttribute("aria-rowcount", shown.length);
    if (isNew) {
      $("list").scrollTop = 0;
      active = 0;
    }
    active = Math.max(0, Math.min(active, shown.length - 1));
    draw();
    report();
    $("clear").disabled = !Object.keys(filters).length;
    $("copy-csv").disabled = $("copy-jsonl").disabled = !shown.length;
  }

  /** Show how many findings there are, and whether more may come. */
  function report() {
    const some = shown.length === n ? `${count(n)} findings` : `${count(shown.length)} of ${count(n)} findings`;
    const none = progress.startsWith("searching") ? "None so far" : "No finding matches these filters";
    say((shown.length ? some : `${none}, of ${count(n)}`) + (progress ? `; ${progress}` : ""));
  }

  const say = (text) => ($("status").textContent = text);

  /** Draw the rows in view and the one that has the keyboard; rows that stay are not redrawn. */
  function draw() {
    const list = $("list");
    const rows = $("rows");
    const first = Math.max(0, Math.floor(list.scrollTop / height) - 5);
    const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / height) + 10);
    const wanted = Array.from({ length: Math.max(0, last - first) }, (_, k) => first + k);
    if (active < first) wanted.unshift(active);
    if (active >= last && active < shown.length) wanted.push(active);
    const isFocused = rows.contains(document.activeElement);
    const mark = `${version} ${open}`;
    if (rows.dataset.mark !== mark) rows.replaceChildren();
    rows.dataset.mark = mark;
    const kept = new Set(wanted);
    for (const row of [...rows.children]) if (!kept.has(Number(row.dataset.at))) row.remove();
    let next = rows.firstElementChild;
    for (const at of wanted) {
      if (next && Number(next.dataset.at) === at) next = next.nextElementSibling;
      else rows.insertBefore(line(at), next);
    }
    rove();
    if (isFocused && !rows.contains(document.activeElement)) focusRow();
  }

  /** Let Tab reach only the row that has the keyboard. */
  function rove() {
    for (const link of $("rows").querySelectorAll("a")) link.tabIndex = Number(link.dataset.at) === active ? 0 : -1;
  }

  function line(at) {
    const row = shown[at];
    const severity = SEVERITIES[columns.severity[row]];
    const parts = [rule(row).slice(rule(row).indexOf("/") + 1)];
    if (columns.lang[row] >= 0) parts.push(word("lang", row));
    if (columns.role[row] >= 0) parts.push(word("role", row));
    // One file has its name at the top of the page.
    const place = words.source.length > 1 ? `${word("source", row).split("/").pop()}:` : "line ";
    parts.push(`${place}${columns.line[row]}`, columns.id[row]);
    const link = h(
      "a",
      { href: linkTo(row), "data-at": at, "aria-current": row === open ? "true" : null },
      h("bdi", {}, summary(row)),
      h("span", { class: "sub" }, parts.filter(Boolean).join(" · "))
    );
    const element = h(
      "div",
      { class: "row" + (row === open ? " open" : ""), role: "row", "aria-rowindex": at + 1, "data-at": at },
      h("span", { role: "cell", class: "mark " + severity }, severity),
      h("span", { role: "cell", class: "words" }, link),
      columns.isNew && columns.isNew[row] === 1 ? h("span", { role: "cell", class: "new" }, "new") : null
    );
    element.style.top = at * height + "px";
    return element;
  }

  function focusRow() {
    const link = $("rows").querySelector(`a[data-at="${active}"]`);
    if (link) link.focus({ preventScroll: true });
  }

  /** Scroll to a place of the list, and move the keyboard there. */
  function reach(to) {
    const list = $("list");
    active = Math.max(0, Math.min(shown.length - 1, to));
    if (active * height < list.scrollTop) list.scrollTop = active * height;
    if ((active + 1) * height > list.scrollTop + list.clientHeight) list.scrollTop = (active + 1) * height - list.clientHeight;
    draw();
  }

  function go(to) {
    reach(to);
    focusRow();
  }

  function toList() {
    go(active);
    $("list").scrollIntoView({ block: "nearest" });
  }

  // -- evidence -------------------------------------------------------------------------------------------------------

  async function show(row) {
    const box = $("evidence");
    const severity = SEVERITIES[columns.severity[row]];
    const about = index.rules[columns.rule[row]];
    const number = Math.floor(row / index.chunk);
    const [evidence, threads] = await Promise.all([chunk("e", number), chunk("t", number)]);
    if (open !== row) return;
    const found = evidence && cut(evidence, row);
    const place = `${word("source", row)}:${columns.line[row]}`;
    const back = h("button", { type: "button", class: "back" }, "Back to the list");
    back.addEventListener("click", toList);
    const parts = [
      back,
      h("p", { class: "kind" }, h("span", { class: "mark " + severity }, severity), " ", about.title),
      h("h3", { id: "evidence-title", tabindex: -1 }, h("bdi", {}, summary(row))),
      h(
        "p",
        { class: "place" },
        h("code", {}, rule(row)), " at ", h("code", {}, place),
        columns.id[row] ? [", message ", h("code", {}, columns.id[row])] : null,
        found && found.treeId && found.treeId !== columns.id[row] ? [", tree ", h("code", {}, found.treeId)] : null,
        found && found.created ? [", written ", found.created.slice(0, 10)] : null
      ),
      found ? quotes(found) : h("p", { class: "nothing" }, "Its evidence did not fit on this page: see findings.parquet."),
      found && found.facets.length ? facets(found, about, row) : null,
      about.advice ? h("p", { class: "advice" }, h("strong", {}, "What to do: "), about.advice) : null,
      about.example
        ? h(
            "details",
            { class: "example" },
            h("summary", {}, "What does this look like?"),
            h("p", {}, "Reported:"), h("pre", {}, about.example),
            h("p", {}, "Not reported:"), h("pre", {}, about.neighbour)
          )
        : null,
      found ? conversation(threads, row % index.chunk) : null,
      h(
        "p",
        { class: "place" },
        "Link to this finding: ",
        h("a", { href: "#f/" + fingerprint(row) }, fingerprint(row)),
        `, score ${(columns.score[row] / 1000).toFixed(2)}`
      ),
    ];
    box.replaceChildren(...parts.filter(Boolean));
    box.scrollTop = 0;
  }

  /** Return the finding of a row from its chunk. */
  function cut(piece, row) {
    const k = row % index.chunk;
    const name = (code) => nameOf(piece, code, row);
    const sum = (values) => values.slice(0, k).reduce((a, b) => a + b, 0);
    const [span, facet] = [sum(piece.nSpans), sum(piece.nFacets)];
    const names = Object.keys(piece.spans);
    return {
      treeId: name(piece.treeId[k]),
      created: piece.created[k],
      facets: Array.from({ length: piece.nFacets[k] }, (_, j) => [piece.keys[facet + j], name(piece.values[facet + j])]),
      spans: Array.from({ length: piece.nSpans[k] }, (_, j) =>
        ({ ...Object.fromEntries(names.map((key) => [key, piece.spans[key][span + j]])), id: name(piece.spans.id[span + j]) })
      ),
    };
  }

  /** Show the evidence: texts of two messages side by side, with the words that they share marked. */
  function quotes(found) {
    const texts = new Map();
    for (const span of found.spans) {
      const key = [span.source, span.line, span.id].join("\n");
      texts.set(key, [...(texts.get(key) || []), span]);
    }
    const groups = [...texts.values()];
    const isPair = groups.length === 2 && groups.every((spans) => spans.length === 1);
    // A screen reader reads a text in the detected language, where that is not the declared one.
    const detected = Object.fromEntries(found.facets).detected;
    const compared = isPair ? compare(groups[0][0].quote, groups[1][0].quote) : null;
    const boxes = groups.map((spans, k) => text(spans, k, compared && compared[k], k ? null : detected));
    return h(
      "div",
      { class: "texts" + (groups.length > 1 ? " beside" : "") },
      boxes,
      compared
        ? h("p", { class: "legend" }, h("mark", {}, "same words"), " ", h("mark", { class: "only" }, "only on this side"))
        : null
    );
  }

  function text(spans, k, parts, detected) {
    const first = spans[0];
    const whose = [first.role, first.lang].filter(Boolean).join(", ");
    const lang = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(detected || first.lang || "") ? detected || first.lang : "und";
    return h(
      "figure",
      {},
      h(
        "figcaption",
        {},
        h("strong", {}, k ? "Compared with" : "This message"), whose ? ` (${whose})` : "", " ",
        h("code", {}, `${first.source.split("/").pop()}:${first.line}`), " ", h("code", {}, first.id)
      ),
      spans.map((span) => {
        const nothing = !(span.before || span.quote || span.after);
        if (nothing) {
          // Of very many findings of a check only the worst keep their words; a redacted report has none of raw records.
          const place = `characters ${count(span.start)} to ${count(span.end)} (text not in this report)`;
          return h("p", { class: "nothing" }, span.end > span.start ? place : "no text");
        }
        const isWhole = !(span.before || span.after) && span.start === 0;
        return h(
          "div",
          {},
          spans.length > 1 ? h("p", { class: "place" }, `characters ${count(span.start)} to ${count(span.end)}`) : null,
          span.at > span.start ? h("p", { class: "place" }, `from character ${count(span.at)}, where the texts first differ`) : null,
          h(
            "blockquote",
            { lang, dir: "auto" },
            span.before ? "…" + span.before : "",
            parts ? parts.map(([part, isSame]) => (isSame === null ? part : h("mark", { class: isSame ? null : "only" }, part)))
                  : h("mark", { class: isWhole ? "whole" : null }, span.quote),
            span.after ? span.after + "…" : ""
          )
        );
      })
    );
  }

  /** Split two texts into pieces, each with whether the other has it too; null where they share too little. */
  function compare(left, right) {
    const pieces = (text) => text.match(/[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmr}\p{sc=Mymr}]\p{M}*|[\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}]+/gu) || [];
    const isWord = (piece) => /[\p{L}\p{N}]/u.test(piece);
    const texts = [pieces(left), pieces(right)];
    const at = texts.map((text) => text.map((_, k) => k).filter((k) => isWord(text[k])));
    if (Math.max(at[0].length, at[1].length) > MOST_WORDS) return null;
    const [a, b] = at.map((rows, side) => rows.map((k) => texts[side][k].toLowerCase()));
    // Longest common subsequence (Wagner and Fischer 1974).
    const width = b.length + 1;
    const best = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--) {
      for (let j = b.length - 1; j >= 0; j--) {
        best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1
          : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
      }
    }
    if (!best[0] || best[0] < 0.3 * Math.min(a.length, b.length)) return null;
    const same = texts.map((text) => text.map(() => false));
    for (let i = 0, j = 0; i < a.length && j < b.length; ) {
      if (a[i] === b[j]) {
        same[0][at[0][i++]] = same[1][at[1][j++]] = true;
      } else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
      else j++;
    }
    return texts.map((text, side) => joined(text.map((piece, k) => [piece, isWord(piece) ? same[side][k] : null])));
  }

  /** Join neighbours of a kind: true, false, or null for what separates two words of different kinds. */
  function joined(pieces) {
    const parts = [];
    pieces.forEach(([piece, isSame], k) => {
      const before = parts.length ? parts[parts.length - 1] : null;
      const next = k + 1 < pieces.length ? pieces[k + 1][1] : null;
      const kind = isSame === null && before && before[1] === next ? next : isSame;
      if (before && before[1] === kind) before[0] += piece;
      else parts.push([piece, kind]);
    });
    return parts;
  }

  function facets(found, about, row) {
    const common = new Set(facetsOf(row));
    return h(
      "dl",
      { class: "facets" },
      found.facets.map(([key, value]) => {
        const own = { [key === "benchmark" ? "benchmark" : "facet"]: key === "benchmark" ? value : `${key}=${value}` };
        const filter = common.has(`${key}=${value}`) ? own : { q: `${key}=${value}` };
        return h(
          "div",
          {},
          h("dt", {}, about.facets[key] || key),
          h("dd", {},
            /^https:\/\/[^\s]+$/.test(value)
              ? h("a", { href: value, rel: "noreferrer noopener", target: "_blank" }, value)
              : h("a", { href: address("findings", filter), title: `All findings with ${key}=${value}` }, h("bdi", {}, value)))
        );
      })
    );
  }

  // -- the conversation -----------------------------------------------------------------------------------------------

  /** Show the thread from the root, sibling replies with ranks, and any broken parent link. */
  function conversation(threads, k) {
    if (!threads || threads.of[k] < 0) return null;
    const of = threads.of[k];
    const path = [];
    for (let at = of; at >= 0 && !path.includes(at); at = threads.parent[at]) path.unshift(at);
    const siblings = threads.parent[of] < 0 ? []
      : threads.parent.map((parent, at) => (parent === threads.parent[of] ? at : -1)).filter((at) => at >= 0 && at !== of);
    siblings.sort((a, b) => (threads.rank[a] ?? 99) - (threads.rank[b] ?? 99) || a - b);
    const items = [];
    const top = path[0];
    if (threads.parent[top] >= 0) {
      items.push(broken(`circle: the parent of ${threads.id[top]} is ${threads.id[threads.parent[top]]}, further down`));
    } else if (threads.parentId[top]) {
      const isFar = threads.depth[top] > 0;
      items.push(isFar ? h("li", { class: "far" }, `${threads.depth[top]} messages above are not in this report`)
        : broken(`parent ${threads.parentId[top]} is not in this tree`));
    }
    path.forEach((at, depth) => {
      const before = depth ? path[depth - 1] : -1;
      const repeats = before >= 0 && threads.role[at] !== null && threads.role[at] === threads.role[before];
      items.push(node(threads, at, at === of, repeats));
    });
    const others = threads.parent[of] < 0 ? 0 : threads.n_replies[threads.parent[of]] - 1;
    return h(
      "details",
      { class: "conversation", open: true },
      h("summary", {}, `Conversation: ${path.length === 1 ? "the root" : `${path.length - 1} above`}, ${count(others)} sibling${others === 1 ? "" : "s"}, ${count(threads.n_replies[of])} repl${threads.n_replies[of] === 1 ? "y" : "ies"} below`),
      h("ol", { class: "path" }, items),
      siblings.length
        ? [h("p", { class: "place" }, `Siblings${siblings.length < others ? `, the first ${siblings.length} of ${count(others)}` : ""}`),
           h("ul", { class: "siblings" }, siblings.map((at) => node(threads, at, false, false)))]
        : null
    );
  }

  const broken = (words) => h("li", { class: "broken" }, h("strong", {}, "Broken link: "), words);

  function node(threads, at, isSubject, repeats) {
    const rank = threads.rank[at];
    const whose = [threads.role[at] ?? "no role", threads.lang[at], rank === null ? null : `rank ${rank}`];
    return h(
      "li",
      { class: (isSubject ? "subject" : "") + (repeats ? " repeats" : ""), "aria-current": isSubject ? "true" : null },
      h("span", { class: "who" }, whose.filter(Boolean).join(", ")),
      repeats ? h("span", { class: "why" }, " same role as its parent") : null,
      " ",
      h("code", {}, threads.id[at]),
      h("span", { class: "excerpt", dir: "auto" }, threads.excerpt[at] ?? "")
    );
  }

  // -- export ---------------------------------------------------------------------------------------------------------

  const COLUMNS = ["severity", "rule", "summary", "score", "source", "line", "message_id", "tree_id", "role", "lang",
    "created_date", "facets", "here", "beside", "fingerprint"];

  async function recordOf(row) {
    const evidence = await chunk("e", Math.floor(row / index.chunk));
    const found = evidence ? cut(evidence, row) : { facets: [], spans: [] };
    const texts = found.spans.map((span) => span.before + span.quote + span.after);
    return {
      severity: SEVERITIES[columns.severity[row]], rule: rule(row), summary: summary(row),
      score: columns.score[row] / 1000, source: word("source", row), line: columns.line[row],
      message_id: columns.id[row], tree_id: found.treeId ?? null,
      role: columns.role[row] < 0 ? null : word("role", row), lang: columns.lang[row] < 0 ? null : word("lang", row),
      created_date: found.created ?? null, facets: Object.fromEntries(found.facets),
      here: texts[0] ?? null, beside: texts.slice(1), fingerprint: fingerprint(row),
    };
  }

  /** Write a cell that a spreadsheet takes for text: one that begins like a formula gets an apostrophe. */
  function cell(value) {
    let text = value === null ? "" : typeof value === "object"
      ? Array.isArray(value) ? value.join("\n") : Object.entries(value).map(([k, v]) => `${k}=${v}`).join("; ")
      : String(value);
    if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }

  async function take(format) {
    const rows = Array.from(shown);
    const lines = new Array(rows.length);
    let done = 0;
    // In the order of chunks, so that each is unpacked once in any order of the list.
    for (const at of rows.map((_, at) => at).sort((a, b) => rows[a] - rows[b])) {
      const record = await recordOf(rows[at]);
      lines[at] = format === "csv" ? COLUMNS.map((name) => cell(record[name])).join(",") : JSON.stringify(record);
      if (++done % 5000 === 0) say(`Collecting ${count(done)} of ${count(rows.length)}`);
    }
    if (format === "csv") lines.unshift(COLUMNS.join(","));
    const all = lines.join(format === "csv" ? "\r\n" : "\n") + "\n";
    if (rows.length <= MAX_COPIED) {
      try {
        await navigator.clipboard.writeText(all);
        say(`Copied ${count(done)} findings`);
        return;
      } catch {
        // The browser refuses the clipboard: save a file.
      }
    }
    const url = URL.createObjectURL(new Blob([all], { type: format === "csv" ? "text/csv" : "application/x-ndjson" }));
    h("a", { href: url, download: `findings.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    say(`Saved ${count(done)} findings as findings.${format}`);
  }

  // -- controls -------------------------------------------------------------------------------------------------------

  function options(name, values) {
    const select = $("filter-" + name);
    const chosen = filters[name] || "";
    const known = values.some(([value]) => value === chosen);
    select.replaceChildren(
      h("option", { value: "" }, "all"),
      ...(chosen && !known ? [h("option", { value: chosen }, chosen + " (none)")] : []),
      ...values.map(([value, many]) => h("option", { value }, `${value} (${count(many)})`))
    );
    select.value = chosen;
    select.closest("label").hidden = values.length < 2 && !chosen;
  }

  /** Count each number from -1 on in a column: pairs, the most frequent first. */
  function tally(codes) {
    const counts = [];
    for (const code of codes) counts[code + 1] = (counts[code + 1] || 0) + 1;
    return counts.map((many, k) => [k - 1, many]).filter(Boolean).sort((a, b) => b[1] - a[1]);
  }

  function controls() {
    const named = (name) => tally(columns[name]).map(([code, many]) => [code < 0 ? NONE : words[name][code], many]);
    const severities = tally(columns.severity).sort((a, b) => b[0] - a[0]);
    options("severity", severities.map(([code, many]) => [SEVERITIES[code], many]));
    const checks = new Map();
    for (const [id, many] of named("rule")) checks.set(checkOf(id), (checks.get(checkOf(id)) || 0) + many);
    options("check", [...checks]);
    for (const name of ["rule", "lang", "role", "source"]) options(name, named(name));
    const facets = tally(columns.facets).map(([code, many]) => [words.facet[code], many]);
    facets.sort((a, b) => a[0].split("=")[0].localeCompare(b[0].split("=")[0]) || b[1] - a[1]);
    const isBenchmark = ([value]) => value.startsWith("benchmark=");
    options("benchmark", facets.filter(isBenchmark).map(([value, many]) => [value.slice(10), many]));
    options("facet", facets.filter((pair) => !isBenchmark(pair)));
    options("is", columns.isNew ? tally(columns.isNew).map(([code, many]) => [STATES[code + 1], many]) : []);
    $("filter-q").value = filters.q || "";
    $("filter-sort").value = filters.sort || "";
  }

  function changed() {
    for (const name of FILTERS) {
      const value = $("filter-" + name).value;
      if (value) filters[name] = value;
      else delete filters[name];
    }
    keep();
    apply();
  }

  /** Put what is shown into the address. */
  const keep = () => history.replaceState(null, "", address(open >= 0 ? "f/" + fingerprint(open) : "findings"));

  /** Show what the address selects: filters, and perhaps a finding. */
  async function follow() {
    const [where, query] = decode(location.hash.slice(1));
    const isFinding = where.startsWith("f/");
    if (!isFinding && where !== "findings" && where !== "") {
      // A link to a section of the page leaves the list as it is.
      if (Object.keys(filters).length || open >= 0) keep();
      return;
    }
    const before = JSON.stringify(filters);
    readFilters(query);
    open = isFinding ? rowOf(where.slice(2)) : -1;
    if (before !== JSON.stringify(filters)) {
      controls();
      apply();
    }
    if (!isFinding) {
      $("evidence").replaceChildren(h("p", { class: "nothing" }, "Select a finding to see its evidence."));
      draw();
      if (where === "findings") $("findings").scrollIntoView();
      return;
    }
    if (open < 0) {
      $("evidence").replaceChildren(h("h3", { tabindex: -1 }, "Not on this page"),
        h("p", {}, "No finding on this page has the fingerprint in the address. It may be fixed in the data, or did not fit on the page: see findings.parquet."));
    } else {
      const at = shown.indexOf(open);
      if (at >= 0) reach(at);
      else draw();
      await show(open);
    }
    const heading = $("evidence").querySelector("h3");
    if (!heading) return;
    heading.focus({ preventScroll: true });
    const box = $("evidence").getBoundingClientRect();
    if (box.top < 0 || box.top > innerHeight * 0.6) $("evidence").scrollIntoView({ block: "start" });
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inField = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    const inList = $("rows").contains(event.target);
    const page = Math.max(1, Math.floor($("list").clientHeight / height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -n, End: n };
    if (inList && event.key in steps) {
      go(active + steps[event.key]);
    } else if (event.key === "/" && !inField) {
      $("filter-q").focus();
    } else if ((event.key === "n" || event.key === "p") && !inField && shown.length) {
      const at = shown.indexOf(open);
      const to = at < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, at + (event.key === "n" ? 1 : -1)));
      location.hash = linkTo(shown[to]);
    } else if (event.key === "Escape" && $("evidence").contains(event.target)) {
      toList();
    } else {
      return;
    }
    event.preventDefault();
  }

  function measure() {
    height = ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  function listen() {
    $("filters").addEventListener("input", changed);
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    $("clear").addEventListener("click", () => {
      for (const name of FILTERS) $("filter-" + name).value = "";
      changed();
      $("filter-q").focus();
    });
    $("copy-csv").addEventListener("click", () => take("csv"));
    $("copy-jsonl").addEventListener("click", () => take("jsonl"));
    $("list").addEventListener("scroll", () => requestAnimationFrame(draw));
    $("rows").addEventListener("focusin", (event) => {
      active = Number(event.target.dataset.at);
      // Not redrawn: a click must end on the element that it began on.
      rove();
    });
    addEventListener("resize", () => {
      measure();
      update(false);
    });
    addEventListener("hashchange", follow);
    document.addEventListener("keydown", keys);
  }

  async function start() {
    try {
      index = await unpack("index");
    } catch (error) {
      say("This browser could not unpack the findings: see findings.parquet next to this page.");
      throw error;
    }
    ({ columns, words } = index);
    for (const name of ["lang", "role", "source"]) words[name] = words[name].map((word) => (word === "" ? EMPTY : word));
    n = columns.severity.length;
    facetStarts = new Uint32Array(n + 1);
    for (let row = 0; row < n; row++) facetStarts[row + 1] = facetStarts[row] + columns.nFacets[row];
    if (n) {
      measure();
      listen();
      controls();
      apply();
      await follow();
    } else {
      for (const part of $("explorer").children) part.hidden = part !== $("status");
      say($("status").dataset.nothing);
    }
    document.documentElement.dataset.ready = Math.round(performance.now());
  }

  start();
})();
