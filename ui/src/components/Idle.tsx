// Signs out whoever does nothing, and says so before. What is done in one tab counts for all.

import { AlertDialog } from "@base-ui/react/alert-dialog";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";

import { endSession, isSessionHeld, LAST_USED, SIGNED_OUT } from "../api/client";
import { me } from "../api/queries";
import { duration } from "../lib/format";
import { idleState, renewal, warned } from "../lib/idle";
import { useSpeech } from "../texts";
import { Button, buttonClass } from "./basics";
import { Heading } from "./Heading";

const SIGNS_OF_LIFE = ["pointerdown", "pointermove", "keydown", "wheel"] as const;
const TICK = 1000;

/** After how many milliseconds without use the server ends a session. */
function useTimeout(): number | undefined {
  const length = useQuery(me()).data?.idle_timeout_seconds;
  return length ? length * 1000 : undefined;
}

export function Idle({ ended }: { ended: (timeout: number) => void }) {
  const timeout = useTimeout();
  return timeout === undefined ? null : <Watch timeout={timeout} ended={ended} />;
}

function Watch({ timeout, ended }: { timeout: number; ended: (timeout: number) => void }) {
  const { texts, language } = useSpeech();
  const queries = useQueryClient();
  const [left, setLeft] = useState<number>();
  const isWarned = useRef(false);
  const renewed = useRef(Date.now());

  const live = useCallback(() => {
    const now = Date.now();
    localStorage.setItem(LAST_USED, String(now));
    isWarned.current = false;
    setLeft(undefined);
    if (now - renewed.current >= renewal(timeout)) {
      renewed.current = now;
      void queries.invalidateQueries({ queryKey: ["me"] });
    }
  }, [queries, timeout]);

  // The server may have seen requests since that nobody made; so the session is ended there too.
  const end = useCallback(async () => {
    if (!isSessionHeld()) {
      ended(timeout);
    }
    await endSession();
    if (isSessionHeld()) {
      renewed.current = Date.now();
      live();
      dispatchEvent(new Event(SIGNED_OUT));
    }
  }, [ended, live, timeout]);

  useEffect(() => {
    live();
    let told = Date.now();
    const sign = () => {
      // Once it was asked, only an answer counts.
      if (!isWarned.current && Date.now() - told >= TICK) {
        told = Date.now();
        live();
      }
    };
    let isOver = false;
    const look = () => {
      const now = Date.now();
      const lastUsed = Number(localStorage.getItem(LAST_USED) ?? now);
      const state = idleState(lastUsed, now, timeout);
      isWarned.current = state !== "active";
      setLeft(state === "warning" ? lastUsed + timeout - now : undefined);
      if (state === "over" && !isOver) {
        isOver = true;
        void end().finally(() => (isOver = false));
      }
    };
    const ticking = setInterval(look, TICK);
    SIGNS_OF_LIFE.forEach((name) => addEventListener(name, sign, { passive: true }));
    return () => {
      clearInterval(ticking);
      SIGNS_OF_LIFE.forEach((name) => removeEventListener(name, sign));
    };
  }, [end, live, timeout]);

  const stay = () => {
    renewed.current = 0;
    live();
  };
  const shown = Math.ceil(Math.min(left ?? 0, warned(timeout)) / 1000);
  return (
    <AlertDialog.Root open={left !== undefined} onOpenChange={(open) => !open && stay()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 z-20 bg-black/40" />
        <AlertDialog.Popup className="fixed top-1/2 left-1/2 z-20 w-[min(26rem,calc(100vw-2rem))] -translate-1/2 rounded-lg border border-line bg-card p-5">
          <AlertDialog.Title className="text-base font-semibold">{texts.people.idle.title}</AlertDialog.Title>
          <AlertDialog.Description className="mt-2 text-sm text-faint tabular-nums">
            {texts.people.idle.hint(duration(shown, language))}
          </AlertDialog.Description>
          <div className="mt-5 flex flex-wrap justify-end gap-2">
            <Button onClick={() => void end()}>{texts.people.idle.leave}</Button>
            <AlertDialog.Close className={buttonClass("accent")}>{texts.people.idle.stay}</AlertDialog.Close>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

/** What is there in place of everything once the session has ended. */
export function Ended({ timeout }: { timeout: number }) {
  const { texts, language } = useSpeech();
  const queries = useQueryClient();
  // What was shown may be read by nobody else now.
  useEffect(() => queries.clear(), [queries]);
  const next = encodeURIComponent(location.pathname + location.search);
  const button = useRef<HTMLAnchorElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <main className="mx-auto max-w-md p-6 pt-24 text-center">
      <Heading className="text-xl font-semibold">{texts.people.idle.over}</Heading>
      <p role="status" className="mt-2 mb-5 text-sm text-faint">
        {texts.people.idle.overHint(duration(timeout / 1000, language))}
      </p>
      <a ref={button} href={`/sign-in?next=${next}`} className={buttonClass("accent")}>
        {texts.people.idle.signIn}
      </a>
    </main>
  );
}
