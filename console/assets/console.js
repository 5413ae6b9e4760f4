// Makes pages smoother; every one of them works without it.
(() => {
  "use strict";
  const main = document.getElementById("main");
  const news = document.getElementById("news");

  // Times in the reader's own zone.
  const sameDay = (a, b) => a.toDateString() === b.toDateString();
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
      if (time.hasAttribute("data-clock")) time.textContent = at.toLocaleTimeString(undefined, { hour12: false });
      if (time.hasAttribute("data-day")) time.textContent = at.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
    }
  };
  const zone = document.getElementById("zone");
  if (zone) zone.textContent = `Point at a time to see it in ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
  localise(document);

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

  // What is being read, pointed at or filled in stays as it is.
  const isInUse = (part) => part.matches(":hover") || part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
  let fetching = false, again = false, wanted = null;

  const rowsOf = (part) => new Set(Array.from(part.querySelectorAll("[data-row]"), (row) => row.textContent));
  const replace = (part, newer) => {
    const known = rowsOf(part);
    const added = document.importNode(newer, true);
    localise(added);
    for (const row of added.querySelectorAll("[data-row]")) if (!known.has(row.textContent)) row.classList.add("fresh");
    part.replaceWith(added);
  };
  const take = (newer, evenInUse) => {
    let held = false;
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = newer.getElementById(part.id);
      if (!other || other.isEqualNode(part)) continue;
      const before = part.textContent.replace(/\s+/g, " ");
      if (other.textContent.replace(/\s+/g, " ") === before && part.children.length === other.children.length) continue;
      if (!evenInUse && isInUse(part)) held = true; else replace(part, other);
    }
    // What is there only now, or not any more.
    const ids = (root) => Array.from(root.querySelectorAll("[data-part]"), (part) => part.id).join();
    if (ids(document) !== ids(newer)) {
      if (!evenInUse && isInUse(main)) held = true;
      else { main.replaceChildren(...document.importNode(newer.getElementById("main"), true).childNodes); localise(main); }
    }
    for (const id of ["rail", "icon"]) {
      const mine = document.getElementById(id), theirs = newer.getElementById(id);
      if (mine && theirs && mine.outerHTML !== theirs.outerHTML && !mine.contains(document.activeElement)) mine.replaceWith(document.importNode(theirs, true));
    }
    wanted = held ? newer : null;
    news.hidden = !held;
  };
  const refresh = async () => {
    if (fetching) { again = true; return; }
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok && !answer.redirected) take(new DOMParser().parseFromString(await answer.text(), "text/html"), false);
    } catch { /* It is away for a moment; the next change tells. */ }
    fetching = false;
    if (again) { again = false; setTimeout(refresh, 1000); }
  };
  if (news) news.querySelector("button").addEventListener("click", () => { if (wanted) take(wanted, true); });
  const live = document.body.dataset.live;
  if (live && main) {
    let source = null;
    const follow = () => {
      if (source) return;
      source = new EventSource(live);
      source.addEventListener("changed", refresh);
    };
    const leave = () => { if (source) { source.close(); source = null; } };
    follow();
    // A page that nobody looks at takes nobody's place.
    document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); else { follow(); refresh(); } });
    addEventListener("pagehide", leave);
  }

  // Keys.
  let at = -1, after = "";
  const rows = () => Array.from(main.querySelectorAll("[data-row]"));
  const move = (by) => {
    const all = rows();
    if (all.length === 0) return;
    at = Math.min(all.length - 1, Math.max(0, at + by));
    for (const row of all) row.classList.remove("at");
    all[at].classList.add("at");
    const link = all[at].querySelector("a, summary, button");
    if (link) link.focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, textarea, select")) { if (event.key === "Escape") event.target.blur(); return; }
    const key = after + event.key;
    after = event.key === "g" ? "g" : "";
    switch (key) {
      case "/": { const field = document.getElementById("search"); if (field) { field.focus(); field.select(); } break; }
      case "j": move(1); break;
      case "k": move(-1); break;
      case "r": { const retry = main.querySelector('[data-key="r"]'); if (!retry) return; retry.parentElement.open = true; const field = retry.parentElement.querySelector("input:not([type=hidden])"); if (field) field.focus(); break; }
      case "?": { const help = document.getElementById("help"); if (help) help.showModal(); break; }
      case "go": location.href = "/console/orders"; break;
      case "ga": location.href = "/console/attention"; break;
      case "gs": location.href = "/console/stock"; break;
      case "Escape": { const open = document.activeElement && document.activeElement.closest("details[open]"); if (!open) return; open.open = false; open.querySelector("summary").focus(); break; }
      default: return;
    }
    event.preventDefault();
  });
})();
