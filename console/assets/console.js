// Makes pages smoother; every one of them works without it.
(() => {
  "use strict";
  const main = document.getElementById("main");
  const news = document.getElementById("news");
  const stale = document.getElementById("stale");
  if (!main || !news || !stale) return;

  // What a reader chose is kept by the browser, where it keeps anything.
  const kept = (store, name) => { try { return window[store].getItem(name); } catch { return null; } };
  const keep = (store, name, value) => { try { window[store].setItem(name, value); } catch { /* Then for this page. */ } };

  // Times in the reader's own zone, by the server's clock. `moments.rs` says the same in UTC.
  let ahead = 0;
  const setClock = (page) => { const at = Date.parse(page.body.dataset.now); if (!Number.isNaN(at)) ahead = at - Date.now(); };
  const now = () => new Date(Date.now() + ahead);
  const inEnglish = (at, options) => at.toLocaleDateString("en-US", options);
  const sameDay = (a, b) => a.toDateString() === b.toDateString();
  const two = (number) => String(number).padStart(2, "0");
  const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;
  const onDay = (at) => `${at.getDate()} ${inEnglish(at, { month: "short" })} ${clock(at)}`;
  const span = (minutes) => {
    if (minutes < 60) return `${minutes} min`;
    return minutes < 1440 ? `${Math.trunc(minutes / 60)} h ${two(minutes % 60)} min` : `${Math.trunc(minutes / 1440)} days`;
  };
  const words = {
    ago: (at) => {
      const minutes = Math.trunc((now() - at) / 60000);
      if (minutes < -1) return `in ${span(-minutes)}`;
      if (minutes < 1) return "just now";
      if (minutes < 1440) return `${span(minutes)} ago`;
      const yesterday = now();
      yesterday.setDate(yesterday.getDate() - 1);
      return sameDay(at, yesterday) ? `yesterday ${clock(at)}` : onDay(at);
    },
    since: (at) => (sameDay(at, now()) ? clock(at) : onDay(at)),
    clock: (at) => `${clock(at)}:${two(at.getSeconds())}`,
    day: (at) => `${inEnglish(at, { weekday: "long" })}, ${at.getDate()} ${inEnglish(at, { month: "long" })} ${at.getFullYear()}`,
  };
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const write = (root, kinds) => {
    for (const kind of kinds) {
      for (const time of root.querySelectorAll(`time[data-${kind}]`)) {
        const at = new Date(time.dateTime);
        if (Number.isNaN(at.getTime())) continue;
        const said = words[kind](at);
        if (time.textContent !== said) time.textContent = said;
        if (kind !== "day") time.title = `${words.day(at)} ${words.clock(at)} ${zone}`;
      }
    }
  };
  // A day begins at midnight where the reader is.
  const regroup = (root) => {
    const heads = Array.from(root.querySelectorAll("h3 > time[data-day]"), (time) => time.parentElement);
    const lists = heads.map((head) => head.nextElementSibling);
    if (heads.length === 0 || lists.some((list) => !list || !list.matches(".timeline"))) return;
    const entries = lists.flatMap((list) => Array.from(list.children));
    const place = heads[0].ownerDocument.createComment("");
    heads[0].before(place);
    let day = null, list = null;
    for (const part of [...heads, ...lists]) part.remove();
    for (const entry of entries) {
      const time = entry.querySelector("time[data-clock]") || (list ? null : heads[0].querySelector("time"));
      const at = time && new Date(time.dateTime);
      if (at && (!day || !sameDay(at, day))) {
        const head = heads[0].cloneNode(true);
        head.querySelector("time").dateTime = at.toISOString();
        list = lists[0].cloneNode(false);
        list.replaceChildren();
        place.before(head, list);
        day = at;
      }
      list.append(entry);
    }
    place.remove();
  };
  // On a phone each cell says of which column it is.
  const label = (root) => {
    for (const table of root.querySelectorAll("table.rows")) {
      const columns = Array.from(table.querySelectorAll("thead th"), (head) => (head.querySelector(".unseen") ? "" : head.textContent));
      for (const row of table.querySelectorAll("tbody tr, tfoot tr")) {
        let at = 0;
        for (const cell of row.cells) {
          if (cell.colSpan === 1 && columns[at] && cell.tagName === "TD") cell.dataset.label = columns[at];
          at += cell.colSpan;
        }
      }
    }
  };
  const prepare = (root) => { regroup(root); write(root, Object.keys(words)); label(root); };
  setClock(document);
  prepare(document);
  setInterval(() => write(document, ["ago", "since"]), 30000);
  document.getElementById("zone").textContent = `Times are ${zone}`;

  // What became of an act is read out, and read on from there.
  const outcome = document.getElementById("said");
  if (outcome.textContent.trim() && document.activeElement === document.body) outcome.focus({ preventScroll: true });

  // A form that was sent is not sent again by a second click.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    }
  });

  // Rows, and the one that the keys are at.
  let current = null;
  const rows = () => Array.from(main.querySelectorAll("[data-row]"));
  const keyOf = (row) => {
    if (row.dataset.row) return row.dataset.row;
    const parked = row.querySelector("[name=attention_id]"), link = row.querySelector("a[href]"), time = row.querySelector("time");
    if (parked) return parked.value;
    const name = link ? link.getAttribute("href") : (row.querySelector("strong, p") || row).textContent;
    return `${name} ${time ? time.dateTime : ""}`;
  };
  const currentRow = () => document.activeElement?.closest("[data-row]") || rows().find((row) => current !== null && keyOf(row) === current);
  const markCurrent = () => { const at = current !== null && currentRow(); for (const row of rows()) row.classList.toggle("at", row === at); };
  const move = (by) => {
    const all = rows();
    if (all.length === 0) return;
    const next = all[Math.min(all.length - 1, Math.max(0, all.indexOf(currentRow()) + by))];
    current = keyOf(next);
    const link = next.querySelector("a, summary, button");
    if (link) link.focus({ preventScroll: true });
    markCurrent();
    next.scrollIntoView({ block: "nearest" });
  };

  // What is being read, pointed at or filled in stays as it is.
  const isInUse = (part) => part.matches(":hover") || part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
  const entriesOf = (part) => Array.from(part.querySelectorAll("[data-row], .timeline > li"));
  const newIn = (part, newer) => {
    const known = new Set(entriesOf(part).map(keyOf));
    return entriesOf(newer).filter((row) => !known.has(keyOf(row)));
  };
  // A part without what differs each time it is read: how long ago something was, and the marks of this script.
  const settled = (part) => {
    const copy = part.cloneNode(true);
    for (const time of copy.querySelectorAll("time")) { time.textContent = ""; time.removeAttribute("title"); }
    for (const field of copy.querySelectorAll("input[name=request_id]")) field.remove();
    for (const fold of copy.querySelectorAll("details")) fold.removeAttribute("open");
    for (const form of copy.querySelectorAll("form")) form.removeAttribute("data-sent");
    for (const button of copy.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    for (const row of [copy, ...copy.querySelectorAll("[class]")]) {
      row.classList.remove("fresh", "at");
      if (row.classList.length === 0) row.removeAttribute("class");
    }
    return copy;
  };
  const replace = (part, newer, withChildrenOnly) => {
    for (const row of newIn(part, newer)) row.classList.add("fresh");
    const added = document.importNode(newer, true);
    if (withChildrenOnly) part.replaceChildren(...added.childNodes); else part.replaceWith(added);
  };
  // What was open, half-written and pointed at by the keyboard is so again, where it is still there.
  let lastFocus = "";
  main.addEventListener("focusin", (event) => { lastFocus = event.target.id; });
  const keepingPlace = (change) => {
    const open = Array.from(main.querySelectorAll("details[open][id]"), (fold) => fold.id);
    const isWritten = (field) => field.id && (field.tagName === "SELECT" ? Array.from(field.options).some((option) => option.selected !== option.defaultSelected) : field.value !== field.defaultValue);
    const written = Array.from(main.querySelectorAll("input:not([type=hidden]), textarea, select")).filter(isWritten).map((field) => [field.id, field.value]);
    const here = document.activeElement, was = here && main.contains(here) ? here.id : lastFocus;
    change();
    for (const id of open) { const fold = document.getElementById(id); if (fold) fold.open = true; }
    for (const [id, value] of written) { const field = document.getElementById(id); if (field) field.value = value; }
    markCurrent();
    if (here && here.isConnected && here !== document.body) return;
    const field = was && document.getElementById(was), row = currentRow();
    (field || (row && row.querySelector("a, summary, button")) || main).focus({ preventScroll: true });
  };
  let wanted = null;
  const showNews = (count) => {
    const said = count > 0 ? `${count} new. Show ${count === 1 ? "it" : "them"}` : "There is news. Show it";
    if (news.textContent === said) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = said;
    button.addEventListener("click", () => {
      const newer = wanted;
      if (newer) keepingPlace(() => take(newer, true));
    });
    news.replaceChildren(button);
  };
  const take = (newer, evenInUse) => {
    let held = [];
    const parts = (page) => Array.from(page.querySelectorAll("[data-part]"));
    for (const part of parts(document)) {
      const other = newer.getElementById(part.id);
      if (!other || settled(other).isEqualNode(settled(part))) continue;
      if (!evenInUse && isInUse(part)) held.push([part, other]); else replace(part, other, false);
    }
    // What is there only now, or not any more.
    const ids = (page) => parts(page).map((part) => part.id).join();
    if (ids(document) !== ids(newer)) {
      const other = newer.getElementById("main");
      if (!evenInUse && isInUse(main)) held = [[main, other]]; else { replace(main, other, true); held = []; }
    }
    for (const id of ["rail", "icon"]) {
      const mine = document.getElementById(id), theirs = newer.getElementById(id);
      const isKnown = newer.querySelector(".badge.unknown") === null;
      if (isKnown && theirs && mine.outerHTML !== theirs.outerHTML && !mine.contains(document.activeElement)) mine.replaceWith(document.importNode(theirs, true));
    }
    markCurrent();
    wanted = held.length > 0 ? newer : null;
    if (wanted) showNews(held.reduce((sum, [part, other]) => sum + newIn(part, other).length, 0)); else news.replaceChildren();
  };

  // Kept up to date; where it is not, the page says so.
  const TOO_LONG_MS = 20000, AGAIN_MS = 60000, AFRESH_MS = 300000;
  const live = document.querySelector("[data-part]") ? document.body.dataset.live : null;
  const pause = document.getElementById("pause");
  let source = null, isOpen = false, isPaused = kept("sessionStorage", "waybill-paused") === "yes";
  let good = now(), fetching = false, again = false, timer = null;
  const notice = (before, at, link) => {
    const shown = stale.firstElementChild;
    if (shown && shown.dataset.before === before) {
      const time = shown.querySelector("time");
      if (time && at) { time.dateTime = at.toISOString(); write(shown, ["since"]); }
      return;
    }
    const said = document.createElement("p");
    said.className = isPaused ? "said" : "said refusal";
    said.dataset.before = before;
    said.append(before);
    if (at) {
      const time = document.createElement("time");
      time.dateTime = at.toISOString();
      time.dataset.since = "";
      said.append(" ", time);
      write(said, ["since"]);
    }
    if (link) said.append(" ", link);
    stale.replaceChildren(said);
  };
  const isGood = () => { good = now(); if (isOpen) stale.replaceChildren(); };
  const isLost = () => { if (!isPaused) notice("Not kept up to date since", good); };
  const forget = () => { clearTimeout(timer); timer = null; };
  const wait = (ms, what) => { forget(); timer = setTimeout(() => { timer = null; what(); }, ms); };
  const leave = () => { forget(); if (source) source.close(); source = null; isOpen = false; };
  const signedOut = () => {
    leave();
    const link = document.createElement("a");
    link.href = location.pathname + location.search;
    link.textContent = "Sign in";
    notice("Signed out.", null, link);
  };
  const refresh = async () => {
    if (fetching) { again = true; return; }
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.redirected && new URL(answer.url).pathname.startsWith("/console/sign-in")) signedOut();
      else if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      else {
        const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (!isPaused) {
          setClock(newer);
          prepare(newer);
          take(newer, false);
          isGood();
        }
      }
    } catch {
      isLost();
      if (source) wait(AGAIN_MS, refresh);
    }
    fetching = false;
    if (again) { again = false; setTimeout(refresh, 1000); }
  };
  const follow = () => {
    if (source || isPaused || document.hidden) return;
    source = new EventSource(live);
    source.addEventListener("open", () => { forget(); isOpen = true; isGood(); });
    source.addEventListener("changed", refresh);
    source.addEventListener("error", async () => {
      if (isOpen) good = now();
      isOpen = false;
      // The browser tries again by itself, every few seconds.
      if (source && source.readyState === EventSource.CONNECTING) { if (!timer) wait(TOO_LONG_MS, isLost); return; }
      leave();
      wait(AGAIN_MS, follow);
      await refresh();
      if (!source && !stale.firstElementChild) isLost();
    });
  };
  const showPaused = () => {
    pause.textContent = isPaused ? "Resume updates" : "Pause updates";
    if (isPaused) notice("Updates are paused since", now()); else stale.replaceChildren();
  };
  if (live) {
    pause.hidden = false;
    if (isPaused) showPaused();
    pause.addEventListener("click", () => {
      isPaused = !isPaused;
      keep("sessionStorage", "waybill-paused", isPaused ? "yes" : "no");
      showPaused();
      if (isPaused) leave(); else { follow(); refresh(); }
    });
    follow();
    setInterval(() => { if (!document.hidden && !isPaused) refresh(); }, AFRESH_MS);
    // A page that nobody looks at takes nobody's place.
    const comeBack = () => { if (!isPaused) { follow(); refresh(); } };
    document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); else comeBack(); });
    addEventListener("pagehide", leave);
    addEventListener("pageshow", (event) => { if (event.persisted) comeBack(); });
  }

  // Keys. Whoever speaks to the machine, or meets them by accident, turns the single ones off.
  const help = document.getElementById("help"), keys = document.getElementById("keys"), showHelp = document.getElementById("show-help");
  keys.checked = kept("localStorage", "waybill-keys") !== "off";
  keys.addEventListener("change", () => keep("localStorage", "waybill-keys", keys.checked ? "on" : "off"));
  showHelp.hidden = false;
  showHelp.addEventListener("click", () => help.showModal());
  let after = "";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.matches("input, textarea, select")) { if (event.key === "Escape") event.target.blur(); return; }
    if (!keys.checked && event.key !== "Escape") return;
    const key = after + event.key;
    after = event.key === "g" ? "g" : "";
    switch (key) {
      case "/": { const field = document.getElementById("search"); field.focus(); field.select(); break; }
      case "j": move(1); break;
      case "k": move(-1); break;
      case "r": {
        // Of the row that the keys are at; of the page, where no row has it.
        const scope = main.querySelector('[data-row] [data-key="r"]') ? currentRow() : main;
        const retry = scope && scope.querySelector('[data-key="r"]');
        if (!retry) return;
        if (retry.href) { location.href = retry.href; break; }
        retry.parentElement.open = true;
        const field = retry.parentElement.querySelector("input:not([type=hidden])");
        if (field) field.focus();
        break;
      }
      case "?": help.showModal(); break;
      case "go": location.href = "/console/orders"; break;
      case "ga": location.href = "/console/attention"; break;
      case "gs": location.href = "/console/stock"; break;
      case "Escape": { const open = document.activeElement && document.activeElement.closest("details[open]"); if (!open) return; open.open = false; open.querySelector("summary").focus(); break; }
      default: return;
    }
    event.preventDefault();
  });
})();
