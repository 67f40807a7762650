"use strict";
// Draws the timelines, tells what is pointed at, and filters. It asks for nothing: all that it shows is in the page.
(async () => {
  const byId = (id) => document.getElementById(id);
  const tip = byId("tip"), live = byId("live");
  const packed = Uint8Array.from(atob(byId("data").textContent), (c) => c.charCodeAt(0));
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(inflated).text());

  // ---- Words ----
  const TIERS = ["daily", "weekly", "monthly", "yearly"];
  const DAYS = { m: "met", M: "missed", u: "unknown", n: "nothing promised" };
  const utc = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  const dates = (place) => new Date((data.from + place * 86400) * 1000).toISOString().slice(0, 10);
  const size = (bytes) => {
    if (bytes === null) return "size not known";
    let unit = -1;
    for (; bytes >= 1024 && unit < 4; unit++) bytes /= 1024;
    return unit < 0 ? `${bytes} B` : `${bytes.toFixed(1)} ${["KiB", "MiB", "GiB", "TiB", "PiB"][unit]}`;
  };
  const lasting = (seconds) => {
    const minutes = Math.round(seconds / 60);
    if (seconds < 600) return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
    return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
  };

  // ---- Elements ----
  const SVG = "http://www.w3.org/2000/svg";
  const svg = (name, attributes, ...children) => put(document.createElementNS(SVG, name), attributes, children);
  const html = (name, attributes, ...children) => put(document.createElement(name), attributes, children);
  const put = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // ---- Ids: a ULID of the session's time, with a hash of the session and the TableId ----
  const K = [], primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  const bits = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
  for (const prime of primes) K.push(bits(Math.cbrt(prime)));
  const sha256 = (text) => {
    const length = text.length, words = new Uint32Array(((length + 8) >> 6) * 16 + 16);
    for (let i = 0; i <= length; i++) words[i >> 2] |= (i < length ? text.charCodeAt(i) : 0x80) << (24 - (i % 4) * 8);
    words[words.length - 1] = length * 8;
    const hash = primes.slice(0, 8).map((prime) => bits(Math.sqrt(prime))), w = new Int32Array(64);
    const turn = (x, n) => (x >>> n) | (x << (32 - n));
    for (let block = 0; block < words.length; block += 16) {
      let [a, b, c, d, e, f, g, h] = hash;
      for (let i = 0; i < 64; i++) {
        if (i < 16) w[i] = words[block + i];
        else {
          const p = w[i - 15], q = w[i - 2];
          w[i] = w[i - 16] + w[i - 7] + (turn(p, 7) ^ turn(p, 18) ^ (p >>> 3)) + (turn(q, 17) ^ turn(q, 19) ^ (q >>> 10));
        }
        const t1 = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
        const t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((part, i) => (hash[i] = (hash[i] + part) | 0));
    }
    return hash;
  };
  const idOf = (session, table) => {
    const hash = sha256(`${session}|${table}`);
    let low = (BigInt(hash[1] & 0xffff) << 64n) | (BigInt(hash[2] >>> 0) << 32n) | BigInt(hash[3] >>> 0), text = "";
    for (let i = 0; i < 16; i++, low >>= 5n) text = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[Number(low & 31n)] + text;
    return session.slice(0, 10) + text;
  };

  // ---- Restore points ----
  const pointsOf = (table, chain) => {
    let session = 0;
    return chain.s.map((step, i) => {
      session += step;
      const [sid, slot] = data.sessions[session], [state, flags, kept, held, suspect] = data.kinds[chain.p[i]];
      const gone = chain.gone?.[i];
      return {
        get id() { return chain.ids?.[i] ?? idOf(sid, table.id); },
        kind: chain.kind, state, held, suspect, slot, session: sid, bytes: chain.b[i],
        created: chain.c[i] === null ? null : slot + chain.c[i],
        gone: gone === undefined ? null : slot + gone,
        flags: flags.map(([tier, from, until]) => ({ tier, slot: slot + from, lapses: slot + until, live: slot + until > data.at })),
        kept: kept.map((word) => data.words[word]),
        notes: (chain.notes?.[i] ?? []).map((word) => data.words[word]),
      };
    });
  };
  const isPast = (point) => ["deleted", "failed", "dropped"].includes(point.state);
  const flagText = (flag) => `${TIERS[flag.tier]} of ${utc(flag.slot)}, ${flag.live ? "lapses" : "lapsed"} ${utc(flag.lapses)}`;
  const keptText = (point) => {
    if (isPast(point)) return "";
    const live = point.flags.filter((flag) => flag.live).map((flag) => `its ${TIERS[flag.tier]} flag`);
    const by = [...live, ...point.kept];
    return by.length ? `kept by: ${by.join(", ")}` : "outdated: the next retention run removes it";
  };
  const tell = (point) => [
    point.id,
    `${point.kind}${point.created === null ? ` of the slot ${utc(point.slot)}` : ` of ${utc(point.created)}`}, ${size(point.bytes)}, ${point.state}`,
    ...point.flags.map(flagText),
    keptText(point),
    point.gone === null ? "" : `seen to be gone ${utc(point.gone)}`,
    ...point.notes,
  ].filter(Boolean);

  // ---- The tip ----
  let shown;
  const placeTip = () => {
    const box = shown.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(12, box.left + box.width / 2 - own.width / 2), Math.max(12, innerWidth - own.width - 12));
    const below = box.bottom + 10 + own.height < innerHeight;
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? box.bottom + 10 : Math.max(4, box.top - own.height - 10)}px`;
  };
  const show = (lines, of) => {
    tip.replaceChildren(...lines.map((line) => html("p", {}, line)));
    tip.hidden = false;
    shown = of;
    placeTip();
  };
  const hide = () => { tip.hidden = true; };
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", () => { if (!tip.hidden) placeTip(); }, { passive: true });

  // ---- Days ----
  const expand = (runs) => runs.split(" ").flatMap((run) => Array(Number(run.slice(1))).fill(run[0]));
  const rows = [...document.querySelectorAll(".heat tr[data-i]")];
  rows.forEach((row, number) => {
    const picture = row.querySelector("svg"), table = data.tables[row.dataset.i];
    const chains = table.days.map(expand), length = chains[0].length;
    const mark = svg("rect", { class: "day", width: 10, height: 20, y: 0, visibility: "hidden" });
    let at = length - 1;
    picture.append(mark);
    picture.setAttribute("tabindex", number ? -1 : 0);
    const point = (place, isKey) => {
      at = Math.min(length - 1, Math.max(0, place));
      mark.setAttribute("x", at * 10);
      mark.setAttribute("visibility", "visible");
      const lines = [`${table.name}, ${dates(at)}`, `backups: ${DAYS[chains[0][at]]}`];
      table.targets.forEach((target, i) => lines.push(`copies in ${target}: ${DAYS[chains[i + 1][at]]}`));
      if (table.tested[at]) lines.push(`restores that ended well: ${table.tested[at]}`);
      show(lines, mark);
      if (isKey) live.textContent = lines.join(". ");
    };
    const leave = () => { mark.setAttribute("visibility", "hidden"); hide(); };
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      point(Math.floor(((event.clientX - box.left) / box.width) * length), false);
    });
    picture.addEventListener("pointerleave", leave);
    picture.addEventListener("focus", () => point(at, true));
    picture.addEventListener("blur", leave);
    picture.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -length, End: length }[event.key];
      const other = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (step) point(at + step, true);
      const next = other && rows.filter((row) => !row.hidden);
      const to = next && next[next.indexOf(row) + other]?.querySelector("svg");
      if (to) {
        picture.setAttribute("tabindex", -1);
        to.setAttribute("tabindex", 0);
        to.focus();
      }
      if (step || other) event.preventDefault();
    });
  });

  // ---- Timelines ----
  const SHAPES = {
    0: ["circle", { r: 4 }], 1: ["path", { d: "M0-5.5L5.5 0 0 5.5-5.5 0z" }],
    2: ["path", { d: "M-4.5-4.5h9v9h-9z" }], 3: ["path", { d: "M0-6L6 4.5H-6z" }],
    manual: ["path", { d: "M-2-5.5h4v3.5h3.5v4H2v3.5h-4V2h-3.5v-4H-2z" }],
  };
  const CLASSES = ["d", "w", "m", "y"];
  const LANE = 20;

  const shapes = (point, lanes) => {
    if (point.kind === "manual" && !isPast(point)) return [[lanes.indexOf("manual"), ...SHAPES.manual, "h"]];
    const flags = point.flags.length ? point.flags : [{ tier: lanes[0] ?? 0, live: false }];
    return flags.map((flag) => {
      const lane = Math.max(0, lanes.indexOf(point.kind === "manual" ? "manual" : flag.tier));
      if (point.state === "failed") return [lane, "path", { d: "M-4-4l8 8M4-4l-8 8" }, "x"];
      if (isPast(point)) return [lane, "circle", { r: 2 }, "g"];
      if (point.state !== "available") return [lane, "circle", { r: 4 }, "r"];
      return [lane, ...SHAPES[flag.tier], `${CLASSES[flag.tier]}${flag.live ? "" : " off"}`];
    });
  };

  const monthsAnd = (width) => {
    const days = Math.max(1, (data.to - data.from) / 86400), step = Math.ceil((days * 64) / width), ticks = [];
    for (let place = 0; place < days - step / 4; place += step) ticks.push(data.from + place * 86400);
    return ticks;
  };

  const drawChain = (table, chain, width) => {
    const points = pointsOf(table, chain).filter((point) => point.state !== "dropped");
    const when = (point) => point.created ?? point.slot;
    const inside = points.filter((point) => when(point) >= data.from && when(point) <= data.to);
    const older = points.filter((point) => when(point) < data.from && !isPast(point)).length;
    const lanes = [...new Set(points.flatMap((point) => (point.kind === "manual" ? ["manual"] : point.flags.map((flag) => flag.tier))))]
      .sort((a, b) => (b === "manual" ? -1 : a === "manual" ? 1 : b - a));
    if (!lanes.length) lanes.push(0);
    const left = width < 520 ? 58 : 84, right = 10, top = 6, span = width - left - right;
    const height = top + lanes.length * LANE + 20;
    const x = (seconds) => left + (span * (seconds - data.from)) / Math.max(1, data.to - data.from);
    const y = (lane) => top + lane * LANE + LANE / 2;
    const label = `${chain.kind === "copy" ? "copies" : chain.kind === "manual" ? "manual backups" : "backups"} of ${table.name} in ${chain.vault}`;
    const picture = svg("svg", { class: "chain", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
    for (const tick of monthsAnd(span)) {
      picture.append(svg("path", { class: "grid", d: `M${x(tick).toFixed(1)} ${top}v${lanes.length * LANE}` }));
      const date = new Date(tick * 1000);
      picture.append(svg("text", { x: x(tick) + 2, y: height - 5, "aria-hidden": true },
        `${date.getUTCDate()} ${date.toLocaleString("en-GB", { month: "short", timeZone: "UTC" })}`));
    }
    // The days on which the objective was missed.
    const row = chain.kind === "copy" ? table.targets.indexOf(chain.vault) + 1 : 0;
    if (chain.kind !== "manual" && table.days[row]) {
      let place = 0;
      for (const run of table.days[row].split(" ")) {
        const count = Number(run.slice(1));
        if (run[0] === "M") {
          const from = x(data.from + place * 86400), until = Math.min(width - right, x(data.from + (place + count) * 86400));
          picture.append(svg("rect", { class: "late", x: from, y: top, width: Math.max(2, until - from), height: lanes.length * LANE, fill: "url(#gap)" }));
        }
        place += count;
      }
    }
    lanes.forEach((lane, i) => {
      picture.append(svg("path", { class: "lane", d: `M${left} ${y(i)}h${span}` }));
      picture.append(svg("text", { x: left - 10, y: y(i) + 4, "text-anchor": "end", "aria-hidden": true }, lane === "manual" ? "manual" : TIERS[lane]));
    });
    const marks = [];
    for (const point of inside) {
      const at = x(when(point)), drawn = shapes(point, lanes), rows = drawn.map(([lane]) => lane);
      const [first, last] = [Math.min(...rows), Math.max(...rows)];
      const mark = svg("g", { class: "point", role: "img", tabindex: marks.length ? -1 : 0, transform: `translate(${at.toFixed(1)} 0)` });
      mark.append(svg("rect", { class: "hit", x: -8, y: y(first) - 9, width: 16, height: y(last) - y(first) + 18, rx: 8 }));
      if (last > first) mark.append(svg("path", { class: "join", d: `M0 ${y(first)}V${y(last)}` }));
      for (const [lane, name, attributes, look] of drawn) {
        const shape = svg(name, { ...attributes, class: look, transform: `translate(0 ${y(lane)})` });
        mark.append(shape);
      }
      if (point.held) mark.append(svg("circle", { class: "k", r: 7.5, cy: y(first) }));
      if (point.suspect) mark.append(svg("text", { class: "s", "text-anchor": "middle", y: y(first) - 6 }, "?"));
      const lines = tell(point);
      mark.setAttribute("aria-label", lines.join(". "));
      const enter = () => show(lines, mark.querySelector(".hit"));
      mark.addEventListener("pointerenter", enter);
      mark.addEventListener("pointerleave", hide);
      mark.addEventListener("focus", enter);
      mark.addEventListener("blur", hide);
      marks.push(mark);
    }
    picture.addEventListener("keydown", (event) => {
      const now = marks.indexOf(document.activeElement);
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -marks.length, End: marks.length }[event.key];
      if (now < 0 || !step) return;
      const next = marks[Math.min(marks.length - 1, Math.max(0, now + step))];
      marks[now].setAttribute("tabindex", -1);
      next.setAttribute("tabindex", 0);
      next.focus();
      event.preventDefault();
    });
    picture.append(...marks);
    const there = points.filter((point) => point.state === "available").length;
    const more = older ? `, ${older} of them older than what is drawn` : "";
    const heading = html("h3", {}, `${label[0].toUpperCase()}${label.slice(1).split(" of ")[0]} in ${chain.vault}`,
      html("span", {}, `, ${there} available${more}`));
    return html("div", {}, heading, picture, listOf(points, label));
  };

  const rowsInto = (body, heading, lines) => {
    const head = html("tr", {}, ...heading.map((name) => html("th", { scope: "col" }, name)));
    const tail = lines.map((cells) => html("tr", {}, ...cells.map((cell, i) => html(i ? "td" : "th", i ? {} : { scope: "row" }, cell))));
    body.replaceChildren(html("table", { class: "data" }, html("thead", {}, head), html("tbody", {}, ...tail)));
  };

  const listOf = (points, label) => {
    const body = html("div", { class: "wide", role: "region", tabindex: 0, "aria-label": label });
    const list = html("details", {}, html("summary", {}, "These restore points as a table"), body);
    list.addEventListener("toggle", () => {
      if (!list.open || body.childElementCount) return;
      const cells = (point) => [point.id, point.created === null ? "-" : utc(point.created), point.state, size(point.bytes),
        point.flags.map(flagText).join("; ") || "-", [keptText(point), ...point.notes].filter(Boolean).join("; ") || "-"];
      rowsInto(body, ["Restore point", "Created (UTC)", "State", "Size", "Flags (UTC)", "Why"], points.map(cells));
    });
    return list;
  };

  const lines = [...document.querySelectorAll(".line")];
  const draw = (line) => {
    const table = data.tables[line.dataset.i], place = line.querySelector(".draw"), width = Math.floor(place.clientWidth);
    if (!line.open || !width || place.dataset.width === String(width)) return;
    place.dataset.width = String(width);
    const chains = table.chains.map((chain) => drawChain(table, chain, width));
    place.replaceChildren(...(chains.length ? chains : [html("p", {}, "No restore point of it is recorded.")]));
  };
  for (const line of lines) {
    line.addEventListener("toggle", () => draw(line));
    draw(line);
  }
  let resized;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => lines.forEach(draw), 100); });
  const follow = () => {
    const line = /^#t\d+$/.test(location.hash) && byId(location.hash.slice(1));
    if (!line) return;
    line.open = true;
    draw(line);
    line.scrollIntoView();
    line.querySelector("summary").focus();
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => { if (event.target.closest?.("a")?.getAttribute("href") === location.hash) follow(); });
  follow();

  // ---- The filter ----
  const find = byId("find");
  document.querySelector(".filter").hidden = lines.length < 2;
  find.addEventListener("input", () => {
    const wanted = find.value.toLowerCase();
    const is = (element) => data.tables[element.dataset.i].name.toLowerCase().includes(wanted);
    for (const element of [...rows, ...lines]) element.hidden = !is(element);
    byId("found").textContent = `${lines.filter((line) => !line.hidden).length} of ${lines.length}`;
  });

  // ---- Tables of data, made when they are opened ----
  const listWhenOpened = (id, label, heading, lines) => {
    const list = byId(id);
    list?.addEventListener("toggle", () => {
      const body = list.querySelector(".rows");
      if (!list.open || body.childElementCount) return;
      const wide = html("div", { class: "wide", role: "region", tabindex: 0, "aria-label": label });
      rowsInto(wide, heading, lines());
      body.append(wide);
    });
  };
  listWhenOpened("all-sessions", "All sessions",
    ["Session", "Policy", "Set off by", "Slot (UTC)", "Started (UTC)", "Took", "Ended as", "Restore points"],
    () => data.sessions.filter(([, , start]) => start >= data.from && start <= data.to).reverse()
      .map(([id, slot, start, end, status, policy, trigger, planned, available]) =>
        [id, policy || "-", trigger, utc(slot), utc(start), end ? lasting(end - start) : "-", status, `${available} of ${planned}`]));

  const ranges = (days, is) => {
    const runs = [];
    days.forEach((day, place) => {
      if (!is(day, place)) return;
      if (runs.length && runs.at(-1)[1] === place - 1) runs.at(-1)[1] = place;
      else runs.push([place, place]);
    });
    return runs.map(([first, last]) => (first === last ? dates(first) : `${dates(first)} to ${dates(last)}`)).join(", ") || "-";
  };
  const daysOf = (table) => table.days.map(expand).map((days, chain) => {
    const many = (letter) => days.filter((day) => day === letter).length;
    const tested = chain ? "" : ranges(days, (_, place) => table.tested[place]);
    return [table.name, table.policy || "-", chain ? `copies in ${table.targets[chain - 1]}` : "backups", table.may_be[chain ? 1 : 0],
      many("m"), many("M"), many("u"), ranges(days, (day) => day === "M"), ranges(days, (day) => day === "u"), tested];
  });
  listWhenOpened("all-days", "The days as a table",
    ["Table", "Policy", "Chain", "May be", "Met", "Missed", "Unknown", "Days missed", "Days unknown", "Restores tested"],
    () => data.tables.flatMap(daysOf));

  document.documentElement.dataset.ready = "true";
})();
