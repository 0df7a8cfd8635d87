// A new access key, shown once: the key itself, and snippets under tabs.
import { at, timeElement } from "./dom.js";

const safe = /^[\w@%+=:,./-]+$/;
const quoted = (text) => (safe.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'");

function snippets({ tracking_uri: uri, username, access_key: key }) {
  const pairs = [
    ["MLFLOW_TRACKING_URI", uri],
    ["MLFLOW_TRACKING_USERNAME", username],
    ["MLFLOW_TRACKING_PASSWORD", key],
  ];
  const each = (line) => pairs.map(([name, value]) => line(name, value));
  // MLflow reads this file with configparser, to which "%" is special.
  const ini = (text) => text.replaceAll("%", "%%");
  return {
    shell: each((name, value) => `export ${name}=${quoted(value)}`).join("\n"),
    env: each((name, value) => `${name}=${safe.test(value) ? value : JSON.stringify(value)}`).join("\n"),
    python: ["import os", "", ...each((name, value) => `os.environ["${name}"] = ${JSON.stringify(value)}`)].join("\n"),
    credentials: ["[mlflow]", `mlflow_tracking_username = ${ini(username)}`, `mlflow_tracking_password = ${ini(key)}`].join("\n"),
    kubectl: ["kubectl create secret generic mlflow-credentials", ...each((name, value) => `  --from-literal=${name}=${quoted(value)}`)].join(" \\\n"),
  };
}

export function fillKey(answer) {
  at("new-key").value = answer.access_key;
  at("new-key-expiry").replaceChildren(timeElement(answer.expires_at));
  for (const [name, text] of Object.entries(snippets(answer))) {
    at("snippet-" + name).textContent = text;
  }
}

// From the page's memory, too.
export function clearKey() {
  at("new-key").value = "";
  document.querySelectorAll("[id^=snippet-]").forEach((snippet) => { snippet.textContent = ""; });
}

// To which day so many days lead, in the reader's own language and time zone.
export const untilDay = (days) =>
  "until " + new Date(Date.now() + days * 86400000).toLocaleDateString(undefined, { dateStyle: "medium" });

export function localDate(daysAhead) {
  const day = new Date();
  day.setDate(day.getDate() + daysAhead);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

// --- tabs ---------------------------------------------------------------------------------

const tabs = [...document.querySelectorAll('[role="tab"]')];

function select(tab) {
  for (const other of tabs) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
    at(other.getAttribute("aria-controls")).hidden = !on;
  }
  tab.focus();
}

function tabKey(event) {
  const here = tabs.indexOf(event.currentTarget);
  const next = {
    ArrowRight: (here + 1) % tabs.length,
    ArrowLeft: (here + tabs.length - 1) % tabs.length,
    Home: 0,
    End: tabs.length - 1,
  }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  select(tabs[next]);
}

// Nothing on a page without the panel.
for (const tab of tabs) {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", tabKey);
}
at("new-key")?.addEventListener("focus", (event) => event.target.select());
