// Allow a login on the command line: get the code, and take it to the waiting command or show it.
import { at, callOrShow } from "./dom.js";

function showCode(code) {
  at("code").value = code;
  at("consent").hidden = true;
  at("code-card").hidden = false;
  at("copy-code").focus();
}

// The server never names another place; this page would not go there either.
function isLoopback(address) {
  const url = new URL(address);
  return url.protocol === "http:" && url.hostname === "127.0.0.1";
}

async function allow() {
  at("allow").disabled = true;
  const sent = Object.fromEntries(new URLSearchParams(location.search));
  const answer = await callOrShow("POST", "api/cli/consent", sent);
  if (answer?.redirect && isLoopback(answer.redirect)) location.replace(answer.redirect);
  else if (answer?.code) showCode(answer.code);
  else {
    at("allow").disabled = false;
    at("allow").focus();
  }
}

at("allow").addEventListener("click", allow);
at("code").addEventListener("focus", (event) => event.target.select());
at("allow").disabled = false;
// Back from the command's page, out of the browser's cache: the button works again.
window.addEventListener("pageshow", (event) => { if (event.persisted) at("allow").disabled = false; });
