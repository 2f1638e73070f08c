// The pages speak with the API. What stands behind `#` in a link is a token: browsers keep it to themselves.
"use strict";

const part = (id) => document.getElementById(id);
const token = location.hash.slice(1);

function say(text, good = false) {
  const message = part("message");
  message.textContent = text;
  message.classList.toggle("good", good);
  message.hidden = false;
}

async function call(method, path, body) {
  const request = { method, headers: {} };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch("/api/v1" + path, request);
  } catch {
    throw { detail: "The server cannot be reached." };
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = text === "" ? {} : JSON.parse(text);
  } catch {
    answer = { detail: "The server gave an answer that makes no sense." };
  }
  if (!response.ok) {
    throw answer;
  }
  return answer;
}

const kind = (problem) => String(problem.type).replace("urn:backstay:problem:", "");

function complain(problem) {
  say([problem.detail || "Something went wrong.", problem.hint].filter(Boolean).join(" – "));
}

function onSubmit(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    part("message").hidden = true;
    try {
      await send(Object.fromEntries(new FormData(form)));
    } catch (problem) {
      complain(problem);
    } finally {
      button.disabled = false;
    }
  });
}

function show(form) {
  form.hidden = false;
  form.querySelector("input").focus();
}

async function setup(form) {
  const { open } = await call("GET", "/setup");
  if (!open) {
    location.replace("/sign-in");
    return;
  }
  if (token === "") {
    say("Open the link that the server printed when it was started.");
    return;
  }
  onSubmit(form, async (fields) => {
    await call("POST", "/setup", { token, ...fields });
    location.replace("/");
  });
  show(form);
}

function signIn(form) {
  const second = part("second");
  onSubmit(form, async (fields) => {
    if (second.hidden) {
      delete fields.code;
    }
    try {
      await call("POST", "/sign-in", fields);
      location.replace(form.dataset.next);
    } catch (problem) {
      if (kind(problem) !== "code_needed") {
        throw problem;
      }
      second.hidden = false;
      part("code").required = true;
      part("code").focus();
    }
  });
}

function reset(ask, choose) {
  onSubmit(ask, async (fields) => {
    await call("POST", "/password-reset", fields);
    ask.hidden = true;
    say("If there is an account with this address, a mail is on its way.", true);
  });
  onSubmit(choose, async (fields) => {
    await call("POST", "/password-reset/confirm", { token, ...fields });
    history.replaceState(null, "", "/reset");
    choose.hidden = true;
    say("The new password is set. You can sign in with it.", true);
  });
  show(token === "" ? ask : choose);
}

async function home(section) {
  const me = await call("GET", "/me");
  part("who").textContent = `${me.person.name} (${me.person.email})`;
  for (const { name, role } of me.roles) {
    const item = document.createElement("li");
    item.textContent = `${name}: ${role}`;
    part("roles").append(item);
  }
  part("sign-out").addEventListener("click", async () => {
    try {
      await call("POST", "/sign-out");
      location.replace("/sign-in");
    } catch (problem) {
      complain(problem);
    }
  });
  section.hidden = false;
}

// A link that is pasted into a page that is open changes nothing but what stands behind `#`.
addEventListener("hashchange", () => {
  if (location.hash !== "") {
    location.reload();
  }
});

if (part("setup")) {
  setup(part("setup")).catch(complain);
} else if (part("sign-in")) {
  signIn(part("sign-in"));
} else if (part("ask")) {
  reset(part("ask"), part("choose"));
} else if (part("home")) {
  home(part("home")).catch(complain);
}
