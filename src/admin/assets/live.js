// Keeps a page up to date: listens to what changed, reads the same page again, and puts its parts in place. Without it every page still works.
"use strict";
(() => {
  const GAP = 500;
  const state = document.getElementById("live-state");
  const parts = document.querySelectorAll("[data-live]");
  if (!parts.length || !("EventSource" in window)) return;

  let changed = new Set();
  let last = 0;
  let timer = 0;
  let busy = false;

  const say = (text) => { if (state && state.textContent !== text) state.textContent = text; };
  const isUsed = (part) => {
    const active = document.activeElement;
    if (part.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName)) return true;
    const chosen = window.getSelection();
    return Boolean(chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode));
  };
  const concerns = (part, topics) => topics.has("*") || part.dataset.live.split(" ").some((topic) => topics.has(topic));

  const put = (fresh, topics) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = part.id && fresh.getElementById(part.id);
      if (!next || !concerns(part, topics) || isUsed(part)) continue;
      part.querySelectorAll("details").forEach((old, at) => {
        const twin = next.querySelectorAll("details")[at];
        if (twin && old.open) twin.open = true;
      });
      if (part.isEqualNode(next)) continue;
      const focused = part.contains(document.activeElement) ? [...part.querySelectorAll("a,button,summary")].indexOf(document.activeElement) : -1;
      part.replaceChildren(...document.importNode(next, true).childNodes);
      if (focused >= 0) part.querySelectorAll("a,button,summary")[focused]?.focus({ preventScroll: true });
    }
  };

  const read = async () => {
    timer = 0;
    if (busy || document.hidden) return;
    busy = true;
    last = Date.now();
    const topics = changed;
    changed = new Set();
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (answer.redirected && new URL(answer.url).pathname === "/login") { location.reload(); return; }
      if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"), topics);
    } catch {
      topics.forEach((topic) => changed.add(topic));
    } finally {
      busy = false;
      if (changed.size) plan();
    }
  };
  const plan = () => { if (!timer) timer = setTimeout(read, Math.max(0, last + GAP - Date.now())); };
  const note = (topic) => { changed.add(topic); plan(); };

  const events = new EventSource("/api/v1/events");
  let seen = false;
  events.addEventListener("hello", () => { say("Live"); if (seen) note("*"); seen = true; });
  events.addEventListener("lagged", () => note("*"));
  events.addEventListener("change", (event) => note(JSON.parse(event.data).topic));
  events.onerror = () => say("Reconnecting");
  document.addEventListener("visibilitychange", () => { if (!document.hidden && changed.size) plan(); });
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
