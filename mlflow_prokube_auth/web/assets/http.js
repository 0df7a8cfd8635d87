// How our scripts speak to the server: addresses, calls and what went wrong with one, the ways out of the page.

// The browser's path to the server, ending in "/": this file is prokube-auth/assets/<version>/http.js below it.
export const base = new URL("../../../", import.meta.url).pathname;

export const own = (path) => base + "prokube-auth/" + path;

// As the browser has it: menu.js puts a watch on MLflow's own calls.
export const send = window.fetch.bind(window);

// What a reader is told of a call that failed; status 0 without an answer.
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The answer's JSON; what is sent goes into the query with GET, into the body else. Throws a Problem.
export async function call(method, path, sent) {
  const query = method === "GET" && sent ? "?" + new URLSearchParams(sent) : "";
  let response;
  try {
    response = await send(own(path) + query, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: method === "GET" || !sent ? undefined : JSON.stringify(sent),
    });
  } catch {
    throw new Problem(0, "The server does not answer. Check your connection and try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401) throw new Problem(401, "You were logged out.");
  throw new Problem(response.status, answer.message || `The server answered ${response.status}. Try again.`);
}

export const framed = window.self !== window.top;

// The login provider and our login refuse a foreign frame, so they get the whole window (as in Kubeflow).
export function leave(url) {
  if (framed) window.top.location.href = url;
  else location.assign(url);
}

// Throws a Problem where no answer comes.
export async function logOut() {
  const answer = await call("POST", "logout").catch((problem) => {
    if (!problem.status) throw problem;
    return {};
  });
  // Without a session there is nothing to end: the login page is where a logout leads anyway.
  leave(answer.redirect || own("login"));
}
