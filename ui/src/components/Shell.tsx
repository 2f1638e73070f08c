// What surrounds every page: the way to the others, and whose session it is.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouter } from "@tanstack/react-router";
import {
  Archive,
  Bell,
  CalendarClock,
  Folders,
  FolderTree,
  Gauge,
  History,
  LifeBuoy,
  ListChecks,
  LogOut,
  Menu,
  Plug,
  ScrollText,
  Server,
  Settings,
  Users,
} from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

import { answer, api } from "../api/client";
import { follow } from "../api/events";
import { useRights } from "../api/roles";
import { me } from "../api/queries";
import { keepFocus, setOut } from "../lib/focus";
import { languages, useSpeech, type Language } from "../texts";
import { Button, Field, Loading, inputClass } from "./basics";
import { Ended, Idle } from "./Idle";
import { ProjectSelect } from "./ProjectSelect";
import { SignedOut } from "./SignedOut";

/** The pages, and what one has to be able to do to see them. */
const PAGES = [
  ["/", "overview", Gauge, undefined],
  ["/plans", "plans", CalendarClock, undefined],
  ["/runs", "runs", ListChecks, undefined],
  ["/snapshots", "snapshots", History, "viewContent"],
  ["/sources", "sources", FolderTree, undefined],
  ["/destinations", "destinations", Archive, undefined],
  ["/connections", "connections", Plug, undefined],
  ["/nodes", "nodes", Server, undefined],
  ["/alerts", "alerts", Bell, undefined],
  ["/recovery", "recovery", LifeBuoy, "revealKeys"],
  ["/people", "people", Users, "managePeople"],
  ["/projects", "projects", Folders, "manageProject"],
  ["/audit", "audit", ScrollText, "readAudit"],
  ["/settings", "settings", Settings, "manageServer"],
] as const;

/** The pages that begin a group of their own. */
const FIRST_OF_GROUP: readonly string[] = ["/sources", "/alerts", "/people"];

export function Shell() {
  const { texts } = useSpeech();
  const queries = useQueryClient();
  const may = useRights();
  // What one may do says what pages hold: nothing is shown that would move when it comes.
  const isKnown = !useQuery(me()).isPending;
  const [open, setOpen] = useState(false);
  const [ended, setEnded] = useState<number>();
  const isEnded = ended !== undefined;
  useEffect(() => (isEnded ? undefined : follow(queries)), [queries, isEnded]);
  const end = useCallback((timeout: number) => setEnded(timeout), []);
  const router = useRouter();
  const content = useRef<HTMLElement>(null);
  useLayoutEffect(() => (content.current === null ? undefined : keepFocus(content.current)), [isEnded]);
  useEffect(
    () =>
      router.subscribe("onBeforeNavigate", ({ pathChanged, fromLocation }) => {
        if (pathChanged && fromLocation !== undefined) {
          document.title = "Backstay";
          setOut();
        }
      }),
    [router],
  );
  if (isEnded) {
    return <Ended timeout={ended} />;
  }
  return (
    <div className="mx-auto flex min-h-dvh max-w-screen-2xl flex-col md:flex-row">
      <a
        href="#content"
        className="absolute -top-20 left-2 z-10 rounded bg-accent px-3 py-2 text-on-accent focus:top-2"
      >
        {texts.shell.skip}
      </a>
      <header className="flex shrink-0 flex-col gap-4 border-line bg-card p-3 max-md:border-b md:sticky md:top-0 md:h-dvh md:w-52 md:overflow-y-auto md:border-r">
        <div className="flex items-center justify-between">
          <Link to="/" className="flex items-center gap-2 px-2 text-lg font-semibold">
            <img src="/icon.svg" alt="" width={24} height={24} />
            Backstay
          </Link>
          <Button className="md:hidden" aria-expanded={open} aria-controls="menu" onClick={() => setOpen(!open)}>
            <Menu aria-hidden size={18} />
            {texts.shell.menu}
          </Button>
        </div>
        <div id="menu" className={`grow flex-col justify-between gap-4 md:flex ${open ? "flex" : "max-md:hidden"}`}>
          <nav aria-label={texts.shell.navigation} className="flex flex-col gap-3">
            <ProjectSelect />
            <ul className={`flex flex-col gap-0.5 ${isKnown ? "" : "invisible"}`}>
              {PAGES.filter(([, , , action]) => !isKnown || action === undefined || may(action)).map(([path, name, Sign]) => (
                <li key={path} className={FIRST_OF_GROUP.includes(path) ? "mt-1 border-t border-line pt-1" : ""}>
                  <Link
                    to={path}
                    onClick={() => setOpen(false)}
                    activeOptions={{ exact: path === "/", includeSearch: false }}
                    className="flex min-h-8 items-center gap-3 rounded px-2 text-sm hover:bg-raised max-md:min-h-10"
                    activeProps={{ className: "bg-raised font-semibold text-accent" }}
                  >
                    <Sign aria-hidden size={18} />
                    {texts.pages[name]}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <Person />
        </div>
      </header>
      <main ref={content} id="content" tabIndex={-1} className="min-w-0 grow p-4 outline-none md:p-6">
        {isKnown ? <Outlet /> : <Loading />}
      </main>
      <SignedOut />
      <Idle ended={end} />
    </div>
  );
}

const THEMES = ["system", "light", "dark"] as const;
const THEME = "backstay-theme";

/** Puts the chosen appearance in force; when a page is opened, public/ui/appearance-1.js has done so. */
function dress(theme: string): void {
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  } else {
    delete document.documentElement.dataset.theme;
  }
}

function Person() {
  const { texts, chosen, speak } = useSpeech();
  const { data } = useQuery(me());
  const [theme, setTheme] = useState(localStorage.getItem(THEME) ?? "system");
  const leave = async () => {
    await answer(api.POST("/api/v1/sign-out"));
    location.assign("/sign-in");
  };
  return (
    <div className="flex flex-col gap-2 border-t border-line pt-2 text-sm">
      <div className="grid grid-cols-2 gap-2">
        <Field label={texts.shell.theme}>
          <select
            className={`${inputClass} px-1!`}
            value={theme}
            onChange={({ target }) => {
              localStorage.setItem(THEME, target.value);
              setTheme(target.value);
              dress(target.value);
            }}
          >
            {THEMES.map((name) => (
              <option key={name} value={name}>
                {texts.shell.themes[name]}
              </option>
            ))}
          </select>
        </Field>
        <Field label={texts.shell.language}>
          <select className={`${inputClass} px-1!`} value={chosen} onChange={({ target }) => speak(target.value as Language)}>
            {Object.entries(languages).map(([tag, { name }]) => (
              <option key={tag} value={tag} lang={tag}>
                {name}
              </option>
            ))}
          </select>
        </Field>
      </div>
      <Link to="/me" className="min-h-5 truncate px-1 text-accent hover:underline" title={data?.person.email}>
        {data?.person.name ?? texts.pages.account}
      </Link>
      <Button onClick={() => void leave()}>
        <LogOut aria-hidden size={16} />
        {texts.shell.signOut}
      </Button>
    </div>
  );
}
