// All permissions and why, what nobody owns, the trash, the audit trail.
import { attempt, button, done } from "./acts.js";
import { call, list, onSubmit, page, quiet, tag, time } from "./admin.js";
import { at, element, link } from "./dom.js";
import { Problem, base, own } from "./http.js";

const places = JSON.parse(page.places);

function resource({ kind, id, name }) {
  if (id !== "*" && !name) return [quiet(`deleted (id ${id})`)];
  const text = id === "*" ? "all of this kind" : name;
  const shown = places[kind] && id !== "*" && name ? link(text, `${base}#/${places[kind].replace("{}", encodeURIComponent(id))}`) : text;
  return name && name !== id ? [shown, " ", quiet(`(id ${id})`)] : [shown];
}

const pages = {
  permissions() {
    const why = at("why");
    list({
      path: "permissions",
      columns: [
        { label: "Who", cell: ({ holder, holder_kind: kind }) => (kind === "user" ? holder : [quiet(kind), " ", holder]) },
        { label: "Level", cell: ({ level }) => tag(level) },
        { label: "Kind", cell: (item) => item.kind_label },
        { label: "On", cell: resource },
        { label: "From", cell: ({ fixed, id, holder_kind: kind }) => quiet(id === "*" ? "all of its kind" : fixed ? (kind === "team" ? "a rule" : "a role") : "a grant") },
        { label: "Change", hidden: true, cell: ({ shared, kind, id }) => (shared ? link("Share", own(`share?${new URLSearchParams({ kind, id })}`)) : null) },
      ],
    });
    onSubmit(why, async ({ user, kind, id }) => {
      at("why-answer").hidden = true;
      const answer = await call("GET", "explain", { user: user.trim(), kind, id: id.trim() });
      at("why-level").replaceChildren(
        element("strong", {}, answer.user), " may do ", ...(answer.level ? [tag(answer.level), " "] : []),
        `on '${answer.name}': ${answer.allows}.`,
      );
      at("why-reasons").replaceChildren(...answer.reasons.map((reason) => element("li", {}, reason)));
      at("why-answer").hidden = false;
      at("why-answer").scrollIntoView({ block: "nearest" });
      at("page-error").hidden = true;
    });
  },

  unowned() {
    const boxes = () => [...document.querySelectorAll("#list [data-choose]")];
    const chosen = () => boxes().filter((box) => box.checked);
    const all = at("choose-all");
    function count() {
      const number = chosen().length;
      at("chosen").textContent = `${number} chosen`;
      all.checked = number > 0 && number === boxes().length;
      all.indeterminate = number > 0 && number < boxes().length;
    }
    const table = list({
      path: "unowned",
      data: ({ kind, id }) => ({ kind, id }),
      columns: [
        { label: "Choose", hidden: true, cell: ({ kind, id, name }) => element("input", { type: "checkbox", data: { choose: "", kind, id }, label: `Choose ${name}` }) },
        { label: "Kind", cell: (item) => item.kind_label },
        { label: "Name", cell: (item) => [...resource(item), ...(item.trashed ? [" ", tag("in the trash")] : [])] },
      ],
      loaded: ({ items }) => {
        at("assign").hidden = !items.length;
        count();
      },
    });
    all.addEventListener("change", () => {
      at("page-error").hidden = true;
      for (const box of boxes()) box.checked = all.checked;
      count();
    });
    at("list").addEventListener("change", () => {
      at("page-error").hidden = true;
      count();
    });
    onSubmit(at("assign"), async ({ user }) => {
      const resources = chosen().map(({ dataset: { kind, id } }) => ({ kind, id }));
      if (!resources.length) throw new Problem(0, "Choose resources in the list first.");
      const answer = await call("POST", "assign", { user: user.trim(), resources });
      await table.load();
      done(`${answer.user} manages ${answer.assigned} more now.`);
    });
    count();
  },

  trash() {
    const table = list({
      path: "trash",
      data: ({ id }) => ({ id }),
      columns: [
        { label: "Experiment", cell: ({ name, id }) => [name, " ", quiet(`(id ${id})`)] },
        { label: "Managed by", cell: ({ managers }) => managers.join(", ") || quiet("nobody") },
        {
          label: "Change",
          hidden: true,
          cell: ({ name, id }) => {
            const made = button("Restore", (pressed) => attempt(pressed.closest("tr"), null, async () => {
              await call("POST", "restore", { id });
              await table.refresh(name);
              done(`Restored the experiment ${name} with its runs and permissions.`);
            }), "small");
            made.append(element("span", { className: "sr-only" }, " " + name));
            return made;
          },
        },
      ],
    });
  },

  audit() {
    // Whose role it is says more than what MLflow calls it.
    const details = ({ detail: { user, user_id: id, role, ...detail }, client }) => quiet(Object.entries({ user: user || (id && `deleted (id ${id})`), role: user ? "" : role, ...detail, from: client })
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value]) => {
        const shown = name.endsWith("_at") && Number.isInteger(value) ? new Date(value * 1000).toLocaleDateString(undefined, { dateStyle: "medium" }) : value;
        return `${name.replaceAll("_", " ")}: ${shown}`;
      })
      .join(", "));
    const day = (text, days) => {
      const [year, month, date] = text.split("-").map(Number);
      return Math.floor(new Date(year, month - 1, date + days).getTime() / 1000);
    };
    list({
      path: "audit",
      data: ({ action }) => ({ action }),
      // Days as the reader's clock has them; the last one counts whole.
      change: ({ since, until, ...rest }) => ({
        ...rest, ...(since ? { since: day(since, 0) } : {}), ...(until ? { until: day(until, 1) } : {}),
      }),
      // What is exported is what the fields let through.
      loaded: (answer, sent) => document.querySelectorAll("[data-export]").forEach((each) => {
        each.href = `${own(each.dataset.export)}?${new URLSearchParams(sent)}`;
      }),
      columns: [
        { label: "When", cell: ({ at: iso }) => time(iso) },
        { label: "Who", cell: ({ actor }) => actor },
        { label: "What", cell: ({ action }) => element("code", {}, action) },
        { label: "To", cell: ({ target, name }) => (name ? [name, " ", quiet(`(${target})`)] : target) },
        { label: "Details", cell: details },
      ],
    });
  },
};
pages[page.section]();
