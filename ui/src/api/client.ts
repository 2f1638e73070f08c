// Speaks with the server that the page came from. Types come from its OpenAPI document.

import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Why a call came to nothing, as the server says it (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly hint?: string,
    readonly field?: string,
  ) {
    super(message);
    this.name = "Problem";
  }

  static from(status: number, body: unknown): Problem {
    const told = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    const text = (name: string) => (typeof told[name] === "string" ? (told[name] as string) : undefined);
    const kind = (text("type") ?? "unknown").replace("urn:backstay:problem:", "");
    return new Problem(status, kind, text("detail") ?? text("title") ?? `HTTP ${status}`, text("hint"), text("field"));
  }
}

/** Where one signs in, and then comes back to this page. */
function signInAgain(): void {
  const next = encodeURIComponent(location.pathname + location.search);
  location.assign(`/sign-in?next=${next}`);
}

/** How many forms hold what was entered and is not saved. */
let held = 0;

/** Keeps the page where it is when the session ends, until what this gives is called. */
export function holdSession(): () => void {
  held += 1;
  return () => {
    held -= 1;
  };
}

/** Whether a form holds what is not saved. */
export const isSessionHeld = (): boolean => held > 0;

let isEnded = false;

/** Ends the session. The page stays where it is, and says so. */
export async function endSession(): Promise<void> {
  isEnded = held === 0;
  // Not by the client: where it has ended already there is nothing to tell.
  await fetch("/api/v1/sign-out", { method: "POST" }).catch(() => undefined);
}

/** Whether it was said that the session has ended, and nobody has signed in since. */
let isTold = false;

const unauthenticated: Middleware = {
  onResponse({ request, response }) {
    if (response.ok) {
      isTold = false;
    } else if (response.status === 401 && held > 0) {
      // What the page asks for by itself does not say it once more to somebody who went back to the form.
      if (!isTold || request.method !== "GET") {
        isTold = true;
        dispatchEvent(new Event(SIGNED_OUT));
      }
    } else if (response.status === 401 && !isEnded) {
      signInAgain();
    }
  },
};

/** What is heard on the window when the session has ended under an open form. */
export const SIGNED_OUT = "backstay-signed-out";

/** Where it is kept when somebody last did something, in any tab. */
export const LAST_USED = "backstay-last-used";
/** Who did nothing for so long did not ask for what the page asks for. */
const AWAY = 60_000;

const background: Middleware = {
  onRequest({ request }) {
    const used = Number(localStorage.getItem(LAST_USED) ?? Date.now());
    if (request.method === "GET" && Date.now() - used > AWAY) {
      request.headers.set("x-backstay-background", "1");
    }
  },
};

export const api = createClient<paths>();
api.use(unauthenticated, background);

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** What a call gave, or a {@link Problem}. */
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  let told: Answer<T>;
  try {
    told = await call;
  } catch {
    throw new Problem(0, "unreachable", "The server cannot be reached.");
  }
  if (!told.response.ok) {
    throw Problem.from(told.response.status, told.error);
  }
  return told.data as T;
}
